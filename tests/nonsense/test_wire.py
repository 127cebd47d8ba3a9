"""What HTTP servers will not do: broken, endless, compressed and misdirecting replies, over each HTTP client."""

import asyncio
import gzip
import json
import logging
import tracemalloc
import zlib

import pytest

from bench.facade.raw_gateway import RawGateway, http
from bench.facade.world import World, as_bytes
from tests.nonsense.conftest import MAX_BYTES, ask, codes, product

SECRET = "s3cr3t-b4c4lh4u"
TRUTH = as_bytes(World().reply("GET", "/ocpi/cpos/101")[1])
PATH = "/ocpi/cpos/101"
# One field that needs one call, beside one that needs another.
BOTH = '{ bad: cpo(cpoId: "101") { namePrefix } good: cpoTemplates { slug } }'
GOOD = [{"slug": "small-0"}, {"slug": "small-1"}]
INVALID, UNAVAILABLE = "GATEWAY_INVALID_RESPONSE", "GATEWAY_UNAVAILABLE"
TIMEOUT = "GATEWAY_TIMEOUT"
EITHER = f"{INVALID} {UNAVAILABLE}"  # a head that is too large: clients differ in what they call that
JSON = "Content-Type: application/json\r\n"


def encoded(body, encoding):
    return http(body, headers=f"{JSON}Content-Encoding: {encoding}\r\n")


def raw_deflate(body):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def chunked(*chunks, end=b"0\r\n\r\n"):
    parts = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + end


def told(**changes):
    return http(json.dumps({**json.loads(TRUTH), **changes}).encode())


LIES = {
    # bodies that are no JSON
    "html": (http(f"<html>{SECRET}</html>".encode(), headers="Content-Type: text/html\r\n"), INVALID),
    "html under status 500": (http(SECRET.encode(), status="500 Oops"), UNAVAILABLE),
    "plain words": (http(SECRET.encode()), INVALID),
    "nothing": (http(b""), INVALID),
    "null": (http(b"null"), INVALID),
    "a list": (http(b"[]"), INVALID),
    "NaN": (http(b'{"cpo_id": "101", "name_prefix": NaN}'), INVALID),
    "Infinity": (http(b'{"cpo_id": "101", "name_prefix": -Infinity}'), INVALID),
    "a lone surrogate": (http(b'{"cpo_id": "101", "name_prefix": "\\ud800"}'), INVALID),
    "a half surrogate": (http(b'{"cpo_id": "101", "name_prefix": "\\udc00x"}'), INVALID),
    "latin-1 in the key": (http(b'{"cpo_id": "101\xe9", "name_prefix": "x"}'), INVALID),
    "UTF-16": (http(TRUTH.decode().encode("utf-16")), INVALID),
    "a byte order mark": (http(b"\xef\xbb\xbf" + TRUTH), INVALID),
    "deep nesting": (http(b'{"x":' * 100_000), INVALID),
    "deep nesting beside": (http(b'{"cpo_id": "101", "x": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"), INVALID),
    "two objects": (http(TRUTH + TRUTH), INVALID),
    "another object": (told(cpo_id="102"), INVALID),
    "the key twice": (http(b'{"cpo_id": "101", "name_prefix": "x", "cpo_id": "9"}'), INVALID),
    # cut
    "cut short of its length": (http(TRUTH, length=5000), UNAVAILABLE),
    "cut within a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nab", UNAVAILABLE),
    "cut before the last chunk": (chunked(TRUTH, end=b""), UNAVAILABLE),
    "cut within the head": (b"HTTP/1.1 200 OK\r\nContent-Le", UNAVAILABLE),
    "closed at once": (b"", UNAVAILABLE),
    # compressed
    "an encoding nobody asked for": (encoded(TRUTH, "br"), INVALID),
    "two encodings": (encoded(gzip.compress(gzip.compress(TRUTH)), "gzip, gzip"), INVALID),
    "not gzip at all": (encoded(TRUTH, "gzip"), INVALID),
    "not deflate at all": (encoded(b"\x08" + TRUTH, "deflate"), INVALID),
    "cut gzip": (encoded(gzip.compress(TRUTH)[:-9], "gzip"), INVALID),
    "gzip with a wrong checksum": (encoded(gzip.compress(TRUTH)[:-8] + bytes(8), "gzip"), INVALID),
    "gzip and something after": (encoded(gzip.compress(TRUTH) + b"x", "gzip"), INVALID),
    "ten thousand gzips": (encoded(gzip.compress(b"") * 10_000, "gzip"), INVALID),
    # statuses that say nothing
    "201 without a body": (http(b"", status="201 Created"), INVALID),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", INVALID),
    "205": (http(b"", status="205 Reset Content"), INVALID),
    "304": (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", INVALID),
    "a status nobody knows": (http(TRUTH, status="299 Hm"), None),
    "status 600": (http(SECRET.encode(), status="600 Odd"), UNAVAILABLE),
    "status 418": (http(json.dumps({"detail": SECRET}).encode(), status="418 Teapot"), INVALID),
    # not HTTP
    "HTTP/0.9": (TRUTH, UNAVAILABLE),
    "SSH": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", UNAVAILABLE),
    "TLS": (bytes.fromhex("15030300020228"), UNAVAILABLE),
    "noise": (bytes(range(256)) * 10, UNAVAILABLE),
    "a status that is no number": (b"HTTP/1.1 OK 200\r\nContent-Length: 0\r\n\r\n", UNAVAILABLE),
    "a length that is no number": (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", UNAVAILABLE),
    "a length below zero": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", UNAVAILABLE),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", UNAVAILABLE),
    "a chunk of no size": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        UNAVAILABLE,
    ),
    "a line of 1 MB": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2**20 + b"\r\nContent-Length: 0\r\n\r\n", EITHER),
    "100,000 lines": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n", EITHER),
    "a NUL in the head": (b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}", UNAVAILABLE),
    # odd, and yet readable
    "JSON that is called text": (http(TRUTH, headers="Content-Type: text/plain\r\n"), None),
    "JSON without a type": (http(TRUTH, headers=""), None),
    "gzip": (encoded(gzip.compress(TRUTH), "GZIP"), None),
    "deflate": (encoded(zlib.compress(TRUTH), "deflate"), None),
    "deflate without its header": (encoded(raw_deflate(TRUTH), "deflate"), None),
    "identity": (encoded(TRUTH, "identity"), None),
    "chunks": (chunked(*(TRUTH[n : n + 7] for n in range(0, len(TRUTH), 7))), None),
    "until it closes": (b"HTTP/1.0 200 OK\r\n\r\n" + TRUTH, None),
    "100, then the answer": (b"HTTP/1.1 100 Continue\r\n\r\n" + http(TRUTH), None),
    "early hints, then the answer": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + http(TRUTH), None),
    "unknown members": (told(new={"a": [1e300]}), None),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
async def test_a_reply_that_is_nonsense_nulls_its_field_alone(gateway: RawGateway, client, lie, caplog):
    caplog.set_level(logging.DEBUG)
    gateway.lies[PATH], code = LIES[lie]

    body = await ask(client, BOTH)

    assert body["data"]["good"] == GOOD
    if code is None:
        assert body["data"]["bad"] == {"namePrefix": "name_prefix 101"}
        assert "errors" not in body
    else:
        assert body["data"]["bad"] is None
        [(told_code, path)] = codes(body)
        assert told_code in code.split()
        assert path == ["bad"]
    assert SECRET not in json.dumps(body) + caplog.text


async def drip_the_body(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(TRUTH))
    await drip(writer, TRUTH)


async def drip_the_head(_reader, writer):
    await drip(writer, http(TRUTH))


async def drip(writer, content):
    for byte in content:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def hints_for_ever(_reader, writer):
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def silence(reader, _writer):
    await reader.read()


async def another_protocol(reader, writer):
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    await reader.read()


@pytest.mark.parametrize("lie", [drip_the_body, drip_the_head, hints_for_ever, silence, another_protocol])
async def test_a_reply_that_does_not_come_to_its_end_is_given_up_at_the_deadline(
    gateway: RawGateway, transport, lie
):
    gateway.lies[PATH] = lie
    async with product(gateway.url, gateway_transport=transport, operation_timeout_s=0.5) as client:
        body = await ask(client, BOTH)
        again = await ask(client, "{ cpoTemplates { slug } }")

    assert body["data"] == {"bad": None, "good": GOOD}
    [(code, path)] = codes(body)
    assert path == ["bad"]
    assert code == TIMEOUT or (lie is another_protocol and code in {INVALID, UNAVAILABLE})
    assert again["data"]["cpoTemplates"] == GOOD


async def endless_body(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def endless_chunks(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


async def endless_and_said_to_be(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def endless_gzip(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    while True:
        writer.write(packer.compress(bytes(65_536)) + packer.flush(zlib.Z_SYNC_FLUSH))
        await writer.drain()
        await asyncio.sleep(0)


def bomb(bits):
    """100 MB of blanks in 100 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(packer.compress(b" " * 1_000_000) for _ in range(100)) + packer.flush()


LARGE = {
    "larger than is allowed": http(b" " * (MAX_BYTES + 1)),
    "endless": endless_body,
    "endless in chunks": endless_chunks,
    "endless, and said to be": endless_and_said_to_be,
    "endless gzip": endless_gzip,
    "a gzip bomb": encoded(bomb(31), "gzip"),
    "a deflate bomb": encoded(bomb(15), "deflate"),
    "a raw deflate bomb": encoded(bomb(-15), "deflate"),
}


@pytest.mark.parametrize("lie", LARGE)
async def test_no_reply_takes_more_memory_than_a_few_times_the_largest_that_is_allowed(
    gateway: RawGateway, client, lie
):
    await ask(client, BOTH)
    gateway.lies[PATH] = LARGE[lie]
    tracemalloc.start()
    try:
        body = await ask(client, BOTH)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert body["data"] == {"bad": None, "good": GOOD}
    assert codes(body) == [(INVALID, ["bad"])]
    # Its own copy of what was read, the next piece, and what both sides of the socket hold.
    assert most < 3 * MAX_BYTES


HOSTILE_LISTS = {
    "numbers": (b"0,", b"0"),
    "lists": (b"[],", b"[]"),
    "objects": (b"{},", b"{}"),
    "rows": (b'{"id":"a"},', b'{"id":"a"}'),
}


@pytest.mark.parametrize("entries", HOSTILE_LISTS)
@pytest.mark.parametrize("at", ["data", "chargers", "unasked"])
async def test_a_reply_of_a_million_tiny_parts_takes_no_more_memory_than_it_must(
    gateway: RawGateway, client, entries, at
):
    await ask(client, BOTH)
    many, last = HOSTILE_LISTS[entries]
    parts = b"[" + many * (900_000 // len(many)) + last + b"]"
    rows = {
        "data": parts,
        "chargers": b'[{"id":"loc-0","name":7,"chargers":' + parts + b"}]",
        "unasked": b'[{"id":"loc-0","name":7,"other":' + parts + b"}]",
    }
    gateway.lies[PATH + "/locations"] = http(b'{"total":1,"page":1,"limit":3,"data":' + rows[at] + b"}")
    tracemalloc.start()
    try:
        body = await ask(
            client,
            '{ cpo(cpoId: "101") { locations(first: 3) { nodes { id name chargers { totalCount } } } } }',
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert {code for code, _ in codes(body)} == {INVALID}
    # The longest list of rows that may be legitimate is one of chargers, and each of them is an object.
    assert most < (16 if (at, entries) == ("chargers", "rows") else 4) * MAX_BYTES


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
@pytest.mark.parametrize("where", ["elsewhere", "itself", "file:///etc/passwd", "//elsewhere", "\x00", ""])
async def test_a_redirect_is_followed_nowhere(gateway: RawGateway, client, status, where):
    async with RawGateway() as other:
        place = {"elsewhere": other.url + PATH, "itself": gateway.url + PATH}.get(where, where)
        gateway.lies[PATH] = http(b"", status=status, headers=f"Location: {place}\r\n")
        body = await ask(client, BOTH)

    assert body["data"] == {"bad": None, "good": GOOD}
    assert codes(body) == [(UNAVAILABLE if where == "\x00" else INVALID, ["bad"])]
    # A head that cannot be read is a broken connection, and a read over one may be repeated.
    assert where == "\x00" or gateway.asked[f"GET {PATH}"] == 1
    assert (other.connections, SECRET in str(body)) == (0, False)


@pytest.mark.parametrize("cut", [False, True])
async def test_a_cookie_of_one_tenant_goes_out_with_no_other_call(gateway: RawGateway, client, cut):
    head_is_out, go_on = asyncio.Event(), asyncio.Event()

    async def slow_body(_reader, writer):
        size = len(TRUTH) + cut
        writer.write(
            f"HTTP/1.1 200 OK\r\nSet-Cookie: session={SECRET}\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        await writer.drain()
        head_is_out.set()
        await go_on.wait()
        writer.write(TRUTH)
        await writer.drain()

    gateway.lies[PATH] = slow_body
    first = asyncio.ensure_future(ask(client, BOTH, token="one"))
    await head_is_out.wait()
    for _ in range(5):
        await ask(client, "{ cpoTemplates { slug } }", token="two")
    go_on.set()
    await first
    await ask(client, "{ cpoTemplates { slug } }", token="two")

    assert len(gateway.requests) >= 8  # a read that was cut may be repeated
    assert {asked.headers.get("cookie") for asked in gateway.requests} == {None}


async def test_a_reply_that_nobody_asked_for_is_never_anybodys_answer(gateway: RawGateway, client):
    """Response splitting: two replies to one request, the second about another tenant."""
    foreign = http(json.dumps({**json.loads(TRUTH), "name_prefix": SECRET}).encode())

    for late in (False, True):

        async def twice(reader, writer, late=late):
            writer.write(http(TRUTH) + (b"" if late else foreign))
            await writer.drain()
            if late:
                await asyncio.sleep(0.05)
                writer.write(foreign)
                await writer.drain()
            await reader.read()

        gateway.lies[PATH] = twice
        first = await ask(client, '{ cpo(cpoId: "101") { namePrefix } }', token="one")
        await asyncio.sleep(0.1)
        del gateway.lies[PATH]
        later = [await ask(client, '{ cpo(cpoId: "101") { namePrefix } }', token="two") for _ in range(3)]

        assert [body["data"]["cpo"]["namePrefix"] for body in (first, *later)] == ["name_prefix 101"] * 4


async def test_an_answer_that_comes_before_the_question_is_not_taken_for_a_write_that_worked(transport):
    """It is said on the naked connection, before a byte was read: a write may then have been seen or not."""
    update = 'mutation { updateLocation(input: {locationId: "Location:101:loc-1", name: "n"}) { location { id name } userErrors { code } } }'
    async with RawGateway() as gateway, product(gateway.url, gateway_transport=transport) as client:
        early = as_bytes(World(mark="early").reply("PATCH", "/ocpi/cpos/101/locations/loc-2")[1])
        gateway.before_reading = http(early)
        body = await ask(client, update)

    # Of another location than the one that was changed, so it is nobody's answer.
    assert body["data"] == {"updateLocation": None}
    assert codes(body) in [
        [("OUTCOME_UNKNOWN", ["updateLocation"])],
        [(UNAVAILABLE, ["updateLocation"])],  # it was heard before anything was sent
    ]
    assert gateway.asked["PATCH /ocpi/cpos/101/locations/loc-1"] <= 1
