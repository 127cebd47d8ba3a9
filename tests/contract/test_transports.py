"""What both adapters make of real sockets, whatever comes over them."""

import asyncio
import gzip
import time
import zlib
from collections import Counter

import pytest

from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.errors import (
    GatewayInvalidResponse,
    GatewayOutcomeUnknown,
    GatewayTimeout,
    GatewayUnavailable,
)
from ocpplab_graphql.gateway.transport import (
    AiohttpTransport,
    Http1Transport,
    HttpxTransport,
    TransportFailed,
)

MAX_BYTES = 100_000
JSON = "Content-Type: application/json\r\n"
KINDS = {"http1": Http1Transport, "aiohttp": AiohttpTransport, "httpx": HttpxTransport.remote}
DEMO = Credentials("Bearer demo")


def http(body: bytes, status: str = "200 OK", headers: str = JSON, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {size}\r\n\r\n".encode() + body


def bomb() -> bytes:
    """100 MB of zeros in 100 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()


GZIP = JSON + "Content-Encoding: gzip\r\n"
ANSWERS = {
    "/ok": http(b'{"ok": true}'),
    "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/redirect": http(b"", "302 Found", "Location: /ok\r\n"),
    "/cookie": http(b"{}", headers="Set-Cookie: session=secret; Path=/\r\n"),
    "/zipped": http(gzip.compress(b'{"ok": true}'), headers=GZIP),
    "/dropped": b"",
    "/cut": http(b'{"ok"', length=500),
    "/cut-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "/large": http(b"x" * (MAX_BYTES + 1)),
    "/just-right": http(b"x" * MAX_BYTES),
    "/bomb": http(bomb(), headers=GZIP),
    "/broken-zip": http(b"this is not gzip", headers=GZIP),
    "/not-http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
}
# After these the connection is closed; the others promise that it is kept.
BROKEN = [ANSWERS[path] for path in ("/dropped", "/cut", "/cut-chunk", "/not-http")]


class Server:
    """A raw server on a free port of this machine: says exactly these bytes, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.heads: list[str] = []
        self.kept_waiting = asyncio.Semaphore(0)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head.splitlines()[1:] if line)}
        await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = head.split(" ", 2)
        self.heads.append(head)
        self.asked[f"{method} {target}"] += 1
        if "/slow" in target:
            self.kept_waiting.release()
            await reader.read()
            return False
        answer = ANSWERS.get(target, ANSWERS["/ok"])
        writer.write(answer)
        await writer.drain()
        return answer not in BROKEN


@pytest.fixture
async def server():
    async with Server() as running:
        yield running


@pytest.fixture(params=["http1", "aiohttp", "httpx"])
async def transport(request, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    kind = KINDS[request.param]
    made = kind(connections=4, max_body_bytes=MAX_BYTES)
    yield made
    await made.aclose()


@pytest.fixture
def get(server, transport):
    def send(path):
        return transport.send("GET", server.url + path, {"Accept": "application/json"}, None)

    return send


async def test_a_reply_is_its_status_headers_and_body(get):
    reply = await get("/ok")

    assert (reply.status, reply.body) == (200, b'{"ok": true}')
    assert reply.headers["content-type"] == "application/json"


async def test_a_reply_may_be_empty_compressed_or_as_large_as_is_allowed(get):
    assert (await get("/empty")).status == 204
    assert (await get("/zipped")).body == b'{"ok": true}'
    assert len((await get("/just-right")).body) == MAX_BYTES


async def test_the_target_and_headers_arrive_as_they_were_given(server, transport):
    target = "/ocpp/chargers/a%2Fb%3A~%20%C3%A9%25?charger_ids=a%26b&charger_ids=c"

    await transport.send("GET", server.url + target, {"Authorization": "Bearer  x=="}, None)

    assert server.asked == {f"GET {target}": 1}
    assert "Authorization: Bearer  x==\r\n" in server.heads[0]


async def test_a_redirect_is_not_followed(get, server):
    assert (await get("/redirect")).status == 302
    assert server.asked == {"GET /redirect": 1}


async def test_cookies_are_not_kept(get, server):
    await get("/cookie")
    await get("/ok")

    assert "cookie" not in server.heads[1].lower()


async def test_a_connection_that_is_refused_has_sent_nothing(transport):
    async with Server() as gone:
        url = gone.url
    with pytest.raises(TransportFailed, match="no connection") as failed:
        await transport.send("POST", url + "/ok", {}, b"{}")

    assert failed.value.sent is False


@pytest.mark.parametrize("path", ["/dropped", "/cut", "/cut-chunk", "/not-http"])
async def test_a_connection_that_breaks_after_sending_may_have_been_seen(server, transport, path):
    with pytest.raises(TransportFailed, match="connection lost") as failed:
        await transport.send("POST", server.url + path, {}, b"{}")

    assert failed.value.sent is True
    assert server.asked == {f"POST {path}": 1}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_nothing_is_sent_twice_when_a_connection_breaks_that_was_kept(server, transport, method):
    await transport.send("GET", server.url + "/ok", {}, None)
    with pytest.raises(TransportFailed, match="connection lost") as failed:
        await transport.send(method, server.url + "/dropped", {}, None)

    assert failed.value.sent is True
    assert server.asked == {"GET /ok": 1, f"{method} /dropped": 1}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/large", "more than 100000 bytes"),
        ("/bomb", "more than 100000 bytes"),
        ("/broken-zip", "cannot be decompressed"),
    ],
)
async def test_a_body_that_is_too_much_or_broken_is_an_invalid_response(get, path, message):
    with pytest.raises(GatewayInvalidResponse, match=message):
        await get(path)
    assert (await get("/ok")).status == 200


def client_of(server, transport, *, timeout_s=5.0, prefix="", max_concurrency=4):
    gateway = Gateway(server.url + prefix, transport, max_concurrency=max_concurrency)
    return gateway.client(DEMO, timeout_s=timeout_s)


async def test_a_slow_read_times_out_at_the_deadline(server, transport):
    started = time.monotonic()
    with pytest.raises(GatewayTimeout):
        await client_of(server, transport, timeout_s=0.1, prefix="/slow").list_cpos(1, 1)

    assert 0.1 <= time.monotonic() - started < 2


async def test_calls_that_are_cancelled_give_their_slots_and_connections_back(server, transport):
    gateway = Gateway(server.url, transport, max_concurrency=4)
    client = gateway.client(DEMO, timeout_s=30)
    for _ in range(5):
        calls = [asyncio.create_task(client.charger(f"slow-{n}")) for n in range(20)]
        for _ in range(4):
            await server.kept_waiting.acquire()
        for call in calls:
            call.cancel()
        assert all(
            type(r) is asyncio.CancelledError for r in await asyncio.gather(*calls, return_exceptions=True)
        )
        reply = await asyncio.wait_for(client.charger("dep-1"), 5)
        assert reply.status == 200
    assert sum(server.asked.values()) == 25


@pytest.mark.parametrize("prefix", ["/api/v1", "/api/v1/"])
async def test_a_path_prefix_of_the_base_url_survives(server, transport, prefix):
    await client_of(server, transport, prefix=prefix).cpo("101")

    assert server.asked == {"GET /api/v1/ocpi/cpos/101": 1}


@pytest.mark.parametrize("fate", ["/dropped", "/cut", "/cut-chunk", "/bomb", "/broken-zip", "/not-http"])
async def test_a_write_is_sent_once_and_says_that_its_fate_is_unknown(server, transport, fate, monkeypatch):
    target = "/ocpi/cpos/101/locations"
    monkeypatch.setitem(ANSWERS, target, ANSWERS[fate])

    with pytest.raises(GatewayOutcomeUnknown, match="it may or may not have happened"):
        await client_of(server, transport).create_locations("101", b"{}")

    assert server.asked == {f"POST {target}": 1}


async def test_a_write_without_an_answer_is_sent_once_and_its_fate_is_unknown(server, transport):
    with pytest.raises(GatewayOutcomeUnknown, match="no answer came before the deadline"):
        await client_of(server, transport, timeout_s=0.2, prefix="/slow").create_locations("101", b"{}")

    assert server.asked == {"POST /slow/ocpi/cpos/101/locations": 1}


async def test_a_write_over_a_connection_that_was_kept_and_then_dropped_is_sent_once(
    server, transport, monkeypatch
):
    target = "/ocpi/cpos/101/locations"
    monkeypatch.setitem(ANSWERS, target, ANSWERS["/dropped"])
    await transport.send("GET", server.url + "/ok", {}, None)

    with pytest.raises(GatewayOutcomeUnknown):
        await client_of(server, transport).create_locations("101", b"{}")

    assert server.asked[f"POST {target}"] == 1


async def test_a_write_that_never_left_did_not_happen(transport):
    async with Server() as gone:
        pass
    with pytest.raises(GatewayUnavailable, match="cannot be reached"):
        await client_of(gone, transport).create_locations("101", b"{}")


async def test_a_write_that_waited_for_a_slot_until_the_deadline_did_not_happen(server, transport):
    gateway = Gateway(server.url, transport, max_concurrency=1)
    blocking = asyncio.create_task(gateway.client(DEMO, timeout_s=30).charger("slow"))
    await server.kept_waiting.acquire()

    with pytest.raises(GatewayTimeout):
        await gateway.client(DEMO, timeout_s=0.1).create_locations("101", b"{}")

    blocking.cancel()
    await asyncio.wait([blocking])
    assert server.asked == {"GET /ocpp/chargers/slow": 1}


@pytest.mark.parametrize(("prefix", "reachable"), [("", True), ("/slow", False)])
async def test_a_gateway_is_reachable_when_it_answers_in_time(
    server, transport, prefix, reachable, monkeypatch
):
    monkeypatch.setattr("ocpplab_graphql.gateway.client._READY_TIMEOUT_S", 0.2)

    assert await Gateway(server.url + prefix, transport, max_concurrency=1).is_reachable() is reachable
