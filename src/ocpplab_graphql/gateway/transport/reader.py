"""
From the bytes of a connection to replies, one for each request. No input or output here.

The grammar is llhttp's, in its strict form; what may be expected, and how much, is decided here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httptools

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport.body import Body, Plain, body, too_large
from ocpplab_graphql.gateway.transport.port import Reply, TransportFailed

_FIRST_OF_HTTP = ord("H")
_VERSIONS = {"1.0", "1.1"}
_WITHOUT_BODY = {204, 304}
_KEEP_ALIVE_S = re.compile(rb"timeout\s*=\s*\"?([0-9]{1,6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What one reply may cost.

    Attributes:
        body_bytes: largest body, before and after it is decompressed.
        head_bytes: most bytes without a byte of body between: status and headers, with the informational replies
            before them, and trailers.
    """

    body_bytes: int
    head_bytes: int


class Fields(Mapping[str, str]):
    """The headers of a reply by their names in lower case, decoded when they are asked for."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        try:
            return self._fields[name.encode("latin-1")].decode("latin-1")
        except UnicodeEncodeError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class _Unasked(Exception):
    """A byte after the end of the reply."""


class ReplyReader:
    """
    Reads replies, one after the other; `expect` comes before each.

    Attributes:
        began: whether a byte of the reply came.
        reusable: after a reply: whether the connection is at the beginning of the next, and nothing came that
            nobody asked for.
        keeps_s: how long the gateway says that it keeps a connection, in seconds; None when it does not say.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._parser = httptools.HttpResponseParser(self)
        self.keeps_s: int | None = None
        self.expect(without_body=False)

    def expect(self, *, without_body: bool) -> None:
        """
        The next reply is waited for.

        Args:
            without_body: whether it has none, whatever its headers say, as after HEAD.
        """
        self._without_body = without_body
        self._fields: dict[bytes, bytes] = {}
        self._status = 0
        self._body: Body | None = None
        self._until_end = False
        self._complete = False
        self._barren = 0
        self.began = False
        self.reusable = False

    def feed(self, data: bytes) -> Reply | None:
        """
        The reply, when its last byte came.

        Raises:
            TransportFailed: it is no reply in HTTP/1.
            GatewayInvalidResponse: it is too large, or cannot be decompressed.
        """
        if not self.began:
            self.began = True
            if data[0] != _FIRST_OF_HTTP:  # llhttp would let empty lines pass, and RTSP
                raise _not_http()
        self._barren += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if not self._complete:
                raise (error.__context__ or error) from None
            self.reusable = False
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._complete:
                raise _not_http() from None
            self.reusable = False
        if self._complete:
            return self._reply()
        if self._barren > self._bounds.head_bytes:
            raise self._head_too_large()
        return None

    def end(self) -> Reply | None:
        """The reply, if it is one that ends with its connection, and the gateway said that this is the end."""
        if not self._until_end or self._complete:
            return None
        return self._reply()

    def close(self) -> None:
        """No more. The parser refers to this object, and would keep it until the next collection."""
        del self._parser

    def _reply(self) -> Reply:
        assert self._body is not None  # noqa: S101  # for the types
        return Reply(self._status, Fields(self._fields), self._body.whole())

    def _head_too_large(self) -> GatewayInvalidResponse:
        return GatewayInvalidResponse(
            f"The gateway sent more than {self._bounds.head_bytes} bytes of headers in one reply."
        )

    # What follows is called by the parser. What is raised there comes out of feed_data as the context of a
    # HttpParserCallbackError.

    def on_message_begin(self) -> None:
        """A reply begins: the one that was asked for, or one after an informational one."""
        if self._complete:
            raise _Unasked
        self._fields = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. Trailers are let go."""
        if self._body is None:
            name = name.lower()
            fields = self._fields
            fields[name] = fields[name] + b", " + value if name in fields else value

    def on_headers_complete(self) -> None:
        """Every header is there, and says how the body comes."""
        if self._barren > self._bounds.head_bytes:  # it may be the body that came with the headers
            size = sum(len(name) + len(value) + 4 for name, value in self._fields.items())
            if size > self._bounds.head_bytes:
                raise self._head_too_large()
        status = self._status = self._parser.get_status_code()
        if status in (100, 102, 103):
            return
        if status < 200 or self._parser.get_http_version() not in _VERSIONS:
            raise _not_http()
        self._body = self._body_of(self._fields)
        if self._without_body:
            self._complete = True  # llhttp does not know what was asked for; the connection ends with it

    def _body_of(self, fields: Mapping[bytes, bytes]) -> Body:
        limit = self._bounds.body_bytes
        if self._without_body or self._status in _WITHOUT_BODY:
            return Plain(limit)
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        if length is not None:
            if int(length) > limit:
                raise too_large(limit)
        elif coding is None:
            self._until_end = True
        elif coding.lower() != b"chunked":
            raise _not_http()
        if b"content-encoding" in fields:
            return body(fields[b"content-encoding"].decode("latin-1"), limit=limit)
        return Plain(limit)

    def on_body(self, piece: bytes) -> None:
        """Some of the body."""
        if self._complete or self._body is None:
            raise _Unasked
        self._barren = 0
        self._body.add(piece)

    def on_message_complete(self) -> None:
        """The last byte came."""
        if self._body is None or self._without_body:
            return
        self._complete = True
        self.reusable = self._parser.should_keep_alive()
        if b"keep-alive" in self._fields and (said := _KEEP_ALIVE_S.search(self._fields[b"keep-alive"])):
            self.keeps_s = int(said[1])


def _not_http() -> TransportFailed:
    return TransportFailed("connection lost (its answer is not HTTP/1.1)", sent=True)
