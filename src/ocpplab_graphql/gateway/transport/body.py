"""The body of a reply while it comes: never more than so many bytes, before or after it is decompressed."""

import zlib
from typing import Protocol

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse

# What requests say they accept; whatever else comes was not asked for.
ACCEPTED = "gzip, deflate"

_GZIP = 16 + zlib.MAX_WBITS
_MEMBERS_MAX = 1000  # each costs a copy of what follows it


class Body(Protocol):
    """Pieces come in, the whole goes out."""

    def add(self, piece: bytes) -> None:
        """
        The next piece, as it came.

        Raises:
            GatewayInvalidResponse: it is too much, or cannot be decompressed.
        """
        ...

    def whole(self) -> bytes:
        """
        All of it, when the last piece came.

        Raises:
            GatewayInvalidResponse: its compressed form ends too early.
        """
        ...


def body(coding: str, *, limit: int) -> Body:
    """
    A body in this Content-Encoding, of up to `limit` bytes.

    Raises:
        GatewayInvalidResponse: a coding that we do not know.
    """
    match coding.strip().lower():
        case "" | "identity":
            return Plain(limit)
        case "gzip" | "x-gzip":
            return Compressed(limit, _GZIP)
        case "deflate":
            return Compressed(limit, zlib.MAX_WBITS)
    raise _broken()


def too_large(limit: int) -> GatewayInvalidResponse:
    """What a body of more than `limit` bytes is."""
    return GatewayInvalidResponse(f"The gateway sent more than {limit} bytes in one reply.")


def _broken() -> GatewayInvalidResponse:
    return GatewayInvalidResponse("The gateway sent a body that cannot be decompressed.")


class Plain:
    """A body as it is. One that comes in one piece, as most do, is never copied."""

    __slots__ = ("_first", "_limit", "_more")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._first = b""
        self._more: bytearray | None = None  # not a list: pieces may be of one byte each

    def add(self, piece: bytes) -> None:
        """See Body."""
        if not self._first:
            self._first = piece
        elif self._more is None:
            self._more = bytearray(self._first + piece)
        else:
            self._more += piece
        if len(self._first if self._more is None else self._more) > self._limit:
            raise too_large(self._limit)

    def whole(self) -> bytes:
        """See Body."""
        return self._first if self._more is None else bytes(self._more)


class Compressed:
    """
    A body that is decompressed piece by piece, and never by more than the limit allows.

    gzip may be of several members, one after the other (RFC 1952, section 2.2); deflate may come without the zlib
    header that RFC 9110 asks for, as some servers send it.
    """

    __slots__ = ("_came", "_limit", "_members", "_out", "_window", "_zlib")

    def __init__(self, limit: int, window: int) -> None:
        self._limit = limit
        self._window = window
        self._came = 0
        self._members = 1
        self._out = Plain(limit)
        self._zlib = None if window == zlib.MAX_WBITS else zlib.decompressobj(window)

    def add(self, piece: bytes) -> None:
        """See Body."""
        self._came += len(piece)
        if self._came > self._limit:  # else blocks that hold nothing would be read for ever
            raise too_large(self._limit)
        try:
            self._inflate(piece)
        except zlib.error:
            raise _broken() from None

    def _inflate(self, piece: bytes) -> None:
        while piece:
            if self._zlib is None:
                self._zlib = zlib.decompressobj(self._window if _has_zlib_header(piece) else -zlib.MAX_WBITS)
            elif self._zlib.eof:
                self._members += 1
                if self._window != _GZIP or self._members > _MEMBERS_MAX:
                    raise _broken()
                self._zlib = zlib.decompressobj(_GZIP)
            self._out.add(self._zlib.decompress(piece, self._limit + 1))
            piece = self._zlib.unconsumed_tail or self._zlib.unused_data

    def whole(self) -> bytes:
        """See Body."""
        if self._came and (self._zlib is None or not self._zlib.eof):
            raise _broken()
        return self._out.whole()


def _has_zlib_header(start: bytes) -> bool:
    # RFC 1950, section 2.2: the method is 8. A raw deflate block cannot begin so: its type would be stored, and
    # its padding not zero.
    return start[0] & 0x0F == zlib.DEFLATED
