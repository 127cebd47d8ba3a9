"""An ASGI application in this process, called without a socket. Its lifespan is the caller's business."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import request
from ocpplab_graphql.gateway.transport.body import Body, Plain, body
from ocpplab_graphql.gateway.transport.port import Reply, TransportFailed
from ocpplab_graphql.gateway.transport.reader import Fields

Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

_LOG = logging.getLogger(__name__)


class AsgiTransport:
    """
    Calls an ASGI application as a server would, in the task of the caller: what is cancelled here is cancelled there.

    Args:
        max_body_bytes: largest body of a reply, before and after it is decompressed.
    """

    def __init__(self, app: Application, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """
        See Transport.

        Raises:
            ValueError: a URL, method or header that HTTP does not allow, or that is not the caller's to say.
        """
        scope = _scope(method, url, headers, body)
        exchange = _Exchange(body or b"", without_body=method == "HEAD", limit=self._max_body_bytes)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            if exchange.refused is None and not exchange.is_complete:
                raise TransportFailed(f"connection lost ({type(error).__name__})", sent=True) from error
            if exchange.refused is None:  # it had answered before it failed, as a server's client would see
                _LOG.exception("The application failed after its answer.")
        return exchange.reply()

    async def aclose(self) -> None:
        """See Transport. There is nothing to close."""


def _scope(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
    origin, target = request.split(url)
    path, _, query = target.partition("?")
    written = request.fields(method, headers, body, coding="identity")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": origin.scheme,
        "path": unquote(path),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [
            (b"host", origin.authority.encode("ascii")),
            *((name.lower().encode("ascii"), request.encoded(value)) for name, value in written.items()),
        ],
        "client": None,
        "server": (origin.host, origin.port),
    }


class _Exchange:
    """
    One request to an application, and what it answers.

    Attributes:
        refused: why the answer is not wanted any more; the application was told so by an OSError, as ASGI has it.
    """

    def __init__(self, content: bytes, *, without_body: bool, limit: int) -> None:
        self._content: bytes | None = content
        self._without_body = without_body
        self._limit = limit
        self._status: int | None = None
        self._body: Body | None = None
        self._fields: dict[bytes, bytes] = {}
        self._answered: asyncio.Event | None = None
        self.is_complete = False
        self.refused: Exception | None = None

    async def receive(self) -> Message:
        """The request, in one message; after it, when the answer is complete, the end."""
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        if not self.is_complete:
            self._answered = self._answered or asyncio.Event()
            await self._answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """One message of the answer."""
        if self.refused is None:
            try:
                self._take(message)
            except GatewayInvalidResponse as problem:
                self.refused = problem
        if self.refused is not None:
            raise OSError("nobody reads this answer any more")

    def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._fields = _joined(message.get("headers", ()))
            coding = self._fields.get(b"content-encoding", b"").decode("latin-1")
            self._body = Plain(self._limit) if self._without_body else body(coding, limit=self._limit)
        elif message["type"] == "http.response.body" and self._body is not None:
            if piece := b"" if self._without_body else message.get("body", b""):
                self._body.add(piece)
            if not message.get("more_body", False):
                self._end()

    def _end(self) -> None:
        self.is_complete = True
        if self._answered is not None:
            self._answered.set()

    def reply(self) -> Reply:
        """
        What was answered.

        Raises:
            TransportFailed: not all of it came.
            GatewayInvalidResponse: see Transport.
        """
        if self.refused is not None:
            raise self.refused
        if not self.is_complete or self._body is None or self._status is None:
            raise TransportFailed("connection lost (no whole answer)", sent=True)
        return Reply(self._status, Fields(self._fields), self._body.whole())


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for name, value in ((name.lower(), value) for name, value in headers):
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields
