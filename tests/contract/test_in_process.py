"""What both ways of calling an application in this process make of it."""

import asyncio
import gzip
import subprocess
import sys
import zlib

import httpx
import pytest

from ocpplab_graphql.gateway.client import Credentials, Gateway
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse, GatewayOutcomeUnknown, GatewayTimeout
from ocpplab_graphql.gateway.transport import AsgiTransport, HttpxTransport, TransportFailed

MAX_BYTES = 100_000


class App:
    """An application that answers by path, and remembers what it was asked."""

    def __init__(self) -> None:
        self.scopes: list[dict] = []
        self.bodies: list[bytes] = []
        self.waiting = asyncio.Semaphore(0)
        self.cancelled = 0
        self.written = 0

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        await getattr(self, "at_" + scope["path"].split("/")[1].replace("-", "_"))(receive, send)

    async def say(self, send, body, *headers, status=200, more=False):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body, "more_body": more})

    async def at_ok(self, _receive, send):
        await self.say(send, b'{"ok": true}', (b"Content-Type", b"application/json"))

    async def at_empty(self, _receive, send):
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def at_redirect(self, _receive, send):
        await self.say(send, b"", (b"location", b"/ok"), status=302)

    async def at_cookie(self, _receive, send):
        await self.say(send, b"{}", (b"set-cookie", b"session=secret; Path=/"))

    async def at_zipped(self, _receive, send):
        await self.say(send, gzip.compress(b'{"ok": true}'), (b"content-encoding", b"gzip"))

    async def at_bomb(self, _receive, send):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = packer.compress(bytes(5_000_000)) + packer.flush()
        await self.say(send, bomb, (b"content-encoding", b"gzip"))

    async def at_broken_zip(self, _receive, send):
        await self.say(send, b"this is not gzip", (b"content-encoding", b"gzip"))

    async def at_just_right(self, _receive, send):
        await self.say(send, b"x" * (MAX_BYTES - 1), more=True)
        await send({"type": "http.response.body", "body": b"x"})

    async def at_endless(self, _receive, send):
        await send({"type": "http.response.start", "status": 200})
        while self.written < 10_000_000:
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            self.written += 10_000
        await send({"type": "http.response.body", "body": b""})

    async def at_slow(self, _receive, _send):
        self.waiting.release()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def at_last_words(self, receive, send):
        """Like a stream that listens for the end of its client while it sends."""
        listening = asyncio.create_task(receive())
        await self.say(send, b"ok")
        assert (await listening)["type"] == "http.disconnect"

    async def at_failing(self, _receive, _send):
        raise RuntimeError("broken")

    async def at_failing_midway(self, _receive, send):
        await self.say(send, b"half", more=True)
        raise RuntimeError("broken")

    async def at_failing_after(self, _receive, send):
        await self.say(send, b"whole", status=500)
        raise RuntimeError("broken")

    async def at_silent(self, _receive, _send):
        return

    async def at_cut(self, _receive, send):
        await self.say(send, b"half", more=True)


@pytest.fixture
def app():
    return App()


@pytest.fixture(params=["asgi", "httpx"])
async def transport(request, app):
    if request.param == "asgi":
        made = AsgiTransport(app, max_body_bytes=MAX_BYTES)
    else:
        made = HttpxTransport.in_process(httpx.ASGITransport(app=app), max_body_bytes=MAX_BYTES)
    yield made
    await made.aclose()


@pytest.fixture
def asgi(app):
    return AsgiTransport(app, max_body_bytes=MAX_BYTES)


async def get(transport, path, method="GET", body=None):
    return await transport.send(method, "http://sandbox" + path, {"Accept": "application/json"}, body)


async def test_a_reply_is_its_status_headers_and_body(transport):
    reply = await get(transport, "/ok")

    assert (reply.status, reply.body) == (200, b'{"ok": true}')
    assert reply.headers["content-type"] == "application/json"


async def test_a_reply_may_be_empty_compressed_in_parts_or_as_large_as_is_allowed(transport):
    assert (await get(transport, "/empty")).status == 204
    assert (await get(transport, "/zipped")).body == b'{"ok": true}'
    assert (await get(transport, "/just-right")).body == b"x" * MAX_BYTES
    assert (await get(transport, "/last-words")).body == b"ok"


async def test_a_redirect_is_not_followed_and_a_cookie_not_kept(transport, app):
    assert (await get(transport, "/redirect")).status == 302
    await get(transport, "/cookie")
    await get(transport, "/ok")

    assert [scope["path"] for scope in app.scopes] == ["/redirect", "/cookie", "/ok"]
    assert b"cookie" not in dict(app.scopes[-1]["headers"])


async def test_target_headers_and_body_arrive_as_a_server_would_bring_them(transport, app):
    target = "/ok/a%2Fb%3A~%20%C3%A9%25?charger_ids=a%26b&charger_ids=c"
    await transport.send("POST", "http://sandbox" + target, {"Authorization": "Bearer  x=="}, b"{}")

    scope = app.scopes[0]
    headers = dict(scope["headers"])
    assert (scope["type"], scope["method"], scope["http_version"], scope["scheme"]) == (
        "http",
        "POST",
        "1.1",
        "http",
    )
    assert scope["path"] == "/ok/a/b:~ \u00e9%"
    assert scope["raw_path"] == b"/ok/a%2Fb%3A~%20%C3%A9%25"
    assert scope["query_string"] == b"charger_ids=a%26b&charger_ids=c"
    assert (headers[b"host"], headers[b"authorization"]) == (b"sandbox", b"Bearer  x==")
    assert headers[b"content-length"] == b"2"
    assert app.bodies == [b"{}"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/endless", "more than 100000 bytes"),
        ("/bomb", "more than 100000 bytes"),
        ("/broken-zip", "cannot be decompressed"),
    ],
)
async def test_a_body_that_is_too_much_or_broken_is_an_invalid_response(transport, path, message):
    with pytest.raises(GatewayInvalidResponse, match=message):
        await get(transport, path)
    assert (await get(transport, "/ok")).status == 200


async def test_an_answer_that_is_too_large_is_stopped_while_it_is_written(asgi, app):
    with pytest.raises(GatewayInvalidResponse):
        await get(asgi, "/endless")
    assert app.written == MAX_BYTES


@pytest.mark.parametrize("path", ["/failing", "/failing-midway", "/silent", "/cut"])
async def test_an_application_that_gives_no_whole_answer_may_have_done_its_work(asgi, path):
    with pytest.raises(TransportFailed, match="connection lost") as failed:
        await get(asgi, path, "POST", b"{}")
    assert failed.value.sent is True


async def test_an_answer_counts_even_if_the_application_fails_after_it_and_the_failure_is_logged(
    asgi, caplog
):
    reply = await get(asgi, "/failing-after")

    assert (reply.status, reply.body) == (500, b"whole")
    assert [(record.levelname, record.exc_info[0]) for record in caplog.records] == [("ERROR", RuntimeError)]


async def test_an_answer_to_head_has_no_body(asgi):
    assert (await get(asgi, "/ok", "HEAD")).body == b""


async def test_what_is_cancelled_here_is_cancelled_there(transport, app):
    calls = [asyncio.create_task(get(transport, "/slow")) for _ in range(20)]
    for _ in calls:
        await app.waiting.acquire()
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)

    assert all(call.cancelled() for call in calls)
    assert app.cancelled == 20


async def test_a_call_that_is_cancelled_at_any_turn_of_the_loop_ends_at_once(asgi):
    for turns in range(10):
        call = asyncio.create_task(get(asgi, "/last-words"))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        if not call.cancelled():
            assert call.result().body == b"ok"
            return
    raise AssertionError("it never came to its end")


async def test_a_deadline_holds_for_reads_and_writes(transport):
    client = Gateway("http://sandbox/slow", transport, max_concurrency=1)
    demo = Credentials("Bearer demo")
    with pytest.raises(GatewayTimeout):
        await client.client(demo, timeout_s=0.05).list_cpos(1, 1)
    with pytest.raises(GatewayOutcomeUnknown):
        await client.client(demo, timeout_s=0.05).create_locations("101", b"{}")


@pytest.mark.parametrize(
    ("url", "headers"),
    [("http://sandbox/a b", {}), ("http://sandbox/", {"X": "a\r\nb"}), ("http://sandbox/", {"Host": "x"})],
)
async def test_what_http_does_not_allow_is_refused_here_too(asgi, app, url, headers):
    with pytest.raises(ValueError, match=r"Expected|header"):
        await asgi.send("GET", url, headers, None)
    assert app.scopes == []


def test_the_service_loads_no_http_client_that_it_does_not_use():
    program = """
import sys
from ocpplab_graphql.app import create_app
from ocpplab_graphql.settings import Settings
create_app(Settings.load({}, gateway_url="http://127.0.0.1:9"))
print(sorted(sys.modules.keys() & {"aiohttp", "httpx", "sqlalchemy"}))
"""
    path = {"PYTHONPATH": ":".join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, env=path, capture_output=True, text=True, timeout=60
    )

    assert (ended.stdout, ended.stderr) == ("[]\n", "")
