"""Processes of the benchmark: built, pinned to a core, asked what they cost, and stopped by the one who began them."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
START_S = 60
_ANNOUNCED = re.compile(r"127\.0\.0\.1:(\d+)")
_TICKS = os.sysconf("SC_CLK_TCK")


class CannotStart(Exception):
    """A process ended, or was silent, before it said where it listens; the message is its last words."""


def compiled(name: str, folder: Path) -> Path:
    """
    The program `native/NAME.c`.

    Raises:
        CannotStart: there is no C compiler.
        subprocess.CalledProcessError: it does not compile.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise CannotStart(
            "the stub and the load are C: install a compiler (Debian: apt-get install gcc libc6-dev)"
        )
    program = folder / name
    source = HERE / "native" / f"{name}.c"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11"]
    subprocess.run([compiler, *flags, "-o", str(program), str(source)], check=True, timeout=120)
    return program


class Server:
    """A server on 127.0.0.1 that says its port on stdout. A context: it is stopped at the end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int | None,
        environ: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self._stderr = TemporaryFile()  # noqa: SIM115  # closed with the process
        self._stdout = TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [*pinned(core), *command],
            cwd=ROOT,
            env={**_clean_environ(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
        )
        self.port = port

    def __enter__(self) -> Self:
        try:
            self._wait_for_port()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the process itself, not of its children."""
        return self._process.pid

    def _wait_for_port(self) -> None:
        end = time.monotonic() + START_S
        while not self.port:
            if self._process.poll() is not None or time.monotonic() > end:
                raise CannotStart(self.last_words() or "it ended without a word")
            time.sleep(0.02)
            if found := _ANNOUNCED.search(_written(self._stdout)):
                self.port = int(found[1])

    def last_words(self) -> str:
        """The end of what it said on stderr."""
        return " ".join(_written(self._stderr).split())[-300:]

    def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait(5)
        self._stdout.close()
        self._stderr.close()


def cores() -> tuple[int | None, int | None]:
    """The core of the servers, and that of load and stub; None where there are not two to share."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2 or shutil.which("taskset") is None:
        return None, None
    return usable[-1], usable[0]


def pinned(core: int | None) -> list[str]:
    """What comes before a command that is to stay on one core; it becomes that command, with the same pid."""
    return [] if core is None else ["taskset", "-c", str(core)]


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        tasks = [task.name for task in Path(f"/proc/{pid}/task").iterdir()]
        for task in tasks:
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from family(int(child))
    except FileNotFoundError:
        return


def cpu_s(pid: int) -> float:
    """User and system time of a process and all below it, all threads, in seconds."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def core_busy_s(core: int | None) -> float:
    """What a core has done since the machine began, for whomever, in seconds; 0 for no core."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, *interrupts_and_stolen = map(int, ticks[:8])
            return (user + nice + system + sum(interrupts_and_stolen)) / _TICKS
    return 0.0


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident and proportional memory of a process and all below it, in MiB."""
    resident = proportional = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            name, _, amount = line.partition(":")
            if name == "Rss":
                resident += int(amount.split()[0])
            elif name == "Pss":
                proportional += int(amount.split()[0])
    return resident / 1024, proportional / 1024


def _written(file: IO[bytes], most: int = 1 << 20) -> str:
    """What a process wrote first. The place where it writes on is shared with it, and stays as it is."""
    return os.pread(file.fileno(), most, 0).decode(errors="replace")


def _clean_environ() -> dict[str, str]:
    """This environment without what would configure the product, Node or a proxy."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("OCPPLAB_", "NODE_")) and not name.lower().endswith("_proxy")
    }
