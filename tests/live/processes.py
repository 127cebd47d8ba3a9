"""The product's own commands in processes of their own, and a gateway's front that sees what passes."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from tests.conftest import route_of

END_S = 30
_ANNOUNCED = re.compile(r"http://[\d.]+:\d+")


@dataclass(frozen=True)
class Ended:
    code: int
    stderr: str


PRODUCT = ("-m", "ocpplab_graphql")


class Command:
    """`ocpplab-graphql …`, until it is stopped. A context: what still runs at its end is killed."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = PRODUCT,
    ) -> None:
        self._stderr = TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=folder,
            env=clean_environ() | dict(environ or {}),
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            start_new_session=True,
        )
        self.url = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(END_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._stderr.close()

    def announced(self) -> "Command":
        """Wait until it says where it listens."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _ANNOUNCED.search(line):
                self.url = found[0]
                return self
        raise AssertionError(f"it ended before it listened: {self.wait()}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> Ended:
        """Its exit code, and all it said on stderr."""
        code = self._process.wait(END_S)
        self._stderr.seek(0)
        return Ended(code, self._stderr.read())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        self.send(number)
        return self.wait()

    def graphql(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """The whole answer to an operation."""
        response = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": "Bearer demo", **headers},
            timeout=END_S,
        )
        assert response.status_code == 200, response.text
        return response.json()  # type: ignore[no-any-return]

    def data(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """The data of an answer without errors."""
        body = self.graphql(query, variables)
        assert "errors" not in body, body["errors"]
        return body["data"]


def clean_environ() -> dict[str, str]:
    """This environment without what would configure the product or a proxy."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("OCPPLAB_") and not name.lower().endswith("_proxy")
    }


@dataclass(frozen=True)
class Seen:
    """A request as it arrived at the gateway's door."""

    method: str
    target: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Front:
    """
    Stands before a gateway, below a path prefix: notes each request and passes it on.

    Attributes:
        seen: the requests, in order of arrival.
        arrived: set by each request.
        open: while it is not set, replies wait.
    """

    url: str
    prefix: str
    seen: list[Seen] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)

    @property
    def calls(self) -> Counter[str]:
        """How many of each route; what is outside the prefix counts under its own path."""
        return Counter(f"{seen.method} {self._named(seen.target)}" for seen in self.seen)

    def _named(self, target: str) -> str:
        path = urlsplit(target).path
        return route_of(path.removeprefix(self.prefix)) if path.startswith(self.prefix) else path


@contextmanager
def front(upstream: str, prefix: str = "") -> Iterator[Front]:
    """A front on a free port of this machine."""
    address = urlsplit(upstream).netloc

    def reply_to(method: str, target: str, body: bytes, headers: Message) -> tuple[int, Any, bytes]:
        with closing(http.client.HTTPConnection(address, timeout=END_S)) as connection:
            connection.request(method, target, body, dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            watched.seen.append(Seen(self.command, self.path, self.headers.items()))
            watched.arrived.set()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            watched.open.wait(END_S)
            try:
                self.answer(*reply_to(self.command, self.path.removeprefix(prefix), body, self.headers))
            except (OSError, http.client.HTTPException):  # one of the two sides is gone
                self.close_connection = True

        def answer(self, status: int, headers: Sequence[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in {"date", "server", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = pass_on  # noqa: N815  # http.server's names

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    watched = Front(f"http://127.0.0.1:{server.server_port}{prefix}", prefix)
    watched.open.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield watched
    finally:
        watched.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
