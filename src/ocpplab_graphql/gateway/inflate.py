"""
Compressed bodies, inflated a piece at a time: what is small on the wire may be huge unpacked.

Nothing here ever holds more than one piece of output, so whoever counts the pieces bounds the memory.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse

# What requests say they accept; whatever else comes was not asked for.
ACCEPTED = "gzip, deflate"

_PIECE_BYTES = 65_536
_GZIP, _ZLIB, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_BROKEN = "The gateway sent a body that cannot be decompressed."


def inflated(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """
    The body behind a `Content-Encoding`, in pieces of up to 64 KiB.

    Raises:
        GatewayInvalidResponse: an encoding that was not asked for; and while it is read, a body that is broken,
            cut, or followed by something else.
    """
    coding = encoding.strip().lower()
    if coding in {"", "identity"}:
        return chunks
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise GatewayInvalidResponse(f"The gateway sent a body in another encoding than {ACCEPTED}.")
    return _inflated(chunks, is_gzip=coding != "deflate")


async def _inflated(chunks: AsyncIterator[bytes], *, is_gzip: bool) -> AsyncIterator[bytes]:
    engine: Any = None
    async for chunk in chunks:
        if not chunk:
            continue
        if engine is None:
            engine = zlib.decompressobj(_GZIP if is_gzip else _deflate_of(chunk[0]))
        for piece in _pieces(engine, chunk):
            yield piece
    # No body at all is no broken one: a 204 may still name an encoding.
    if engine is not None and not engine.eof:
        raise GatewayInvalidResponse(_BROKEN)


def _deflate_of(first: int) -> int:
    """Window bits for `deflate`: with zlib's header, as the RFC has it, or without, as some servers do."""
    return _ZLIB if first & 0x0F == zlib.DEFLATED else _RAW_DEFLATE


def _pieces(engine: Any, chunk: bytes) -> Iterator[bytes]:
    try:
        while chunk:
            piece = engine.decompress(chunk, _PIECE_BYTES)
            if piece:
                yield piece
            # A second member could follow, and a million empty ones too: no server needs them.
            if engine.unused_data:
                raise GatewayInvalidResponse(_BROKEN)
            chunk = engine.unconsumed_tail
    except zlib.error:
        raise GatewayInvalidResponse(_BROKEN) from None
