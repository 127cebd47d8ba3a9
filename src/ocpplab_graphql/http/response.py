"""The one response to an operation that came by HTTP: its bytes, its headers, and what the access log says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import Message, Send

from ocpplab_graphql.http.caching import NO_STORE, VARY, etag_of, is_known
from ocpplab_graphql.http.compression import (
    accepts_gzip,
    compressed_etag,
    gzipped,
    plain_etags,
    with_accept_encoding,
)
from ocpplab_graphql.http.envelope import Refusal
from ocpplab_graphql.http.negotiation import GRAPHQL_RESPONSE, JSON, MediaType
from ocpplab_graphql.telemetry import Observation

Header = tuple[bytes, bytes]

_CONTENT_TYPES = {
    one: (b"content-type", f"{one}; charset=utf-8".encode()) for one in (GRAPHQL_RESPONSE, JSON)
}
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_GZIP = (b"content-encoding", b"gzip")
_VARY = (b"vary", VARY.encode())
_VARY_COMPRESSED = (b"vary", with_accept_encoding(VARY).encode())


@dataclass(slots=True)
class Response:
    """
    The response to one request.

    Attributes:
        asked: the headers of the request.
        seen: what is known of the operation; its status and its bytes, before they are compressed, are told here.
        compress_from: length from which an answer is compressed for who accepts it; None compresses none.
    """

    send_message: Send
    asked: Mapping[str, str]
    seen: Observation
    compress_from: int | None

    async def send(
        self,
        status: int,
        body: dict[str, Any],
        media_type: MediaType,
        headers: tuple[Header, ...] = (),
        *,
        keeping: str = NO_STORE,
    ) -> None:
        """Encode and send; only that nothing changed, when the caller may keep the answer and has it."""
        self.seen.answered(body)
        content = msgspec.json.encode(body)
        etag = ""
        if not keeping.startswith(NO_STORE):
            etag = etag_of(content)
            if is_known(etag, self._known_etags()):
                status, content = 304, b""
        self.seen.status = status
        self.seen.bytes_out += len(content)
        vary = _VARY
        if self.compress_from is not None and "no-transform" not in keeping:
            vary = _VARY_COMPRESSED
            if status == 304:
                etag = self._etag_as_known(etag)
            elif len(content) >= self.compress_from and self._accepts_gzip():
                content = await gzipped(content)
                headers = (*headers, _GZIP)
                etag = etag and compressed_etag(etag)
        if etag:
            headers = (*headers, (b"etag", etag.encode()))
        described = (_CONTENT_TYPES[media_type], (b"content-length", str(len(content)).encode()))
        start = [
            *(described if status != 304 else ()),
            (b"cache-control", keeping.encode()),
            vary,
            _NO_SNIFFING,
            (b"x-request-id", self.seen.request_id.encode()),
            *headers,
        ]
        await self.send_message({"type": "http.response.start", "status": status, "headers": start})
        await self.send_message({"type": "http.response.body", "body": content})

    async def refuse(self, refusal: Refusal, media_type: MediaType) -> None:
        """Send an error of the envelope."""
        body = {"errors": [refusal.body(self.seen.request_id)]}
        await self.send(refusal.status, body, media_type, tuple(refusal.all_headers()))

    async def pass_on(self, message: Message) -> None:
        """Send a part of a response that somebody else makes."""
        if message["type"] == "http.response.start":
            self.seen.status = message["status"]
        else:
            self.seen.bytes_out += len(message.get("body", b""))
        await self.send_message(message)

    def _known_etags(self) -> str | None:
        """`If-None-Match` with our own ETags, whether they came of compressed answers or not."""
        known = self.asked.get("if-none-match")
        return known if known is None or self.compress_from is None else plain_etags(known)

    def _etag_as_known(self, etag: str) -> str:
        """The ETag in the form in which the caller has it."""
        compressed = compressed_etag(etag)
        known = self.asked.get("if-none-match", "")
        return compressed if compressed in known and self._accepts_gzip() else etag

    def _accepts_gzip(self) -> bool:
        return accepts_gzip(self.asked.get("accept-encoding"))
