"""
Answers that come one after the other over HTTP: server-sent events, and multipart.

    text/event-stream                          the protocol of graphql-sse, distinct connections mode
    multipart/mixed;subscriptionSpec=1.0       Apollo's protocol for subscriptions

Neither is compressed or cached. A caller who hangs up closes the stream of answers.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from starlette.types import Receive, Send

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import MASKED, error_body
from ocpplab_graphql.execution.executor import Answer
from ocpplab_graphql.http.envelope import ClientGone, until_gone
from ocpplab_graphql.http.negotiation import EVENT_STREAM, MULTIPART, StreamType
from ocpplab_graphql.telemetry import logger, observation

STOPPING = "The service stops, and this stream with it: subscribe again, and get the present state at once."


class Stopping:
    """The word that every stream without an end of its own has to end, given once."""

    def __init__(self) -> None:
        self._said = asyncio.Event()

    def say(self) -> None:
        """End every stream that is open, and every one that is opened from now on."""
        self._said.set()

    async def heard(self) -> None:
        """Wait for it."""
        await self._said.wait()


class _Format(Protocol):
    """How a stream is written."""

    content_type: bytes
    opening: bytes
    heartbeat: bytes
    closing: bytes

    def event(self, body: Mapping[str, Any]) -> bytes: ...

    def failure(self, error: Mapping[str, Any]) -> bytes: ...


class _ServerSentEvents:
    # Source: graphql-sse PROTOCOL.md. Every event has a data line: without one a browser drops it.
    content_type = b"text/event-stream; charset=utf-8"
    opening = heartbeat = b":\n\n"
    closing = b"event: complete\ndata:\n\n"

    def event(self, body: Mapping[str, Any]) -> bytes:
        return b"event: next\ndata: " + msgspec.json.encode(body) + b"\n\n"

    def failure(self, error: Mapping[str, Any]) -> bytes:
        return self.event({"errors": [error]})


class _Multipart:
    # Source: Apollo, "Multipart HTTP protocol for GraphQL subscriptions". Each part is followed by its
    # boundary at once: clients take a part for whole when they see the next boundary.
    content_type = b'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
    opening = b"\r\n--graphql"
    closing = b"--\r\n"

    def __init__(self) -> None:
        self.heartbeat = self._part({})

    def event(self, body: Mapping[str, Any]) -> bytes:
        return self._part({"payload": body})

    def failure(self, error: Mapping[str, Any]) -> bytes:
        return self._part({"payload": None, "errors": [error]})

    def _part(self, content: Mapping[str, Any]) -> bytes:
        return b"\r\ncontent-type: application/json\r\n\r\n" + msgspec.json.encode(content) + b"\r\n--graphql"


_FORMATS: Mapping[StreamType, _Format] = {EVENT_STREAM: _ServerSentEvents(), MULTIPART: _Multipart()}


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """
    The response to one request, in one of the two formats.

    Attributes:
        heartbeat_s: longest silence, so that proxies and clients know it lives.
    """

    media_type: StreamType
    request_id: str
    stopping: Stopping
    heartbeat_s: float

    async def respond(self, answers: AsyncGenerator[Answer, None], receive: Receive, send: Send) -> None:
        """
        Send every answer as it comes, until there are no more or the service stops.

        Raises:
            ClientGone: the caller hung up; `answers` is closed.
        """
        form = _FORMATS[self.media_type]
        await send(self._start(form))
        await send(_body(form.opening))
        ending = form.closing
        try:
            async with aclosing(self._parts(form, answers, receive)) as parts:
                async for part in parts:
                    await send(_body(part))
        except (ClientGone, OSError):
            raise ClientGone from None
        except asyncio.CancelledError:
            # Only the server cancels a request, and only when it stops: the caller still listens.
            ending = form.failure(self._error(STOPPING, ErrorCode.REQUEST_CANCELLED)) + form.closing
        except Exception:
            logger.exception("request %s: unexpected error", self.request_id)
            message = MASKED.format(request_id=self.request_id)
            ending = form.failure(self._error(message, ErrorCode.INTERNAL_SERVER_ERROR)) + form.closing
        await send(_body(ending, more=False))

    async def _parts(
        self, form: _Format, answers: AsyncGenerator[Answer, None], receive: Receive
    ) -> AsyncGenerator[bytes, None]:
        gone = asyncio.ensure_future(until_gone(receive))
        stop = asyncio.ensure_future(self.stopping.heard())
        upcoming = asyncio.ensure_future(anext(answers, None))
        try:
            while True:
                await asyncio.wait(
                    (upcoming, gone, stop), timeout=self.heartbeat_s, return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done():
                    raise ClientGone
                if upcoming.done():
                    answer = upcoming.result()
                    if answer is None:
                        return
                    observation().answered(answer.body)
                    yield form.event(answer.body)
                    upcoming = asyncio.ensure_future(anext(answers, None))
                elif stop.done():
                    yield form.failure(self._error(STOPPING, ErrorCode.REQUEST_CANCELLED))
                    return
                else:
                    yield form.heartbeat
        finally:
            for task in (upcoming, gone, stop):
                task.cancel()
            await asyncio.gather(upcoming, gone, stop, return_exceptions=True)
            await answers.aclose()

    def _error(self, message: str, code: ErrorCode) -> dict[str, Any]:
        return error_body(message, code, self.request_id, retryable=code is ErrorCode.REQUEST_CANCELLED)

    def _start(self, form: _Format) -> dict[str, Any]:
        headers = [
            (b"content-type", form.content_type),
            (b"cache-control", b"no-store"),
            (b"vary", b"Accept"),
            (b"x-accel-buffering", b"no"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", self.request_id.encode()),
        ]
        return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}
