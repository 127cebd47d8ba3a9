"""What only the transport of our own promises: its connections, one caller's reply for one caller, nothing lost."""

import asyncio
import gc
import random
import re
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import Http1Transport, TransportFailed

MAX_BYTES = 100_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CERTIFICATES = Path(__file__).parent / "certificates"

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The gateway's end of one connection."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.number = server.opened

    async def request(self) -> str:
        """The next request: its head, with its body behind."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.server.heads.append(head)
        self.server.by_connection[self.number] += 1
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        return head + (await self.reader.readexactly(int(length[1]) if length else 0)).decode("latin-1")

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


class Server:
    """A gateway that plays a script on each connection."""

    def __init__(self, script: Script, **listen) -> None:
        self.script, self.listen = script, listen
        self.heads: list[str] = []
        self.by_connection: Counter[int] = Counter()
        self.opened = 0
        self.ended = asyncio.Semaphore(0)
        self.now = 0
        self.most = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self):
        listen = {"host": "127.0.0.1", "port": 0, **self.listen}
        self._server = await asyncio.start_server(self._serve, **listen)
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if "ssl" in listen else "http"
        host = f"[{listen['host']}]" if ":" in listen["host"] else listen["host"]
        self.url = f"{scheme}://{host}:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.opened += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.script(Peer(self, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.now -= 1
            self.ended.release()
            writer.close()

    @property
    def requests_of_connections(self) -> list[int]:
        return list(self.by_connection.values())


async def always_ok(peer: Peer) -> None:
    while await peer.request():
        await peer.say(OK)


def transport(**settings) -> Http1Transport:
    return Http1Transport(**{"connections": 4, "max_body_bytes": MAX_BYTES, **settings})


@asynccontextmanager
async def between(script: Script, listen=None, **settings):
    """A gateway with this script, and a transport to it."""
    async with Server(script, **(listen or {})) as server:
        made = transport(**settings)
        try:
            yield server, made
        finally:
            await made.aclose()


def get(made: Http1Transport, server: Server, path: str = "/", **headers: str):
    return made.send("GET", server.url + path, headers, None)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # nothing there could tell us
            await asyncio.sleep(0)


# --- connections are kept, and not longer than is safe


async def test_one_connection_serves_one_request_after_the_other():
    async with between(always_ok) as (server, made):
        for _ in range(5):
            assert (await get(made, server)).body == b"ok"
    assert server.requests_of_connections == [5]


async def test_there_are_never_more_connections_than_allowed_and_everybody_gets_a_turn():
    async def slowly(peer: Peer) -> None:
        while await peer.request():
            await asyncio.sleep(0.001)
            await peer.say(OK)

    async with between(slowly, connections=3) as (server, made):
        replies = await asyncio.gather(*(get(made, server) for _ in range(30)))
    assert [reply.status for reply in replies] == [200] * 30
    assert (server.opened, server.most) == (3, 3)


async def test_those_who_wait_are_served_in_the_order_in_which_they_came():
    async with between(always_ok, connections=1) as (server, made):
        await asyncio.gather(*(get(made, server, f"/{n}") for n in range(10)))
    assert [head.split()[1] for head in server.heads] == [f"/{n}" for n in range(10)]


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.0 200 OK\r\n\r\nok"],
)
async def test_a_connection_that_is_to_be_closed_is_not_used_again(said):
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)

    async with between(once) as (server, made):
        assert (await get(made, server)).body == b"ok"
        assert (await get(made, server)).body == b"ok"
    assert server.requests_of_connections == [1, 1]


async def test_a_connection_that_was_closed_while_it_was_idle_is_not_used():
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.001)

    async with between(once) as (server, made):
        for _ in range(20):
            assert (await get(made, server)).status == 200
            await until(lambda: not made._idle)
    assert server.requests_of_connections == [1] * 20


async def test_a_connection_that_is_idle_too_long_is_closed():
    async with between(always_ok, keepalive_s=0.05) as (server, made):
        await get(made, server)
        async with asyncio.timeout(5):
            await server.ended.acquire()
        await get(made, server)
    assert server.requests_of_connections == [1, 1]


async def test_a_connection_is_not_kept_as_long_as_the_gateway_keeps_it():
    async def keeps_for_a_second(peer: Peer) -> None:
        while await peer.request():
            await peer.say(b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n")

    async with between(keeps_for_a_second) as (server, made):
        await get(made, server)
        await get(made, server)
    assert server.requests_of_connections == [1, 1]


async def test_a_write_goes_over_a_connection_that_was_in_use_until_now(monkeypatch):
    async with between(always_ok) as (server, made):
        await get(made, server)
        await made.send("POST", server.url + "/", {}, b"{}")
        monkeypatch.setattr("ocpplab_graphql.gateway.transport.http1._WRITE_IDLE_MAX_S", 0.0)
        await made.send("POST", server.url + "/", {}, b"{}")
        await get(made, server)
        await get(made, server)
    assert sorted(server.requests_of_connections) == [2, 3]


async def test_an_idle_connection_makes_room_for_a_new_one(monkeypatch):
    monkeypatch.setattr("ocpplab_graphql.gateway.transport.http1._WRITE_IDLE_MAX_S", 0.0)
    async with between(always_ok, connections=2) as (server, made):
        await asyncio.gather(get(made, server), get(made, server))
        await made.send("POST", server.url + "/", {}, b"{}")
        await assert_as_new(made, connections=2)
        assert len(made._idle) == 2
    assert server.requests_of_connections == [1, 1, 1]


# --- a reply belongs to the request it answers


@pytest.mark.parametrize("extra", [b"\r\n", b"H", OK, b"\0"])
@pytest.mark.parametrize("when", ["with the reply", "after it"])
async def test_what_nobody_asked_for_is_nobodys_reply(extra, when):
    """Each request is answered with its own path; anything else that is said must reach no caller."""

    async def says_more(peer: Peer) -> None:
        while head := await peer.request():
            path = head.split()[1].encode()
            reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path)
            if when == "with the reply":
                await peer.say(reply + extra)
            else:
                await peer.say(reply, extra)

    async with between(says_more) as (server, made):
        for n in range(50):
            assert (await get(made, server, f"/{n}")).body == f"/{n}".encode()


async def test_what_comes_while_a_connection_is_idle_ends_it():
    async def says_more_later(peer: Peer) -> None:
        while await peer.request():
            await peer.say(OK)
            await asyncio.sleep(0.01)
            await peer.say(OK)

    async with between(says_more_later) as (server, made):
        for _ in range(3):
            await get(made, server)
            assert len(made._idle) == 1
            await until(lambda: not made._idle)
    assert server.requests_of_connections == [1, 1, 1]


async def test_bytes_that_lie_in_the_socket_end_the_connection_before_it_is_used():
    """The loop has no turn between the arrival of the bytes and the next request."""
    client, gateway = await pair()
    made, url = transport(), "http://127.0.0.1:1"

    async def given(_origin):
        from ocpplab_graphql.gateway.transport.connection import Connection

        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(made_origin(url), made._bounds, made._forget), sock=client
        )
        return connection

    made._connect = given
    asking = asyncio.create_task(made.send("GET", url + "/", {}, None))
    await asyncio.get_running_loop().sock_recv(gateway, 4096)
    gateway.send(OK)
    assert (await asking).body == b"ok"
    gateway.send(OK.replace(b"ok", b"no"))
    idle = next(iter(made._idle))

    assert idle.usable
    assert made._kept(made_origin(url), is_read=True) is None
    assert not idle.usable
    gateway.close()
    await made.aclose()


def made_origin(url):
    from ocpplab_graphql.gateway.transport.request import split

    return split(url + "/")[0]


async def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


async def test_a_reply_of_a_cancelled_request_is_nobodys():
    chance = random.Random(6)  # noqa: S311  # to be repeated

    async def late(peer: Peer) -> None:
        while head := await peer.request():
            path = head.split()[1].encode()
            await asyncio.sleep(chance.random() / 500)
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path), path)

    async with between(late, connections=8) as (server, made):

        async def asks(n: int) -> None:
            try:
                async with asyncio.timeout(chance.random() / 300):
                    reply = await get(made, server, f"/{n}")
            except TimeoutError:
                return
            assert reply.body == f"/{n}".encode()

        await asyncio.gather(*(asks(n) for n in range(1000)))
        await assert_as_new(made, connections=8)
        assert (await get(made, server, "/end")).body == b"/end"
    assert server.most <= 8 + 8  # one that is being closed may still be seen over there


# --- whoever cancels gets everything back


async def assert_as_new(made: Http1Transport, *, connections: int) -> None:
    """Every slot is there, and what is open is idle."""
    await until(lambda: len(made._open) == len(made._idle))
    assert (made._busy, made._turns._value) == (0, connections)
    assert len(made._idle) <= connections
    assert not made._turns.locked()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("warm", [False, True])
async def test_a_request_that_is_cancelled_at_any_turn_of_the_loop_gives_everything_back(method, warm):
    body = b"x" * 3_000_000 if method == "POST" else None

    async def in_pieces(peer: Peer) -> None:
        while await peer.request():
            for at in range(len(OK)):
                await peer.say(OK[at : at + 1])
                await asyncio.sleep(0)

    async with between(in_pieces, connections=1) as (server, made):
        if warm:
            await get(made, server)
        ended_whole = 0
        for turns in range(400):
            asking = asyncio.create_task(made.send(method, server.url + "/", {}, body))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            outcome = (await asyncio.gather(asking, return_exceptions=True))[0]
            if not isinstance(outcome, asyncio.CancelledError):
                assert outcome.body == b"ok"
                ended_whole += 1
                if ended_whole > 3:
                    break
            await assert_as_new(made, connections=1)
        async with asyncio.timeout(5):
            assert (await get(made, server)).body == b"ok"
    gc.collect()


async def test_one_that_waits_for_its_turn_may_go_and_the_next_gets_it():
    go = asyncio.Event()

    async def held(peer: Peer) -> None:
        while await peer.request():
            await go.wait()
            await peer.say(OK)

    async with between(held, connections=1) as (server, made):
        first, second, third = (asyncio.create_task(get(made, server, f"/{n}")) for n in range(3))
        await until(lambda: len(server.heads) == 1)
        second.cancel()
        go.set()
        assert (await first).status == (await third).status == 200
        assert second.cancelled()
        await assert_as_new(made, connections=1)


async def test_closing_fails_what_is_on_its_way_and_leaves_nothing_open():
    async def never(peer: Peer) -> None:
        await peer.request()
        await peer.reader.read()

    async with Server(never) as server:
        made = transport(connections=1)
        asking, waiting = (asyncio.create_task(get(made, server)) for _ in range(2))
        await until(lambda: len(server.heads) == 1)
        await made.aclose()
        with pytest.raises(TransportFailed, match="the service ends") as lost:
            await asking
        with pytest.raises(TransportFailed, match="no connection") as never_sent:
            await waiting
    assert (lost.value.sent, never_sent.value.sent) == (True, False)
    assert not made._open


# --- how a connection ends


@pytest.mark.parametrize("at", range(len(OK)))
async def test_a_connection_that_ends_at_any_byte_of_a_reply_is_lost(at):
    async def cut(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK[:at])

    async with between(cut) as (server, made):
        with pytest.raises(TransportFailed, match="connection lost") as failed:
            await get(made, server)
        await assert_as_new(made, connections=4)
    assert (failed.value.sent, failed.value.kept) == (True, False)


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b"{}")])
async def test_a_kept_connection_that_ends_without_a_byte_says_so_and_nothing_is_sent_twice(method, body):
    async def second_time_silent(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()

    async with between(second_time_silent) as (server, made):
        await get(made, server)
        with pytest.raises(TransportFailed, match="before it answered") as failed:
            await made.send(method, server.url + "/", {}, body)
    assert (failed.value.sent, failed.value.kept) == (True, True)
    assert len(server.heads) == 2


async def test_a_connection_that_is_reset_is_lost():
    async def reset(peer: Peer) -> None:
        await peer.request()
        peer.writer.transport.abort()

    async with between(reset) as (server, made):
        with pytest.raises(TransportFailed, match="connection lost"):
            await get(made, server)


# --- bodies of requests


async def test_a_large_body_is_given_to_the_socket_as_fast_as_it_is_read():
    begin = asyncio.Event()

    async def reads_late(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await begin.wait()
        await peer.reader.readexactly(8_000_000)
        await peer.say(OK)

    async with between(reads_late) as (server, made):
        asking = asyncio.create_task(made.send("POST", server.url + "/", {}, b"x" * 8_000_000))
        await until(lambda: any(c._paused for c in made._open))
        connection = next(iter(made._open))
        assert connection._transport.get_write_buffer_size() < 1_000_000
        begin.set()
        assert (await asking).body == b"ok"


async def test_a_gateway_that_answers_before_it_read_the_body_is_heard():
    async def refuses(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await asyncio.Event().wait()

    async with between(refuses) as (server, made):
        async with asyncio.timeout(5):
            reply = await made.send("POST", server.url + "/", {}, b"x" * 20_000_000)
        await assert_as_new(made, connections=4)
        assert not made._idle
    assert (reply.status, reply.body) == (413, b"no")


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", None, None),
        ("GET", b"", None),
        ("DELETE", None, None),
        ("POST", None, "0"),
        ("POST", b"", "0"),
        ("PATCH", b"{}", "2"),
    ],
)
async def test_the_length_of_a_body_is_said_where_there_may_be_one(method, body, length):
    async with between(always_ok) as (server, made):
        await made.send(method, server.url + "/", {}, body)
    said = re.search(r"Content-Length: (\d+)\r\n", server.heads[0])
    assert (said and said[1]) == length


# --- what is sent


async def test_a_request_says_where_it_goes_and_what_it_takes():
    async with between(always_ok) as (server, made):
        await made.send("GET", server.url + "/a?b=%20", {"Accept": "x", "X-Empty": ""}, None)
    assert server.heads == [
        f"GET /a?b=%20 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept-Encoding: identity\r\nAccept: x\r\nX-Empty: \r\n\r\n"
    ]


async def test_compression_is_asked_for_when_it_is_wanted():
    async with between(always_ok, compressed=True) as (server, made):
        await get(made, server)
    assert "Accept-Encoding: gzip, deflate\r\n" in server.heads[0]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Gateway.Example", "gateway.example"),
        ("http://gateway:80/", "gateway"),
        ("http://gateway:8080/", "gateway:8080"),
        ("https://gateway:443?x=1", "gateway"),
        ("https://gateway:80/", "gateway:80"),
        ("http://[::1]:9/x", "[::1]:9"),
        ("http://[2001:DB8::1]/x", "[2001:db8::1]"),
    ],
)
def test_the_host_header_is_the_authority_of_the_url(url, host):
    from ocpplab_graphql.gateway.transport.request import head, split

    origin, target = split(url)
    lines = head("GET", target, origin, {}).decode().split("\r\n")

    assert lines[1] == f"Host: {host}"
    assert lines[0].split()[1].startswith("/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://gateway/",
        "gateway/",
        "http:///x",
        "http://user:secret@gateway/",
        "http://gateway/a b",
        "http://gateway/a\r\nX: y",
        "http://gateway/\u00e9",
        "http://gateway/#part",
        "http://gateway:99999/",
        "http://gateway:0/",
        "http://gate\u00e4way/",
        "http://gateway\n/",
        "http://gateway/\n",
        "http://[::1%25eth0]/",
    ],
)
async def test_a_url_that_is_none_is_refused_before_anything_is_sent(url):
    made = transport()
    with pytest.raises(ValueError, match="Expected"):
        await made.send("GET", url, {}, None)
    await assert_as_new(made, connections=4)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"X": "a\r\nY: b"}),
        ("GET", {"X": "a\nb"}),
        ("GET", {"X": "a\rb"}),
        ("GET", {"X": "a\0b"}),
        ("GET", {"X": "a\x7fb"}),
        ("GET", {"X": "\u20ac"}),
        ("GET", {"X Y": "a"}),
        ("GET", {"X:": "a"}),
        ("GET", {"": "a"}),
        ("GET", {"X\r\nY": "a"}),
        ("GET", {"Host": "other"}),
        ("POST", {"content-length": "5"}),
        ("POST", {"Transfer-Encoding": "chunked"}),
        ("GET", {"Connection": "upgrade"}),
        ("GET", {"Upgrade": "h2c"}),
        ("POST", {"Expect": "100-continue"}),
        ("GET", {"Accept-Encoding": "br"}),
        ("CONNECT", {}),
        ("GET /x HTTP/1.1\r\n", {}),
        ("", {}),
    ],
)
async def test_a_header_or_method_that_could_make_another_request_is_refused(method, headers):
    made = transport()
    with pytest.raises(ValueError, match=r"header|method") as refused:
        await made.send(method, "http://127.0.0.1:9/", headers, b"{}")
    await assert_as_new(made, connections=4)
    assert "\u20ac" not in str(refused.value)


# --- where it goes


async def test_the_gateway_may_be_reached_by_ipv6_and_by_name():
    async with between(always_ok, {"host": "::1"}) as (server, made):
        assert (await get(made, server)).status == 200
    assert f"Host: [::1]:{server.port}\r\n" in server.heads[0]
    async with between(always_ok) as (server, made):
        assert (await made.send("GET", f"http://localhost:{server.port}/", {}, None)).status == 200
    assert f"Host: localhost:{server.port}\r\n" in server.heads[0]


@pytest.mark.parametrize("url", ["http://nowhere.invalid/", "http://a..b/", f"http://{'x' * 70}.example/"])
async def test_a_name_that_leads_nowhere_is_no_connection(url):
    made = transport()
    with pytest.raises(TransportFailed, match="no connection") as failed:
        await made.send("POST", url, {}, b"{}")
    assert failed.value.sent is False
    await assert_as_new(made, connections=4)


async def test_connections_are_kept_for_the_origin_that_was_asked_last():
    async with Server(always_ok) as other, between(always_ok) as (server, made):
        await get(made, server)
        await get(made, other)
        await get(made, server)
        assert len(made._idle) == 1
    assert (server.opened, other.opened) == (2, 1)


def tls(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "authority.pem"))


async def test_https_asks_for_the_host_by_name_and_checks_its_certificate():
    asked: list[str | None] = []
    context = tls("localhost")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with between(always_ok, {"ssl": context}, tls=trusting()) as (server, made):
        for _ in range(3):
            assert (await made.send("GET", f"https://localhost:{server.port}/", {}, None)).body == b"ok"
        assert (await get(made, server)).status == 200  # by address, which the certificate names too
    assert asked == ["localhost", None]
    assert server.requests_of_connections == [3, 1]


@pytest.mark.parametrize(("certificate", "trusted"), [("localhost", False), ("elsewhere", True)])
async def test_a_certificate_that_is_not_trusted_or_of_another_is_no_connection(certificate, trusted):
    async with Server(always_ok, ssl=tls(certificate)) as server:
        made = transport(tls=trusting() if trusted else None)
        with pytest.raises(TransportFailed, match="SSLCertVerificationError") as failed:
            await made.send("POST", f"https://localhost:{server.port}/", {}, b"{}")
        await made.aclose()
    assert failed.value.sent is False
    assert server.heads == []


async def test_over_tls_a_connection_that_is_cut_is_not_the_end_of_a_body():
    """Whoever sits between can cut a connection, but cannot say that it is over."""

    async def cut(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        peer.writer.transport.abort()

    async with between(cut, {"ssl": tls("localhost")}, tls=trusting()) as (server, made):
        with pytest.raises(TransportFailed, match="connection lost"):
            await made.send("GET", f"https://localhost:{server.port}/", {}, None)


async def test_over_tls_an_end_that_is_said_is_the_end_of_a_body():
    async def ended(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nwhole")

    async with between(ended, {"ssl": tls("localhost")}, tls=trusting()) as (server, made):
        assert (await made.send("GET", f"https://localhost:{server.port}/", {}, None)).body == b"whole"


async def test_plain_http_to_a_gateway_that_speaks_tls_is_lost():
    async with Server(always_ok, ssl=tls("localhost")) as server:
        made = transport()
        with pytest.raises(TransportFailed):
            await made.send("GET", f"http://localhost:{server.port}/", {}, None)
        await made.aclose()


# --- over the loop that serves


def over_uvloop(scenario: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize(
    "scenario",
    [
        test_one_connection_serves_one_request_after_the_other,
        test_there_are_never_more_connections_than_allowed_and_everybody_gets_a_turn,
        test_a_connection_that_is_idle_too_long_is_closed,
        test_a_reply_of_a_cancelled_request_is_nobodys,
        test_one_that_waits_for_its_turn_may_go_and_the_next_gets_it,
        test_closing_fails_what_is_on_its_way_and_leaves_nothing_open,
        test_a_connection_that_is_reset_is_lost,
        test_a_gateway_that_answers_before_it_read_the_body_is_heard,
        test_a_large_body_is_given_to_the_socket_as_fast_as_it_is_read,
        test_the_gateway_may_be_reached_by_ipv6_and_by_name,
        test_https_asks_for_the_host_by_name_and_checks_its_certificate,
        test_over_tls_a_connection_that_is_cut_is_not_the_end_of_a_body,
        test_over_tls_an_end_that_is_said_is_the_end_of_a_body,
    ],
    ids=lambda scenario: scenario.__name__.removeprefix("test_"),
)
def test_it_is_the_same_over_uvloop(scenario):
    over_uvloop(scenario)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("warm", [False, True])
def test_cancelling_is_the_same_over_uvloop(method, warm):
    cancelling = test_a_request_that_is_cancelled_at_any_turn_of_the_loop_gives_everything_back
    over_uvloop(lambda: cancelling(method, warm))


async def test_a_body_that_is_too_large_ends_its_connection():
    async def large(peer: Peer) -> None:
        await peer.request()
        await peer.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            *[b"fa0\r\n" + b"x" * 4000 + b"\r\n"] * 30,
        )
        await peer.reader.read()

    async with between(large) as (server, made):
        with pytest.raises(GatewayInvalidResponse, match="more than 100000 bytes"):
            await get(made, server)
        await assert_as_new(made, connections=4)
        assert not made._idle
