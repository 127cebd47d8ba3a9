"""Connections that send too slowly, too much, or do not read: each is cut off, and costs nobody else anything."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ocpplab_graphql.http.console import BUILT_ASSETS as ASSETS
from tests.live.hostile import Clock, post, query, raw
from tests.live.processes import Command

RECEIVE_S, SEND_S = 0.6, 0.6
HELLO = query("{ __typename }")
ASSET = f"GET /graphql/console/{max(ASSETS.iterdir(), key=lambda p: p.stat().st_size).name} HTTP/1.1\r\n\r\n".encode()


@pytest.fixture(scope="module")
def service(seeded_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A service with short deadlines."""
    folder = tmp_path_factory.mktemp("hostile")
    database = shutil.copy(seeded_database, folder / "sandbox.db")
    environ = {
        "OCPPLAB_RECEIVE_TIMEOUT_S": str(RECEIVE_S),
        "OCPPLAB_SEND_TIMEOUT_S": str(SEND_S),
        "OCPPLAB_KEEP_ALIVE_S": "1",
        "OCPPLAB_MAX_HEAD_BYTES": "8192",
        "OCPPLAB_CONNECTIONS_MAX": "8",
        "OCPPLAB_WEBSOCKETS_MAX": "2",
        "OCPPLAB_WEBSOCKET_MESSAGES_MAX": "50",
        "OCPPLAB_LOG_LEVEL": "WARNING",
    }
    arguments = ("serve", "--port", "0", "--database", str(database))
    with Command(*arguments, folder=folder, environ=environ) as command:
        yield command.announced()
        ended = command.stop()
        assert (ended.code, ended.stderr) == (0, "")


async def test_an_answer_comes_in_one_piece_and_a_head_alone_where_there_is_no_body(service: Command) -> None:
    address = httpx.URL(service.url)
    assert address.port is not None
    reader, writer = await asyncio.open_connection(address.host, address.port)
    pieces = []
    for _ in range(20):
        writer.write(post(HELLO))
        pieces.append(await reader.read(65536))
    for request in (b"HEAD /health", b"GET /health", b"HEAD /schema.graphql"):
        writer.write(request + b" HTTP/1.1\r\nHost: facade\r\n\r\n")
        pieces.append(await reader.read(65536))
    expecting = post(HELLO).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1)
    writer.write(expecting)
    expected = await reader.readuntil(b'"Query"}}')
    writer.close()

    answers, (head, got, schema) = pieces[:20], pieces[20:]
    assert {piece.partition(b"\r\n\r\n")[2] for piece in answers} == {b'{"data":{"__typename":"Query"}}'}
    assert [one.partition(b"\r\n\r\n")[2] for one in (head, schema)] == [b"", b""]
    assert got.endswith(b"}")
    assert expected.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_a_head_that_dribbles_is_told_408_and_cut_off(service: Command) -> None:
    clock = Clock()
    async with raw(service.url) as slow:

        async def dribble() -> None:
            for byte in b"GET /graphql HTTP/1.1\r\nX-Slow: " + b"x" * 1000:
                slow.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dribbling = asyncio.ensure_future(dribble())
        told = await slow.response()
        dribbling.cancel()

    assert (told.status, told.code, told.headers["connection"]) == (408, "REQUEST_TIMEOUT", "close")
    assert RECEIVE_S <= clock.s < RECEIVE_S + 4


async def test_a_body_that_dribbles_is_told_408_and_cut_off(service: Command) -> None:
    clock = Clock()
    async with raw(service.url) as slow:
        slow.send(post(HELLO[:5], length=len(HELLO)))
        told = await slow.response()
        rest = await slow.rest()

    assert (told.status, told.code, told.headers["connection"], rest) == (
        408,
        "REQUEST_TIMEOUT",
        "close",
        b"",
    )
    assert "did not come to its end within 0.6 seconds" in told.error["message"]
    assert told.error["extensions"]["retryable"] is True
    assert RECEIVE_S <= clock.s < RECEIVE_S + 4


@pytest.mark.parametrize("path", ["/sandbox/ocpi/cpos", "/sandbox/nowhere"])
async def test_so_is_one_for_the_sandbox(service: Command, path: str) -> None:
    async with raw(service.url) as slow:
        slow.send(post(b"{", length=100, path=path))
        told = await slow.response()

    assert (told.status, told.code) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/schema.graphql"])
async def test_a_body_that_nobody_reads_is_cut_off_too(service: Command, path: str) -> None:
    clock = Clock()
    async with raw(service.url) as slow:
        slow.send(post(b"{", length=100, path=path))
        answered = await slow.response()

        async def dribble() -> None:
            for _ in range(1000):
                slow.send(b"x")
                await asyncio.sleep(0.02)

        dribbling = asyncio.ensure_future(dribble())
        await slow.rest()
        dribbling.cancel()

    assert answered.status in {200, 404, 405}
    assert RECEIVE_S <= clock.s < RECEIVE_S + 6


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"])
async def test_a_connection_that_asks_nothing_is_closed(service: Command, sent: bytes) -> None:
    clock = Clock()
    async with raw(service.url) as idle:
        idle.send(sent)
        await idle.rest()

    assert RECEIVE_S <= clock.s < RECEIVE_S + 4


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"G"])
async def test_one_that_asks_nothing_more_is_closed_too(service: Command, sent: bytes) -> None:
    clock = Clock()
    async with raw(service.url) as idle:
        idle.send(post(HELLO))
        answered = await idle.response()
        idle.send(sent)
        await idle.rest()

    assert answered.status == 200
    assert clock.s < RECEIVE_S + 4


@pytest.mark.parametrize(
    "head",
    [
        b"GET /graphql HTTP/1.1\r\nX-Long: " + b"x" * 9000,
        b"GET /graphql HTTP/1.1\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET /graphql?query=" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
        b"G" + b"E" * 9000,
    ],
)
async def test_a_head_that_is_too_long_is_refused(service: Command, head: bytes) -> None:
    async with raw(service.url) as long:
        long.send(head)
        told = await long.response()

    assert told.status in {431, 400}
    assert told.headers["connection"] == "close"


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        post(HELLO, f"Content-Length: {len(HELLO) + 1}"),
        post(HELLO, "Transfer-Encoding: chunked"),
        post(HELLO, "Transfer-Encoding: xchunked"),
        b"POST /graphql HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /graphql\x00 HTTP/1.1\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\nA\x00: b\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\n A: b\r\n\r\n",
        b"CONNECT host:80 HTTP/1.1\r\n\r\n",
        b"GET \xff HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_told_400_and_cut_off(service: Command, request_: bytes) -> None:
    async with raw(service.url) as odd:
        odd.send(request_)
        told = await odd.response()
        rest = await odd.rest()

    assert (told.status, told.code, told.headers["connection"], rest) == (400, "BAD_REQUEST", "close", b"")


async def test_pipelined_requests_are_bounded(service: Command) -> None:
    async with raw(service.url) as hasty:
        hasty.send(post(HELLO) * 5)
        answered = [(await hasty.response()).status for _ in range(5)]
        hasty.send(post(HELLO) * 200)
        rest = await hasty.rest()

    assert answered == [200] * 5
    assert b"requests may wait on one connection" in rest


async def test_a_reader_who_does_not_read_is_cut_off(service: Command) -> None:
    request_, rounds = ASSET, 15
    async with raw(service.url) as eager:
        eager.send(request_)
        whole = len((await eager.response()).body)
    async with raw(service.url, limit=1024) as lazy:
        for _ in range(rounds):
            lazy.send(request_)
        await asyncio.sleep(2 * SEND_S + 1)
        read = await lazy.rest()

    assert len(read) < whole * rounds


async def test_beyond_its_connections_a_process_tells_only_how_it_is(service: Command) -> None:
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(raw(service.url)) for _ in range(8)]
        for one in held:
            one.send(post(HELLO))
            assert (await one.response()).status == 200
        async with raw(service.url) as further:
            further.send(post(HELLO))
            told = await further.response()
        async with raw(service.url) as probe:
            probe.send(b"GET /health HTTP/1.1\r\n\r\n")
            healthy = await probe.response()
    async with httpx.AsyncClient() as later:
        after = await later.get(f"{service.url}/health")

    assert (told.status, told.code, told.headers["retry-after"]) == (503, "OVERLOADED", "1")
    assert (healthy.status, after.status_code) == (200, 200)
