"""
Compression of whole answers with gzip, as plain ASGI. A stream passes as it is.

Why gzip alone, and why no answer's length tells a secret, is in docs/decisions/0032.
"""

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.http.head import headers_of

_COMPRESSIBLE = ("application/json", "application/graphql-response+json", "application/javascript", "text/")
_COMPRESSIBLE_PICTURES = ("image/svg+xml", "font/ttf")
_EVENT_STREAM = "text/event-stream"
_SUFFIX = '-gzip"'

# An answer: 0.2 ms for 110 KB. Longer ones go to a thread, where zlib leaves the loop alone.
_LEVEL, _INLINE_BYTES_MAX = 1, 64 * 1024
# What anybody may keep is compressed once, so it may take its time.
_LEVEL_OF_KEPT, _KEPT_BYTES_MAX = 9, 16 * 1024 * 1024


_DECIDING = frozenset({b"content-encoding", b"cache-control", b"content-type"})

# Clients of one kind say the same in each request; what is longer is read each time.
_KEPT_LENGTH_MAX = 200


class Compressed:
    """
    An application whose whole answers are compressed for callers who accept it.

    An answer is left as it is when it is short, already encoded, `no-transform`, or comes in several parts.
    The ETag of a compressed answer ends in `-gzip`, as a strong one must differ; callers may send back either.

    Args:
        bytes_min: length from which it is worth the work.
    """

    def __init__(self, app: ASGIApp, *, bytes_min: int) -> None:
        self._app = app
        self._bytes_min = bytes_min
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = headers_of(scope)
        accepted = accepts_gzip(headers.get("accept-encoding"))
        known = headers.get("if-none-match", "")
        if not accepted and not known:
            await self._app(scope, receive, _plain(send))
            return
        start: MutableMapping[str, Any] | None = None

        async def sending(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _may_be_compressed(message):
                start = message
                return
            if start is not None:
                begun, start = start, None
                message = await self._answer(begun, message, accepted=accepted, known=known)
                await send(begun)
            await send(message)

        await self._app(_asking_for_plain(scope) if _SUFFIX in known else scope, receive, sending)

    async def _answer(
        self, start: MutableMapping[str, Any], body: Message, *, accepted: bool, known: str
    ) -> Message:
        """The body to send; the headers in `start` are made to fit it."""
        headers = {name.lower().decode(): value.decode("latin-1") for name, value in start["headers"]}
        if body["type"] != "http.response.body" or not _is_compressible(headers, start["status"]):
            return body
        changes: dict[str, str] = {"vary": with_accept_encoding(headers.get("vary", ""))}
        etag = headers.get("etag", "")
        content = body.get("body", b"")
        if start["status"] == 304:
            if accepted and compressed_etag(etag) in known:
                changes["etag"] = compressed_etag(etag)
        elif accepted and not body.get("more_body", False) and len(content) >= self._bytes_min:
            content = await self._compressed(content, etag, headers)
            changes |= {"content-encoding": "gzip", "content-length": str(len(content))}
            if etag:
                changes["etag"] = compressed_etag(etag)
            body = {**body, "body": content}
        start["headers"] = [
            *((name, value) for name, value in start["headers"] if name.lower().decode() not in changes),
            *((name.encode(), value.encode("latin-1")) for name, value in changes.items()),
        ]
        return body

    async def _compressed(self, content: bytes, etag: str, headers: Mapping[str, str]) -> bytes:
        is_for_all = bool(etag) and "authorization" not in headers.get("vary", "").lower()
        if not is_for_all:
            return await gzipped(content)
        kept = self._kept.get(etag)
        if kept is None:
            kept = await _gzip(content, _LEVEL_OF_KEPT)
            self._keep(etag, kept)
        else:
            self._kept.move_to_end(etag)
        return kept

    def _keep(self, etag: str, compressed: bytes) -> None:
        if etag in self._kept:  # two asked for it at once
            return
        self._kept[etag] = compressed
        self._kept_bytes += len(compressed)
        while self._kept_bytes > _KEPT_BYTES_MAX:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])


def _plain(send: Send) -> Send:
    """Send answers as they are, and say that they could have been compressed."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_compressed(message):
            vary = next((value for name, value in message["headers"] if name == b"vary"), b"")
            others = [(name, value) for name, value in message["headers"] if name != b"vary"]
            message["headers"] = [*others, (b"vary", with_accept_encoding(vary.decode("latin-1")).encode())]
        await send(message)

    return sending


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether a caller likes gzip no less than an answer as it is. Source: RFC 9110, section 12.5.3."""
    if accept_encoding is None:
        return False
    if len(accept_encoding) > _KEPT_LENGTH_MAX:
        return _accepts_gzip(accept_encoding)
    return _known_to_accept_gzip(accept_encoding)


@lru_cache(maxsize=256)
def _known_to_accept_gzip(accept_encoding: str) -> bool:
    return _accepts_gzip(accept_encoding)


def _accepts_gzip(accept_encoding: str) -> bool:
    qualities = dict(_coding(part) for part in accept_encoding.lower().split(",") if part.strip())
    anything = qualities.get("*", 0.0)
    quality = qualities.get("gzip", qualities.get("x-gzip", anything))
    return quality > 0 and quality >= qualities.get("identity", 0.0)


def _coding(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    given = dict(parameter.partition("=")[::2] for parameter in parameters)
    try:
        quality = float(given.get("q", "1"))
    except ValueError:
        return name, 0.0
    return name, quality if 0 <= quality <= 1 else 0.0


def compressed_etag(etag: str) -> str:
    """The ETag of the same answer, compressed."""
    return etag.removesuffix('"') + _SUFFIX


def plain_etags(if_none_match: str) -> str:
    """`If-None-Match` with the ETags of answers that are not compressed."""
    return if_none_match.replace(_SUFFIX, '"')


async def gzipped(content: bytes) -> bytes:
    """An answer to one caller, compressed."""
    return await _gzip(content, _LEVEL)


async def _gzip(content: bytes, level: int) -> bytes:
    if len(content) <= _INLINE_BYTES_MAX and level == _LEVEL:
        return gzip.compress(content, level, mtime=0)
    return await asyncio.to_thread(gzip.compress, content, level, mtime=0)


def _may_be_compressed(start: Message) -> bool:
    """Whether the start has to wait for the body; that of a stream goes out at once."""
    wanted = {name.decode(): value.decode("latin-1") for name, value in start["headers"] if name in _DECIDING}
    return _is_compressible(wanted, start["status"])


def _is_compressible(headers: Mapping[str, str], status: int) -> bool:
    if "content-encoding" in headers or "no-transform" in headers.get("cache-control", ""):
        return False
    media_type = headers.get("content-type", "")
    return status == 304 or (
        media_type.startswith((*_COMPRESSIBLE, *_COMPRESSIBLE_PICTURES))
        and not media_type.startswith(_EVENT_STREAM)
    )


def _asking_for_plain(scope: Scope) -> Scope:
    """The request as the application inside knows it: with the ETags that it gives."""
    headers = [
        (name, value.replace(_SUFFIX.encode(), b'"') if name == b"if-none-match" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


@lru_cache(maxsize=16)
def with_accept_encoding(vary: str) -> str:
    """`Vary` of what is compressed for some."""
    return vary if "accept-encoding" in vary.lower() else f"{vary}, Accept-Encoding".removeprefix(", ")
