"""
Bounds on connections, below ASGI: what an application is never asked about, because a request is not whole yet.

uvicorn has no deadline for receiving a request nor for handing on an answer, and no bound on the length of a
request's head, on pipelined requests, or on WebSocket frames. Its protocol classes get them here. Decision 52.
"""

import asyncio
import time
from typing import Any, ClassVar

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import error_body
from ocpplab_graphql.http.admission import RETRY_AFTER_S
from ocpplab_graphql.http.watch import ConnectionLimits, Reading, Watch
from ocpplab_graphql.telemetry import new_request_id

_SPARE_PATHS = {"/health", "/ready"}
_SPARE_WITHIN_S = 1.0
# Requests that wait on one connection for the answers to those before them.
_PIPELINED_MAX = 16
# Pieces of one WebSocket message: each costs memory, an empty one too.
_FRAGMENTS_MAX = 1024
# The application answers a slow body first, with its own words.
_GRACE_S = 1.0
_CUT_WITHIN_S = 1.0


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with bounds. A subclass of it names its `watch`."""

    watch: ClassVar[Watch]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.reading = Reading()
        self._due: float | None = None
        self._within_s = self.watch.limits.receive_timeout_s
        self._in_head = True
        self._head_bytes = 0
        self._answering: RequestResponseCycle | None = None
        self._refusal = (400, ErrorCode.BAD_REQUEST, "This is not a request in HTTP/1.1.")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.watch.opened(self)
        if self.watch.is_beyond_spare:
            transport.abort()
        elif self.watch.is_full:
            self.app = _only_probes(self.app)
            self._within_s = min(self._within_s, _SPARE_WITHIN_S)
        self._due = time.monotonic() + self._within_s

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.closed(self)
        # uvicorn tells only the last of several pipelined requests that its caller is gone.
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._due is None:
            self._due = time.monotonic() + self._within_s
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.watch.limits.head_bytes:
            self._refuse_head()
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.watch.limits.head_bytes:
            self._refuse_head()
            raise _TooMuch
        if len(self.pipeline) >= _PIPELINED_MAX:
            message = f"At most {_PIPELINED_MAX} requests may wait on one connection."
            self._refusal = (400, ErrorCode.BAD_REQUEST, message)
            raise _TooMuch
        self._due = time.monotonic() + self._within_s + _GRACE_S
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._due = None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._due = None
        if self.watch.is_full:
            self._refusal = _FULL
            self.send_400_response("")
            return
        super().handle_websocket_upgrade()
        self.watch.closed(self)

    def resume_writing(self) -> None:
        self.reading.went_on()
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        # Without a body there is nothing to wait for; and who expects 100 is told that before.
        if cycle.scope["method"] != "HEAD" and not cycle.waiting_for_100_continue:
            cycle.transport = _HeadWithBody(cycle.transport)  # type: ignore[assignment]  # all that it uses of one
        super()._start_asgi_task(cycle, app)

    def look(self, now: float) -> None:
        """Cut off a request that takes too long to come."""
        if self._due is None or now < self._due or self.transport.is_closing():
            return
        answering = self._answering is not None and not self._answering.response_complete
        if self.flow.read_paused or (self._in_head and answering):
            # It is we who do not read, or the part of a further request waits for its turn.
            self._due = now + self._within_s
        elif answering or self._head_bytes == 0 or not self._in_head:
            self.transport.abort() if answering else self.transport.close()
        else:
            message = f"The head of the request did not come to its end within {self._within_s:g} seconds."
            self._refusal = (408, ErrorCode.REQUEST_TIMEOUT, message)
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words
        """Refuse what never became a request: uvicorn calls this for what it cannot parse."""
        if self.transport.is_closing():
            return
        status, code, message = self._refusal
        self.transport.write(_refusal(status, code, message))
        self.transport.close()

    def _refuse_head(self) -> None:
        message = f"The head of a request may have {self.watch.limits.head_bytes} bytes."
        self._refusal = (431, ErrorCode.PAYLOAD_TOO_LARGE, message)


class _HeadWithBody:
    """
    The transport of one response: its head goes out with the first of its body, as ASGI has it.

    uvicorn hands them on one by one, which costs the kernel's work and a packet twice.
    """

    __slots__ = ("_begun", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._begun = False
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Keep the first, which is the head, and send it with the next."""
        if not self._begun:
            self._begun, self._head = True, data
        elif self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close; a head without a body is sent before."""
        if self._head is not None:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSockets, with bounds. A subclass of it names its `watch`."""

    watch: ClassVar[Watch]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.reading = Reading()
        self._second = 0.0
        self._came = 0
        self._is_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.watch.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_cut:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The library cannot read the handshake; uvicorn would leave it open, unanswered.
            self._is_cut = True
            self.transport.write(_refusal(400, ErrorCode.BAD_REQUEST, "This is not a WebSocket handshake."))
            self.transport.close()

    def resume_writing(self) -> None:
        self.reading.went_on()
        super().resume_writing()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # refused is complete too; uvicorn would log it as a fault of ours

    def look(self, now: float) -> None:
        """Nothing to do: who has not begun is the application's to cut off, and then pings tell."""

    def handle_text(self, event: Frame) -> None:
        if self._is_within_bounds():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._is_within_bounds():
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= _FRAGMENTS_MAX:
            self._cut(1009, f"A message may come in {_FRAGMENTS_MAX} pieces")
        elif self._is_within_bounds(most=self.watch.limits.messages + _FRAGMENTS_MAX):
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self._is_within_bounds():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._is_within_bounds():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self._cut(1007, "A message must be UTF-8")
            return
        super().send_receive_event_to_app()

    def _is_within_bounds(self, most: int | None = None) -> bool:
        """Whether one more frame may come in this second; if not, or no longer, the connection is cut off."""
        if self._is_cut:
            return False
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._came = now, 0
        self._came += 1
        if self._came > (most or self.watch.limits.messages):
            self._cut(1008, f"At most {self.watch.limits.messages} messages in a second")
        return not self._is_cut

    def handle_parser_exception(self) -> None:
        """What the library refuses: a message that is too long, a frame that is none."""
        refusal = self.conn.close_sent
        if refusal is None:
            self.transport.close()
        else:
            self._end(refusal.code, refusal.reason)

    def _cut(self, code: int, reason: str) -> None:
        """Close, and read no further; the application is told that the client is gone."""
        if self.close_sent or self.transport.is_closing():
            self._is_cut = True
            return
        self.conn.send_close(code, reason)
        self._end(code, reason)

    def _end(self, code: int, reason: str) -> None:
        self._is_cut = self.close_sent = self.disconnected = True
        self.frames = []
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        # A connection that is closed with bytes unread takes our last words back: read on for a moment.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_CUT_WITHIN_S, self.transport.close)


def bounded_protocols(limits: ConnectionLimits) -> tuple[type[BoundedHttp], type[BoundedWebSocket]]:
    """The protocol classes of one server: all of its connections share these bounds."""
    watched = Watch(limits)

    class Http(BoundedHttp):
        watch = watched

    class WebSocket(BoundedWebSocket):
        watch = watched

    return Http, WebSocket


class _TooMuch(Exception):
    """Ends the parsing of a request; the refusal is already chosen."""


_FULL = (
    503,
    ErrorCode.OVERLOADED,
    "This server has as many connections as it may: come again later.",
)


def _only_probes(app: ASGIApp) -> ASGIApp:
    """The application for those who come when there are too many: it tells how it is, and nothing else."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in _SPARE_PATHS:
            await app(scope, receive, send)
            return
        content = _content(*_FULL)
        headers = [(name.encode(), value.encode()) for name, value in _headers(_FULL[0], content)]
        await send({"type": "http.response.start", "status": _FULL[0], "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return answer


def _refusal(status: int, code: ErrorCode, message: str) -> bytes:
    """A whole response, for a connection that is closed after it."""
    content = _content(status, code, message)
    lines = [f"{name}: {value}\r\n".encode() for name, value in _headers(status, content)]
    return b"".join((STATUS_LINE[status], *lines, b"\r\n", content))


def _content(status: int, code: ErrorCode, message: str) -> bytes:
    again = status == _FULL[0]
    body = error_body(
        message,
        code,
        new_request_id(),
        retryable=again or code is ErrorCode.REQUEST_TIMEOUT,
        retry_after_ms=RETRY_AFTER_S * 1000 if again else None,
    )
    return msgspec.json.encode({"errors": [body]})


def _headers(status: int, content: bytes) -> list[tuple[str, str]]:
    headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", str(len(content))),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ]
    return [*headers, ("retry-after", str(RETRY_AFTER_S))] if status == _FULL[0] else headers


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
