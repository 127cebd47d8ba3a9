"""What the reader of replies makes of bytes, however they are cut; h11 is the judge."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from ocpplab_graphql.gateway.transport.reader import Bounds, ReplyReader

BOUNDS = Bounds(body_bytes=100_000, head_bytes=8192)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Empty:\r\n\r\n"
    b'5;a="b"\r\n{"ok"\r\n1\r\n:\r\n00000006\r\n true}\r\n0\r\nX-Trailer: 1\r\nContent-Type: other\r\n\r\n'
)
SIZED = OK + b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"ok": true}'
ENDED = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'{"ok": true}'


def read(
    *pieces: bytes, end: bool = False, without_body: bool = False, reader: ReplyReader | None = None
) -> Reply | None:
    """The reply, and that it came with the last piece and not before."""
    reader = reader or ReplyReader(BOUNDS)
    reader.expect(without_body=without_body)
    replies = [reader.feed(piece) for piece in pieces if piece]
    if end:
        replies.append(reader.end())
    assert not any(replies[:-1])
    return replies[-1]


def shown(reply: Reply | None) -> tuple[int, dict[str, str], bytes] | None:
    return None if reply is None else (reply.status, dict(reply.headers), reply.body)


def by_h11(stream: bytes, *, end: bool) -> tuple[int, dict[str, str], bytes]:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(stream)
    if end:
        connection.receive_data(b"")
    body, head = b"", None
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            assert isinstance(event, h11.InformationalResponse)
    assert head is not None
    fields: dict[str, str] = {}
    for raw, value in head.headers:
        name = raw.decode()
        fields[name] = (
            f"{fields[name]}, {value.decode('latin-1')}" if name in fields else value.decode("latin-1")
        )
    return head.status_code, fields, body


@pytest.mark.parametrize(("stream", "end"), [(CHUNKED, False), (SIZED, False), (ENDED, True)])
def test_a_reply_is_the_same_wherever_it_is_cut_in_two(stream, end):
    whole = by_h11(stream, end=end)
    assert whole[2] == b'{"ok": true}'
    for cut in range(len(stream) + 1):
        assert shown(read(stream[:cut], stream[cut:], end=end)) == whole


@pytest.mark.parametrize(("stream", "end"), [(CHUNKED, False), (SIZED, False), (ENDED, True)])
def test_a_reply_may_come_byte_by_byte(stream, end):
    reply = read(*(stream[at : at + 1] for at in range(len(stream))), end=end)

    assert shown(reply) == by_h11(stream, end=end)


@pytest.mark.parametrize("stream", [CHUNKED, SIZED])
def test_a_reply_that_ends_at_any_byte_before_its_last_is_none(stream):
    for cut in range(len(stream)):
        assert read(stream[:cut], b"", end=True) is None


TEXT = st.text('abcdefghijklmnopqrstuvwxyz0123456789 ,;="/\t\xe9', max_size=30).map(str.strip)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_.!", min_size=1, max_size=15).map(
    lambda n: "X-" + n
)
HEADERS = st.lists(st.tuples(NAMES, TEXT), max_size=6)
BODY = st.binary(max_size=300)


def head(status: str, headers: list[tuple[str, str]], *more: str, version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status}", *(f"{name}: {value}" for name, value in headers), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A reply as bytes, and whether it ends with its connection."""
    said = b"".join(
        head(status, draw(HEADERS))
        for status in draw(st.lists(st.sampled_from(["100 Continue", "103 Early"]), max_size=2))
    )
    status = draw(
        st.sampled_from(["200 OK", "201 Created", "404 Not Found", "429", "500 Oh no", "204 No", "304 Not"])
    )
    headers, body = draw(HEADERS), draw(BODY)
    if status.startswith(("204", "304")):
        return said + head(status, headers), False
    match draw(st.sampled_from(["sized", "chunked", "ended"])):
        case "sized":
            version = draw(st.sampled_from(["1.0", "1.1"]))
            return said + head(status, headers, f"Content-Length: {len(body)}", version=version) + body, False
        case "chunked":
            return said + head(status, headers, "transfer-encoding: chunked") + chunked(draw, body), False
    return said + head(status, headers, "Connection: close") + body, True


def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    said, rest = b"", body
    while rest:
        size = draw(st.integers(1, len(rest)))
        said += (
            f"{size:X}".encode()
            + draw(st.sampled_from([b"", b";x", b";x=y"]))
            + b"\r\n"
            + rest[:size]
            + b"\r\n"
        )
        rest = rest[size:]
    trailers = "".join(f"{name}: {value}\r\n" for name, value in draw(HEADERS))
    return said + b"0\r\n" + trailers.encode("latin-1") + b"\r\n"


@given(replies=st.lists(streams(), min_size=1, max_size=3), data=st.data())
@settings(max_examples=400, deadline=None)
def test_replies_cut_anywhere_are_what_h11_reads(replies, data):
    reader = ReplyReader(BOUNDS)
    for stream, end in replies:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        reply = read(*pieces, end=end, reader=reader)

        assert shown(reply) == by_h11(stream, end=end)
        if not reader.reusable:
            reader = ReplyReader(BOUNDS)


@given(
    stream=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.binary(max_size=60).map(lambda noise: SIZED[:40] + noise + SIZED[40:]),
    )
)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
@settings(max_examples=400, deadline=None)
def test_whatever_comes_is_a_reply_or_one_of_two_failures(stream):
    with suppress(TransportFailed, GatewayInvalidResponse):
        read(stream, b"")


@pytest.mark.parametrize(
    "stream",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Content-Length: 2, 2\r\n\r\nok",
        OK + b"Content-Length: +2\r\n\r\nok",
        OK + b"Content-Length: -2\r\n\r\nok",
        OK + b"Content-Length : 2\r\n\r\nok",
        OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
        OK + b"X: a\0b\r\nContent-Length: 2\r\n\r\nok",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokX",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_reply(stream):
    with pytest.raises(TransportFailed, match=r"not HTTP/1\.1") as failed:
        read(stream)
    assert failed.value.sent is True


@pytest.mark.parametrize("extra", [b"H", b"HTTP/1.1 200 OK\r\n\r\n", SIZED, b"x", b"\0"])
@pytest.mark.parametrize("stream", [CHUNKED, SIZED, OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n"])
def test_bytes_after_a_reply_leave_it_whole_and_its_connection_useless(stream, extra):
    reader = ReplyReader(BOUNDS)

    assert shown(read(stream + extra, reader=reader)) == by_h11(stream, end=False)
    assert reader.reusable is False


@pytest.mark.parametrize(
    ("said", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_only_when_the_reply_says_so(said, reusable):
    reader = ReplyReader(BOUNDS)

    assert read(said, reader=reader) is not None
    assert reader.reusable is reusable


def test_a_reply_to_head_ends_with_its_headers_and_ends_its_connection():
    reader = ReplyReader(BOUNDS)
    reply = read(
        OK + b"Content-Length: 500000\r\nContent-Encoding: br\r\n\r\n", without_body=True, reader=reader
    )

    assert reply is not None
    assert (reply.headers["content-length"], reply.body, reader.reusable) == ("500000", b"", False)


@pytest.mark.parametrize(
    ("said", "keeps_s"),
    [("timeout=5, max=100", 5), ('Timeout = "7"', 7), ("max=3", None), ("timeout=x", None)],
)
def test_how_long_the_gateway_keeps_a_connection_is_heard(said, keeps_s):
    reader = ReplyReader(BOUNDS)
    read(head("200 OK", [("Keep-Alive", said), ("Content-Length", "0")]), reader=reader)

    assert reader.keeps_s == keeps_s


def test_headers_are_looked_up_in_lower_case_and_repeated_ones_joined():
    reply = read(OK + b"X-Two: a\r\nx-two: \xe9\r\nContent-Length: 0\r\n\r\n")

    assert reply is not None
    assert reply.headers["x-two"] == "a, \xe9"
    assert reply.headers.get("X-Two") is None
    assert reply.headers.get("\u20ac") is None
    assert len(reply.headers) == 2


LINE = b"X-Long: " + b"x" * 1000 + b"\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [OK + LINE * 9 + b"Content-Length: 0\r\n\r\n"],
        [OK, *[LINE] * 9],
        [OK + b"X: ", *[b"x" * 100] * 90],
        [b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n"] * 300,
        [OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", *[LINE] * 10],
        [OK + b"Transfer-Encoding: chunked\r\n\r\n2;", *[b"x" * 1000] * 10],
        [OK + LINE * 9 + b"Content-Length: 20000\r\n\r\n" + b"x" * 10_000],
    ],
)
def test_headers_informational_replies_and_trailers_are_bounded(pieces):
    with pytest.raises(GatewayInvalidResponse, match="more than 8192 bytes of headers"):
        read(*pieces)


def test_a_body_that_comes_with_the_headers_is_not_counted_with_them():
    reply = read(OK + LINE * 7 + b"Content-Length: 90000\r\n\r\n" + b"x" * 90_000)

    assert reply is not None
    assert len(reply.body) == 90_000


def test_a_body_that_is_announced_too_large_is_not_waited_for():
    with pytest.raises(GatewayInvalidResponse, match="more than 100000 bytes"):
        read(OK + b"Content-Length: 100001\r\n\r\n")


def compressed(coding: str, body: bytes, size: int | None = None) -> bytes:
    return head("200 OK", [("Content-Encoding", coding), ("Content-Length", str(size or len(body)))]) + body


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def zipped(data: bytes) -> bytes:
    """Without the time: it would be a part of the names of tests."""
    return gzip.compress(data, mtime=0)


PLAIN = b'{"ok": true}' * 500


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", zipped(PLAIN)),
        (" X-GZip ", zipped(PLAIN)),
        ("gzip", zipped(PLAIN[:100]) + zipped(PLAIN[100:])),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", raw_deflate(PLAIN)),
        ("identity", PLAIN),
    ],
)
def test_a_compressed_reply_is_inflated_wherever_it_is_cut(coding, body):
    stream = compressed(coding, body)
    for cut in range(len(stream)) if len(stream) < 500 else range(0, len(stream), 97):
        reply = read(stream[:cut], stream[cut:])
        assert reply is not None
        assert reply.body == PLAIN


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"this is not gzip"),
        ("gzip", zipped(PLAIN)[:-1]),
        ("gzip", zipped(PLAIN) + b"rest"),
        ("gzip", zipped(b"") * 1001),
        ("deflate", zlib.compress(PLAIN)[:-1]),
        ("deflate", zlib.compress(PLAIN) + b"rest"),
        ("br", b"anything"),
        ("gzip, gzip", zipped(zipped(PLAIN))),
    ],
)
def test_a_body_that_cannot_be_inflated_is_an_invalid_response(coding, body):
    with pytest.raises(GatewayInvalidResponse, match="cannot be decompressed"):
        read(compressed(coding, body))


def test_a_compressed_reply_without_a_body_is_empty():
    reply = read(compressed("gzip", b""))

    assert reply is not None
    assert reply.body == b""


def test_a_bomb_is_never_larger_in_memory_than_what_is_allowed():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(50)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(GatewayInvalidResponse, match="more than 100000 bytes"):
        read(compressed("gzip", bomb))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 1_000_000


def test_blocks_that_hold_nothing_are_bounded_too():
    nothing = b"\x00\x00\x00\xff\xff"  # RFC 1951: a stored block of no bytes, not the last
    stream = head("200 OK", [("Content-Encoding", "deflate")]) + b"\x78\x9c" + nothing * 20_001
    with pytest.raises(GatewayInvalidResponse, match="more than 100000 bytes"):
        read(stream)


def test_a_body_in_pieces_of_a_byte_takes_no_more_memory_than_its_bytes():
    reader = ReplyReader(BOUNDS)
    reader.expect(without_body=False)
    reader.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    for _ in range(90_000):
        reader.feed(b"1\r\nx\r\n")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reply = reader.feed(b"0\r\n\r\n")

    assert reply is not None
    assert reply.body == b"x" * 90_000
    assert size < 200_000
