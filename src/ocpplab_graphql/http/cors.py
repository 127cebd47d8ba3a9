"""
CORS, as plain ASGI: which pages of other origins may read what we answer.

Credentials that a browser adds by itself are never allowed: callers are known by a header that a page must
set, which takes a preflight. Source: the Fetch standard, section 3.2.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import error_body
from ocpplab_graphql.telemetry import request_id_from

ANY = "*"
_METHODS = "GET, POST"
_EXPOSED = "ETag, Retry-After, X-Request-Id"
_PREFLIGHT_KEPT_S = 7200  # the longest that Chromium honours
_REQUEST_HEADERS = (
    "Accept, Apollo-Require-Preflight, Authorization, Content-Type, If-None-Match, "
    "X-Apollo-Operation-Name, X-Gateway-Trace, X-Organization-Id, X-Request-Id, X-Request-Timeout"
)


class CrossOrigin:
    """
    An application that pages of these origins may use.

    Args:
        origins: such as `https://app.example`; `*` is any.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        granted = self._granted(headers.get(b"origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await self._preflight(granted, headers.get(b"x-request-id"), send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_grant(list(message["headers"]), granted)
            await send(message)

        await self._app(scope, receive, sending)

    def _granted(self, origin: str | None) -> str | None:
        """`Access-Control-Allow-Origin` for a caller."""
        if ANY in self._origins:
            return ANY
        return origin if origin is not None and origin.lower() in self._origins else None

    def _with_grant(
        self, headers: list[tuple[bytes, bytes]], granted: str | None
    ) -> list[tuple[bytes, bytes]]:
        if granted is not None:
            headers += [
                (b"access-control-allow-origin", granted.encode("latin-1")),
                (b"access-control-expose-headers", _EXPOSED.encode()),
            ]
        if granted != ANY:
            # To callers without an origin too: what is kept of their answer must not serve a page.
            headers.append((b"vary", b"Origin"))
        return headers

    async def _preflight(self, granted: str | None, request_id: str | None, send: Send) -> None:
        headers = self._with_grant([(b"cache-control", b"no-store")], granted)
        body: dict[str, Any] | None = None
        if granted is None:
            message = "Pages of this origin may not use this service: its operator can allow them by setting."
            body = {"errors": [error_body(message, ErrorCode.BAD_REQUEST, request_id_from(request_id))]}
            headers.append((b"content-type", b"application/json; charset=utf-8"))
        else:
            headers += [
                (b"access-control-allow-methods", _METHODS.encode()),
                (b"access-control-allow-headers", _REQUEST_HEADERS.encode()),
                (b"access-control-max-age", str(_PREFLIGHT_KEPT_S).encode()),
            ]
        content = b"" if body is None else msgspec.json.encode(body)
        status = 204 if body is None else 403
        if body is not None:
            headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
