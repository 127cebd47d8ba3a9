"""A gateway that does with its sockets what no HTTP server would: gone, dropping what it kept, silent; and back."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.processes import Command

READ = "{ cpos(first: 1) { totalCount } }"
WHOLE = {"data": {"cpos": {"totalCount": 0}}}
CREATE = """mutation { bulkCreateLocations(input: {cpoId: "101", locations: [{location: {name: "A", address: "b",
  city: "c", country: "FR", coordinates: {latitude: 1, longitude: 2}}}]}) { job { id } } }"""
PAGE = b'{"data": [], "total": 0, "page": 1, "limit": 1}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(PAGE),
    PAGE,
)
RECOVERY_S = 5


class RawGateway:
    """
    Sockets on one port of this machine, that answer every request with an empty page.

    Attributes:
        drops: a kept connection breaks as soon as its second request has come.
        silent: requests are read and not answered.
        asked: method and target of each request.
    """

    def __init__(self) -> None:
        self.drops = self.silent = False
        self.asked: list[str] = []
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """Neither listening nor connected to anybody."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError), connection.makefile("rb") as incoming:
            served = 0
            while line := incoming.readline():
                length = 0
                while (header := incoming.readline()) not in {b"\r\n", b""}:
                    name, _, value = header.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                incoming.read(length)
                self.asked.append(b" ".join(line.split()[:2]).decode())
                if self.drops and served:
                    break
                if not self.silent:
                    connection.sendall(ANSWER)
                served += 1
        self._connections.discard(connection)


@pytest.fixture
def gateway() -> Iterator[RawGateway]:
    gateway = RawGateway()
    gateway.up()
    yield gateway
    gateway.down()


@contextmanager
def facade(gateway: RawGateway, folder: Path, **settings: str) -> Iterator[Command]:
    environ = {f"OCPPLAB_{name.upper()}": value for name, value in settings.items()}
    arguments = ("serve", "--port", "0", "--gateway-url", gateway.url)
    with Command(*arguments, folder=folder, environ=environ) as command:
        yield command.announced()


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body.get("errors", [])]


def many(service: Command, how_many: int) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(10) as callers:
        return list(callers.map(lambda _: service.graphql(READ), range(how_many)))


def seconds_until_well(service: Command) -> float:
    """How long it takes until twenty operations in a row are answered whole, and it says that it is ready."""
    began = time.monotonic()
    while many(service, 20) != [WHOLE] * 20 or httpx.get(f"{service.url}/ready").status_code != 200:
        assert time.monotonic() - began < 4 * RECOVERY_S
    return time.monotonic() - began


@pytest.mark.parametrize("transport", ["http1", "aiohttp", "httpx"])
def test_a_gateway_that_was_gone_is_used_again_within_five_seconds(
    gateway: RawGateway, tmp_path: Path, transport: str
) -> None:
    with facade(gateway, tmp_path, gateway_transport=transport) as service:
        assert service.graphql(READ) == WHOLE
        gateway.down()
        outage = many(service, 40)
        ready = httpx.get(f"{service.url}/ready")
        gateway.up()
        took_s = seconds_until_well(service)
        stderr = service.stop().stderr.splitlines()

    assert {code for body in outage for code in codes(body)} == {"GATEWAY_UNAVAILABLE"}
    # Which of the two depends on whether the breaker may probe at this moment.
    assert (ready.status_code, ready.json()["status"] in {"gateway failing", "gateway unreachable"}) == (
        503,
        True,
    )
    assert int(ready.headers["retry-after"]) >= 1
    assert took_s < RECOVERY_S
    assert [line.split("breaker: ")[1].split(",")[0] for line in stderr] == ["open", "closed"]


def test_a_gateway_that_falls_silent_is_left_alone_and_used_again_within_five_seconds(
    gateway: RawGateway, tmp_path: Path
) -> None:
    slow = {"gateway_breaker_slow_s": "0.5", "gateway_max_concurrency": "5", "gateway_breaker_calls": "5"}
    with facade(gateway, tmp_path, **slow) as service:
        gateway.silent = True
        outage = many(service, 30)
        asked = len(gateway.asked)
        gateway.silent = False
        took_s = seconds_until_well(service)

    assert {code for body in outage for code in codes(body)} <= {"GATEWAY_UNAVAILABLE", "GATEWAY_TIMEOUT"}
    assert asked < 30
    assert took_s < RECOVERY_S


# httpx keeps no connection to a remote gateway.
@pytest.mark.parametrize("transport", ["http1", "aiohttp"])
def test_kept_connections_that_break_are_not_noticed_by_who_reads(
    gateway: RawGateway, tmp_path: Path, transport: str
) -> None:
    gateway.drops = True
    with facade(gateway, tmp_path, gateway_transport=transport) as service:
        bodies = [service.graphql(READ) for _ in range(20)]
        service.stop()
        retries = sum(line.get("gateway_retries", 0) for line in service.access_log())

    assert bodies == [WHOLE] * 20
    assert len(gateway.asked) == 20 + retries
    assert retries >= 8


@pytest.mark.parametrize("transport", ["http1", "aiohttp"])
def test_a_write_over_a_kept_connection_that_breaks_arrives_once_and_says_so(
    gateway: RawGateway, tmp_path: Path, transport: str
) -> None:
    gateway.drops = True
    with facade(gateway, tmp_path, gateway_transport=transport) as service:
        assert service.graphql(READ) == WHOLE
        body = service.graphql(CREATE)

    assert codes(body) == ["OUTCOME_UNKNOWN"]
    assert "Look for its effect before you repeat it" in body["errors"][0]["message"]
    assert [asked for asked in gateway.asked if asked.startswith("POST")] == ["POST /ocpi/cpos/101/locations"]
