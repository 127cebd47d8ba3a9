"""
Requests of every kind against a service with the sandbox inside: none may get a 5xx, none may be logged as a fault.

    python -m bench.facade.fuzz_requests --examples 2000
    python -m bench.facade.fuzz_requests --seconds 300

Written as bytes on a raw connection: methods, targets, headers, framings and bodies that a client library would
not send, beside valid and mutated GraphQL. A 503 that says OVERLOADED is allowed, and counted.
"""

import argparse
import gzip
import json
import re
import socket
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from graphql import StringValueNode
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema

from ocpplab_graphql.schema import sdl
from tests.live.processes import Command

ENVIRON = {
    "OCPPLAB_RECEIVE_TIMEOUT_S": "0.1",
    "OCPPLAB_SEND_TIMEOUT_S": "2",
    "OCPPLAB_KEEP_ALIVE_S": "0.1",
    "OCPPLAB_MAX_REQUEST_BYTES": "65536",
    "OCPPLAB_MAX_HEAD_BYTES": "16384",
    "OCPPLAB_STREAM_HEARTBEAT_S": "0.2",
    "OCPPLAB_LOG_LEVEL": "WARNING",
    "OCPPLAB_ACCESS_LOG": "off",
}
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_ANSWER_S = 5.0
# Longest that an answer is read: streams have no end of their own.
_READ_S = 0.5

_PATHS = [
    "/graphql", "/graphql?query={__typename}", "/graphql?query=%7B__typename%7D&variables=%7B%7D", "/", "/health",
    "/ready", "/schema.graphql", "/graphql/console/nothing.js", "/graphql/console/", "/graphql/", "//graphql",
    "/sandbox/ocpi/cpos", "/sandbox/ocpi/cpos/101", "/sandbox/ocpi/cpos/101/locations?page=1&limit=2",
    "/sandbox/ocpp/chargers?page=x", "/sandbox/", "/sandbox", "/sandbox/docs", "/sandbox/openapi.json",
    "/sandbox/ocpi/cpos/..%2f..%2f", "/%73andbox/ocpi/cpos", "/nowhere", "*", "http://else/graphql", "graphql",
    "/graphql?extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22x%22%7D%7D",
    "/graphql?documentId=x", "/graphql?query=%ff&variables=%00", "/graphql#fragment", "/graphql;a=b",
]  # fmt: skip
_METHODS = [
    "GET",
    "POST",
    "HEAD",
    "OPTIONS",
    "PUT",
    "DELETE",
    "PATCH",
    "TRACE",
    "CONNECT",
    "PRI",
    "get",
    "BREW",
]
_HEADERS = [
    ("Accept", ["*/*", "text/html", "application/json", "application/graphql-response+json", "text/event-stream",
                "multipart/mixed;subscriptionSpec=1.0", "x", "application/json;q=nan", ";;,,;q=", "*/*;q=-1"]),
    ("Accept-Encoding", ["gzip", "gzip;q=0", "identity;q=0, *;q=0", "br;q=x", "*"]),
    ("Authorization", ["Bearer demo", "Bearer ", "Basic x", "Bearer a.b.c", "Bearer " + "x" * 5000, "\xff"]),
    ("X-Organization-Id", ["org", "\xe9", "", "a\tb"]),
    ("X-Request-Id", ["ok", "a b", "\xff" * 70, "x" * 65]),
    ("X-Gateway-Trace", ["calls", "plan", "nope", "\xff"]),
    ("Content-Type", ["application/json", "application/json; charset=utf-16", "text/plain", "multipart/form-data",
                      "multipart/form-data; boundary=x", "application/json; charset=\"utf-8\"", "\xff", ";"]),
    ("Content-Encoding", ["gzip", "identity", "br", "gzip, gzip"]),
    ("If-None-Match", ["*", "W/\"x\"", "\"", "\xff", "\"a-gzip\""]),
    ("Origin", ["https://app.example", "null", "\xff"]),
    ("Access-Control-Request-Method", ["POST", ""]),
    ("Expect", ["100-continue", "200-maybe"]),
    ("Connection", ["close", "keep-alive", "upgrade", "Upgrade, close", "x"]),
    ("Upgrade", ["websocket", "h2c", "x", "\xff"]),
    ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ==", "x", "", "\xff"]),
    ("Sec-WebSocket-Version", ["13", "8", "x"]),
    ("Sec-WebSocket-Protocol", ["graphql-transport-ws", "", "a, b,,", "\xff"]),
    ("Host", ["facade", "", "a:b:c", "\xff"]),
    ("Cookie", ["a=b", "\xff"]), ("Range", ["bytes=0-1", "x"]), ("Idempotency-Key", ["k", "\xff"]),
    ("X-Forwarded-For", ["1.2.3.4", "x, y", "\xff"]), ("X-Forwarded-Proto", ["https", "\xff"]),
    ("Apollographql-Client-Name", ["app", "\xff" * 100]), ("Graphql-Client-Version", ["1", "\x7f"]),
]  # fmt: skip

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["101", "CPO:101", "loc-1", "\x00", "\ud800", "../..", "x" * 3000, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
_SCALARS = {
    name: st.sampled_from(["2026-01-01T00:00:00Z", "x", "", "101"]).map(
        lambda text: StringValueNode(value=text)
    )
    for name in ("DateTime", "Date", "JSON", "Cursor", "Time", "Decimal")
}
_BY_HAND = [
    "{ __typename }", "{ cpo(cpoId: 101) { id locations(first: 2) { nodes { name chargers { nodes { status } } } } } }",
    "query($id: ID!) { node(id: $id) { id ... on Location { name } } }", "subscription { cpoProvisioning(cpoId: 101) { status } }",
    'mutation { bulkCreateLocations(input: { cpoId: "101", locations: [] }) { job { id } userErrors { message } } }',
    "query($after: String) { cpos(first: 2, after: $after) { nodes { id } pageInfo { endCursor } } }",
    "{ nodes(ids: [\"CPO:101\", \"x\", \"Charger:%00\"]) { id } }", "{", "", "#", '"""', "{ a @skip(if: $x) }", "\ufeff{__typename}",
]  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document: of the schema, by hand, or one of these with pieces cut, doubled or put in."""
    text = draw(st.sampled_from(_BY_HAND) | _generated())
    for _ in range(draw(st.integers(0, 2))):
        at, length = draw(st.integers(0, max(0, len(text)))), draw(st.integers(0, 8))
        piece = draw(
            st.sampled_from(["", "{", "}", "$", "@", '"', "\x00", "\ud83d", "...", "on", text[at : at + 40]])
        )
        text = text[:at] + piece + text[at + length :]
    return text


def _generated() -> st.SearchStrategy[str]:
    return from_schema(sdl(), custom_scalars={k: v for k, v in _SCALARS.items() if f"scalar {k} " in _SDL})


_SDL = sdl() + "\n"


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    """The body of a request, as JSON or nearly so."""
    members: dict[str, Any] = {"query": draw(documents())}
    for name in ("variables", "operationName", "extensions", "documentId", "id"):
        if draw(st.integers(0, 3)) == 0:
            members[name] = draw(
                _json | st.dictionaries(st.sampled_from(["id", "after", "x"]), _json, max_size=2)
            )
    text = json.dumps(members).encode()
    return draw(
        st.sampled_from(
            [text] * 12 + [text[:-1], b"[" + text + b"]", gzip.compress(text), text.decode().encode("utf-16")]
        )
    )


bodies = st.one_of(
    *[envelopes()] * 8,
    st.binary(max_size=64),
    _json.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [
            b"[" * 10_000,
            b'{"query":' * 3_000,
            b"x" * 70_000,
            b"--x\r\n\r\n--x--\r\n",
            b"null",
            b"42",
            b"\xff\xfe",
        ]
    ),
)


@st.composite
def headers(draw: st.DrawFn) -> list[bytes]:
    """Header lines, some of them twice, few of them sound."""
    lines = [b"Authorization: Bearer demo", b"Content-Type: application/json", b"Connection: close"]
    if draw(st.integers(0, 3)) == 0:
        lines.pop(draw(st.integers(0, 2)))
    for _ in range(max(0, draw(st.integers(-2, 3)))):
        name, values = draw(st.sampled_from(_HEADERS))
        lines.append(f"{name}: {draw(st.sampled_from(values))}".encode("latin-1"))
    if draw(st.integers(0, 39)) == 0:
        lines.append(draw(st.binary(max_size=20)))
    return lines


def _framed(framing: str, body: bytes) -> tuple[list[bytes], bytes]:
    length = b"Content-Length: %d" % len(body)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return {
        "length": ([length], body),
        "none": ([], body),
        "short": ([b"Content-Length: %d" % max(0, len(body) - 1)], body),
        "long": ([b"Content-Length: %d" % (len(body) + 5)], body),
        "huge": ([b"Content-Length: 99999999999999999999"], body),
        "negative": ([b"Content-Length: -1"], body),
        "twice": ([length, length], body),
        "contradicting": ([length, b"Content-Length: 3"], body),
        "both": ([length, b"Transfer-Encoding: chunked"], chunked),
        "chunked": ([b"Transfer-Encoding: chunked"], chunked),
        "chunk cut": ([b"Transfer-Encoding: chunked"], chunked[:-6]),
        "chunk lies": ([b"Transfer-Encoding: chunked"], b"ffffffff\r\n" + body),
        "chunk trailers": ([b"Transfer-Encoding: chunked"], chunked[:-2] + b"X-Late: 1\r\n\r\n"),
        "odd coding": ([b"Transfer-Encoding: gzip, chunked"], chunked),
        "hidden coding": ([b"Transfer-Encoding: \x0bchunked", length], body),
    }[framing]


_FRAMINGS = ["length"] * 40 + [
    "none", "short", "long", "huge", "negative", "twice", "contradicting", "both", "chunked", "chunked", "chunk cut",
    "chunk lies", "chunk trailers", "odd coding", "hidden coding",
]  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, or what passes for it; now and then several on one connection."""
    path = draw(st.sampled_from([*_PATHS, *["/graphql"] * 2 * len(_PATHS)]))
    if draw(st.integers(0, 15)) == 0:
        path = path + draw(
            st.text(max_size=10).map(quote)
            | st.sampled_from(["%", "%zz", "\xff", "/..", "/%2e%2e", "?" + "a=b&" * 3000])
        )
    elif path == "/graphql" and draw(st.integers(0, 3)) == 0:
        path += "?query=" + quote(draw(documents()).encode("utf-8", "surrogatepass"))
    body = draw(bodies)
    framing, payload = _framed(draw(st.sampled_from(_FRAMINGS)), body)
    method = draw(st.sampled_from(["POST"] * 30 + ["GET"] * 10 + _METHODS))
    version = draw(st.sampled_from(["HTTP/1.1"] * 60 + ["HTTP/1.0", "HTTP/2.0", "HTTP/x", ""]))
    lines = [f"{method} {path} {version}".encode("latin-1"), b"Host: facade", *draw(headers()), *framing]
    request = b"\r\n".join(lines) + b"\r\n\r\n" + payload
    return request + draw(
        st.sampled_from(
            [b""] * 20 + [b"GET /health HTTP/1.1\r\n\r\n", b"\r\n", b"\x00garbage\r\n\r\n", request]
        )
    )


class Fuzzing:
    """Sends requests to one service, and counts the statuses."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._address = (address.hostname or "", address.port or 0)
        self.statuses: Counter[int] = Counter()
        self.unanswered = 0
        self.sent = 0

    def try_one(self, request: bytes) -> None:
        """
        Send one request and read what comes.

        Raises:
            AssertionError: it got a 5xx that is no 503 of an overload.
        """
        self.sent += 1
        answer = self._answer(request)
        statuses = [int(status) for status in _STATUS.findall(answer)]
        self.statuses.update(statuses)
        self.unanswered += not statuses
        for status in statuses:
            assert status < 500 or (status == 503 and b"OVERLOADED" in answer), (
                request[:2000],
                answer[:2000],
            )

    def _answer(self, request: bytes) -> bytes:
        read = b""
        with socket.create_connection(self._address, timeout=_ANSWER_S) as connection, suppress(OSError):
            connection.sendall(request)
            end = time.monotonic() + _ANSWER_S
            while time.monotonic() < end:
                piece = connection.recv(65536)
                if not piece:
                    break
                read += piece
                connection.settimeout(_READ_S)
        return read


def fuzz(fuzzing: Fuzzing, examples: int) -> None:
    """Try so many requests; what fails is made small first."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(requests())
    def run(request: bytes) -> None:
        fuzzing.try_one(request)

    run()


def main() -> None:
    """Fuzz for so many examples or seconds, and print what came."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.0)
    wanted = parser.parse_args()
    started = time.monotonic()
    with (
        TemporaryDirectory() as folder,
        Command("serve", "--port", "0", folder=Path(folder), environ=ENVIRON) as one,
    ):
        fuzzing = Fuzzing(one.announced().url)
        fuzz(fuzzing, wanted.examples)
        while time.monotonic() - started < wanted.seconds:
            fuzz(fuzzing, 200)
        ended = one.stop()
    print(
        f"{fuzzing.sent} requests in {time.monotonic() - started:.0f} s, {fuzzing.unanswered} without an answer"
    )
    print("| status | answers |\n| --- | --- |")
    for status, count in sorted(fuzzing.statuses.items()):
        print(f"| {status} | {count} |")
    print(f"exit code {ended.code}, {len(ended.stderr)} characters on stderr\n{ended.stderr[:3000]}")
    if ended.code or ended.stderr:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
