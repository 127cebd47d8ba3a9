"""One answer checked, one round of load measured: figures from the load, from /proc and from the stub."""

import http.client
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.figures import Round
from bench.peers.processes import Server, core_busy_s, cpu_s, memory_mb, pinned
from bench.peers.systems import System
from bench.peers.workloads import TOKEN, Workload

# How long answers under way are awaited when the time is over.
PATIENCE_S = 60.0


class Stub:
    """The gateway's stand-in, and what it is told and asked beside its contract."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def requests(self) -> int:
        """How many it was sent since this was last asked."""
        return int(json.loads(_sent(self._server.port, "GET", "/__stats", b"")[1])["requests"])

    def wait(self, latency_ms: int) -> None:
        """From now on every reply waits so long."""
        _sent(self._server.port, "GET", f"/__latency?ms={latency_ms}", b"")


@dataclass(frozen=True)
class Running:
    """A system that serves."""

    system: System
    server: Server

    def path(self, workload: Workload) -> str:
        """Where a workload is sent."""
        return "/graphql" if self.system.speaks_graphql else workload.floor

    def answer(self, workload: Workload) -> bytes:
        """
        The body of one answer.

        Raises:
            RuntimeError: it is not a 200.
        """
        status, body = _sent(self.server.port, "POST", self.path(workload), workload.body)
        if status != 200:
            raise RuntimeError(f"{self.system.name} answered {workload.name} with {status}: {body[:300]!r}")
        return body


def normalised(answer: bytes) -> bytes:
    """An answer without its blanks and escapes: what is left must be equal, the order of keys too."""
    content: dict[str, Any] = json.loads(answer)
    if content.get("errors"):
        raise RuntimeError(f"errors in place of an answer: {content['errors'][:2]}")
    return json.dumps({"data": content["data"]}, ensure_ascii=False, separators=(",", ":")).encode()


class Load:
    """
    The program that sends, with its files.

    Args:
        core: its own.
        server_core: that of the servers, to be watched for others.
    """

    def __init__(
        self, program: Path, folder: Path, *, core: int | None, stub: Stub, server_core: int | None = None
    ) -> None:
        self._program = program
        self._folder = folder
        self._core = core
        self._server_core = server_core
        self._stub = stub

    def round(
        self,
        running: Running,
        workload: Workload,
        seconds: float,
        *,
        checked: bytes | None,
        connections: int = 0,
    ) -> Round:
        """
        Load one system for so many seconds.

        Args:
            checked: the body that every answer must be; None when nobody knows it yet.
            connections: in place of the workload's own number.
        """
        pid = running.server.pid
        self._stub.requests()
        before, busy_before, begun = cpu_s(pid), core_busy_s(self._server_core), time.perf_counter()
        request = _request(running.path(workload), workload.body)
        said = self.send(running.server.port, request, checked, connections or workload.connections, seconds)
        elapsed_s = time.perf_counter() - begun
        cpu, busy, upstream = (
            cpu_s(pid) - before,
            core_busy_s(self._server_core) - busy_before,
            self._stub.requests(),
        )
        rss, pss = memory_mb(pid)
        operations = max(1, said["answers"])
        return Round(
            per_s=said["answers"] / max(said["elapsed_s"], 1e-9),
            cpu_ms=cpu * 1000 / operations,
            p50_ms=said["p50_ms"],
            p99_ms=said["p99_ms"],
            upstream=upstream / operations,
            rss_mb=rss,
            pss_mb=pss,
            operations=said["answers"],
            wrong=said["wrong"] + said["lost"],
            foreign=max(0.0, busy - cpu) / elapsed_s,
        )

    def send(
        self, port: int, request: bytes, checked: bytes | None, connections: int, seconds: float
    ) -> dict[str, Any]:
        """What the program says of one run."""
        request_file, answer_file = self._folder / "request", self._folder / "answer"
        request_file.write_bytes(request)
        if checked is not None:
            answer_file.write_bytes(checked)
        expected = "-" if checked is None else str(answer_file)
        arguments = [str(port), str(request_file), expected, str(connections), str(seconds), str(PATIENCE_S)]
        done = subprocess.run(
            [*pinned(self._core), str(self._program), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE_S + 10,
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said


def ceiling(load: Load, port: int, seconds: float) -> float:
    """Requests in a second that load and stub do with each other on their one core, for 50 locations each."""
    target = "/ocpi/cpos/101/locations?page=1&limit=50"
    request = f"GET {target} HTTP/1.1\r\nHost: stub\r\nAuthorization: {TOKEN}\r\n\r\n".encode()
    said = load.send(port, request, None, 8, seconds)
    return float(said["answers"] / said["elapsed_s"])


def _request(path: str, body: bytes) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: application/json",
        "Content-Type: application/json",
        f"Authorization: {TOKEN}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _sent(port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": TOKEN}
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
