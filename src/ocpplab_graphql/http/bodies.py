"""
Request bodies: whole, within a deadline, and never more than so many bytes, of one request and of all.

What is read here is in memory before anything knows what it is, so this is where it is bounded.
"""

import asyncio
import types
from collections.abc import Awaitable, Generator, Mapping
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.http.admission import RETRY_AFTER_S
from ocpplab_graphql.http.envelope import ClientGone, Refusal
from ocpplab_graphql.http.head import headers_of
from ocpplab_graphql.telemetry import request_id_from

_CLOSE = (b"connection", b"close")


class Bodies:
    """
    The bodies that one process holds.

    Args:
        each: most bytes of one.
        in_all: most bytes of all that are held at once.
        within_s: how long one may take to come.
    """

    def __init__(self, *, each: int, in_all: int, within_s: float) -> None:
        self._each = each
        self._in_all = max(each, in_all)
        self._within_s = within_s
        self.held = 0

    async def read(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        """
        The whole body; whoever gets it lets it go.

        Raises:
            Refusal: it is too long, too slow, or there is no room for it.
            ClientGone: it never came to its end.
        """
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._each:
            raise self._too_large()
        read = bytearray()
        try:
            await _within(self._within_s, self._whole(receive, read))
        except TimeoutError:
            self.held -= len(read)
            raise _too_slow(self._within_s) from None
        except BaseException:
            self.held -= len(read)
            raise
        return bytes(read)

    def let_go(self, body: bytes) -> None:
        """It is not needed any more."""
        self.held -= len(body)

    async def _whole(self, receive: Receive, read: bytearray) -> None:
        while self._more(await receive(), read):
            pass

    def _more(self, message: Message, read: bytearray) -> bool:
        """Keep a piece; whether there is more after it."""
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        read += piece
        self.held += len(piece)
        if len(read) > self._each:
            raise self._too_large()
        if self.held > self._in_all:
            raise Refusal(
                503,
                ErrorCode.OVERLOADED,
                "This server holds as many bytes of requests as it may: send it again later.",
                (_CLOSE,),
                retry_after_s=RETRY_AFTER_S,
            )
        return bool(message.get("more_body", False))

    def _too_large(self) -> Refusal:
        return Refusal(
            413, ErrorCode.PAYLOAD_TOO_LARGE, f"A request body may have {self._each} bytes; send less."
        )


async def _within(seconds: float, awaited: Awaitable[None]) -> None:
    """
    Wait for something at most so long, and without a timer when there is nothing to wait for.

    A body has mostly come with its head, and setting and stopping a timer costs ten times as much as to take it.
    """
    begun = awaited.__await__()
    try:
        first = next(begun)
    except StopIteration:
        return
    async with asyncio.timeout(seconds):
        await _continued(begun, first)


@types.coroutine
def _continued(begun: Generator[Any, Any, None], waited_for: Any) -> Generator[Any, Any, None]:
    """Go on with what is begun, and waits already: `yield from`, but for its first step."""
    try:
        while True:
            try:
                sent = yield waited_for
            except BaseException as error:  # such as a cancellation
                waited_for = begun.throw(error)
            else:
                waited_for = begun.send(sent)
    except StopIteration:
        return


class WholeBodies:
    """An application that gets each body in one piece; a body that is too long or too slow never reaches it."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        self._app = app
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._bodies.read(receive, headers_of(scope))
        except Refusal as refusal:
            await _refuse(refusal, headers_of(scope).get("x-request-id"), send)
            return
        except ClientGone:
            return
        try:
            await self._app(scope, _replaying(body, receive), send)
        finally:
            self._bodies.let_go(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(refusal: Refusal, request_id: str | None, send: Send) -> None:
    content = msgspec.json.encode({"errors": [refusal.body(request_id_from(request_id))]})
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *refusal.all_headers(),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _too_slow(within_s: float) -> Refusal:
    return Refusal(
        408,
        ErrorCode.REQUEST_TIMEOUT,
        f"The request body did not come to its end within {within_s:g} seconds: send it again, faster.",
        (_CLOSE,),
        retryable=True,
    )
