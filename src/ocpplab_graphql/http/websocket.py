"""
GraphQL over WebSocket: the subprotocol graphql-transport-ws, and no other.

Source: graphql-ws PROTOCOL.md. Close codes and their reasons are the protocol's own.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode, Overloaded
from ocpplab_graphql.execution.answer import MASKED, error_body
from ocpplab_graphql.execution.documents import Refused
from ocpplab_graphql.execution.executor import Answer, Executor, OperationRequest
from ocpplab_graphql.execution.persisted import PersistedDocuments
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.http.admission import RETRY_AFTER_S, Admission, Place
from ocpplab_graphql.http.envelope import ClientGone, MakeContext, Refusal, operation_of
from ocpplab_graphql.http.head import (
    credentials_of,
    headers_of,
    observation_of,
    timeout_of,
    timeout_s,
    trace_of,
)
from ocpplab_graphql.http.persisted import with_document
from ocpplab_graphql.http.streams import Stopping
from ocpplab_graphql.telemetry import Observation, logger, new_request_id, observed

PROTOCOL = "graphql-transport-ws"

# Subscriptions that may begin in a second, as a multiple of the operations that may run at once.
_BURST = 2


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """
    Bounds on one connection, from the settings.

    Attributes:
        connections: most connections at once.
        message_bytes: longest message that is read.
        init_timeout_s: how long `connection_init` may take.
        operations: most operations that run at once.
        values: most values in the variables of one.
        heartbeat_s: how often a ping is sent.
    """

    connections: int
    message_bytes: int
    init_timeout_s: float
    operations: int
    values: int
    heartbeat_s: float


class _Closing(Exception):
    """The connection is closed by us, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSocket:
    """`/graphql` for WebSockets."""

    def __init__(
        self,
        executor: Executor,
        make_context: MakeContext,
        stopping: Stopping,
        limits: SocketLimits,
        persisted: PersistedDocuments,
        admission: Admission,
    ) -> None:
        self.executor = executor
        self.admission = admission
        self.persisted = persisted
        self.make_context = make_context
        self.stopping = stopping
        self.limits = limits
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until one of the two closes it."""
        if self._open >= self.limits.connections:
            await _turn_away(self.limits.connections, scope, receive, send)
            return
        self._open += 1
        try:
            await _Connection(self, scope, receive, send).serve()
        finally:
            self._open -= 1


@dataclass(slots=True)
class _Connection:
    """
    One client.

    Attributes:
        credentials: what `connection_init` said; None before it was acknowledged.
        operations: those that run, by the client's own ids.
        followed: which of them are subscriptions.
        traced: whether every answer tells its gateway calls.
        timeout_s: the deadline that the client asked for, in seconds from an operation's or event's beginning.
        begun: when subscriptions of the last second began.
        refused: how many operations were refused as too many.
    """

    served_by: GraphQLSocket
    scope: Scope
    receive: Receive
    transmit: Send
    credentials: Credentials | None = None
    operations: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)
    traced: bool = False
    timeout_s: float | None = None
    begun: deque[float] = field(default_factory=deque)
    refused: int = 0

    async def serve(self) -> None:
        await self.receive()  # websocket.connect
        speaks = PROTOCOL in self.scope.get("subprotocols", ())
        try:
            await self._transmit({"type": "websocket.accept", "subprotocol": PROTOCOL if speaks else None})
            if speaks:
                await self._listen()
            else:
                await self._close(4406, "Subprotocol not acceptable")
        except _Closing as closing:
            await self._end_operations()
            await self._close(closing.code, closing.reason)
        except ClientGone:
            pass
        except Exception:
            logger.exception("websocket: unexpected error")
            await self._close(1011, "Internal server error")
        finally:
            await self._end_operations()

    async def _listen(self) -> None:
        """
        Take message after message; in between, ping.

        Raises:
            _Closing: the client broke the protocol, or the service stops.
            ClientGone: the client closed the connection.
        """
        limits, now = self.served_by.limits, asyncio.get_running_loop().time
        opened = pinged = now()
        late = 0
        stop = asyncio.ensure_future(self.served_by.stopping.heard())
        incoming = self._incoming()
        try:
            while True:
                due = (
                    opened + limits.init_timeout_s
                    if self.credentials is None
                    else pinged + limits.heartbeat_s
                )
                await asyncio.wait(
                    (incoming, stop), timeout=max(0.0, due - now()), return_when=asyncio.FIRST_COMPLETED
                )
                # What came before the end is still taken, up to as much as may run at once.
                if stop.done() and (not incoming.done() or late == limits.operations):
                    await self._wind_up(incoming)
                    raise _Closing(1012, "Service restart")
                if incoming.done():
                    late += stop.done()
                    await self._take(incoming.result())
                    incoming = self._incoming()
                elif self.credentials is None:
                    raise _Closing(4408, "Connection initialisation timeout")
                else:
                    pinged = now()
                    await self._say({"type": "ping"})
        finally:
            for task in (stop, incoming):
                task.cancel()
            await asyncio.gather(stop, incoming, return_exceptions=True)

    def _incoming(self) -> asyncio.Future[Mapping[str, Any]]:
        return asyncio.ensure_future(self.receive())

    async def _wind_up(self, incoming: asyncio.Future[Mapping[str, Any]]) -> None:
        """
        Answer what runs, and take up nothing more. Subscriptions, which have no end, end now.

        Raises:
            ClientGone: nobody waits for the answers any more.
        """
        for own_id in self.followed & self.operations.keys():
            self._complete(own_id)
        running: set[asyncio.Future[Any]] = set(self.operations.values())
        try:
            while running:
                done, _ = await asyncio.wait({incoming, *running}, return_when=asyncio.FIRST_COMPLETED)
                running -= done
                if incoming in done:
                    if incoming.result()["type"] == "websocket.disconnect":
                        raise ClientGone
                    incoming = self._incoming()
        finally:
            incoming.cancel()
            await asyncio.gather(incoming, return_exceptions=True)

    async def _take(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "websocket.disconnect":
            raise ClientGone
        message = self._read(event)
        match message["type"]:
            case "connection_init":
                await self._begin(message)
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                self._complete(_id_of(message))
            case "ping":
                await self._say({"type": "pong"})
            case "pong":
                pass
            case other:
                raise _invalid(f"unknown type {other[:20]!r}")

    def _read(self, event: Mapping[str, Any]) -> dict[str, Any]:
        text = event.get("text")
        if text is None:
            raise _invalid("send text, not binary")
        if len(text) > self.served_by.limits.message_bytes:
            raise _Closing(1009, f"A message may have {self.served_by.limits.message_bytes} bytes")
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise _invalid("not JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _invalid("expected an object with a type")
        if not isinstance(message.get("payload", {}), dict | None):
            raise _invalid("payload must be an object")
        return message

    async def _begin(self, message: Mapping[str, Any]) -> None:
        if self.credentials is not None:
            raise _Closing(4429, "Too many initialisation requests")
        try:
            headers = headers_of(self.scope)
            from_headers = credentials_of(self.scope, headers)
            self.traced = trace_of(headers) == "calls"
            given = {name.lower(): value for name, value in (message.get("payload") or {}).items()}
            asked = _plain(given, "x-request-timeout")
            self.timeout_s = timeout_of(headers) if asked is None else timeout_s(asked)
        except Refusal as refusal:
            raise _Closing(4400, refusal.message) from None
        self.credentials = Credentials(
            authorization=_plain(given, "authorization") or from_headers.authorization,
            organization_id=_plain(given, "x-organization-id") or from_headers.organization_id,
        )
        await self._say({"type": "connection_ack"})

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        if self.credentials is None:
            raise _Closing(4401, "Unauthorized")
        own_id = _id_of(message)
        if own_id in self.operations:
            raise _Closing(4409, f"Subscriber for {own_id} already exists")
        try:
            payload = await with_document(message.get("payload"), self.served_by.persisted)
            request = operation_of(payload, values_max=self.served_by.limits.values)
        except Refusal as refusal:
            raise _invalid(refusal.message) from None
        except Refused as refused:
            answer = self.served_by.executor.refusal(refused, new_request_id())
            await self._say({"id": own_id, "type": "error", "payload": answer.body["errors"]})
            return
        follows = self.served_by.executor.follows(request)
        if self._is_too_much(follows=follows):
            await self._refuse(own_id)
            return
        if follows:
            self.followed.add(own_id)
        operating = self._operate(own_id, request, self.credentials)
        self.operations[own_id] = asyncio.get_running_loop().create_task(operating)

    def _is_too_much(self, *, follows: bool) -> bool:
        """
        Whether too many run, or too many subscriptions began within a second.

        The second is for floods of subscriptions that end at once: those never run side by side.
        """
        most = self.served_by.limits.operations
        if len(self.operations) >= most:
            return True
        if not follows:
            return False
        now = asyncio.get_running_loop().time()
        while self.begun and self.begun[0] < now - 1:
            self.begun.popleft()
        self.begun.append(now)
        return len(self.begun) > _BURST * most

    async def _refuse(self, own_id: str) -> None:
        most = self.served_by.limits.operations
        self.refused += 1
        if self.refused > most:
            raise _Closing(1008, f"Too many operations: at most {most} at once")
        error = error_body(
            f"At most {most} operations run over one connection at once, and at most {_BURST * most} subscriptions "
            "begin in a second: complete one first, or wait.",
            ErrorCode.OVERLOADED,
            new_request_id(),
            retryable=True,
            retry_after_ms=1000,
        )
        await self._say({"id": own_id, "type": "error", "payload": [error]})

    def _complete(self, own_id: str) -> None:
        running = self._ended(own_id)
        if running is not None:
            running.cancel()

    def _ended(self, own_id: str) -> asyncio.Task[None] | None:
        self.followed.discard(own_id)
        return self.operations.pop(own_id, None)

    async def _operate(self, own_id: str, request: OperationRequest, credentials: Credentials) -> None:
        """Say every answer, then that it is complete; nothing once the client has completed it."""
        request_id = new_request_id()
        try:
            last = await self._answers(own_id, request, credentials, request_id)
            self._ended(own_id)
            await self._say(last)
        except ClientGone:
            self._ended(own_id)
        except Exception:
            logger.exception("request %s: unexpected error", request_id)
            self._ended(own_id)
            error = error_body(
                MASKED.format(request_id=request_id), ErrorCode.INTERNAL_SERVER_ERROR, request_id
            )
            await self._say({"id": own_id, "type": "error", "payload": [error]})

    async def _answers(
        self, own_id: str, request: OperationRequest, credentials: Credentials, request_id: str
    ) -> dict[str, Any]:
        """Say the answers; the message that ends the operation."""
        with observed(observation_of(headers_of(self.scope), request_id, "websocket")) as seen:
            make_context = self.served_by.make_context(credentials, request_id, self.traced, self.timeout_s)
            try:
                place = await self.served_by.admission.place(credentials)
            except Overloaded as overloaded:
                return {"id": own_id, "type": "error", "payload": [_told(overloaded, request_id, seen)]}
            with place:
                answers = self.served_by.executor.stream(request, make_context, request_id)
                if self.served_by.executor.follows(request):
                    place.leave()  # who follows has a place of another kind
                return await self._said(own_id, answers, place, seen)

    async def _said(
        self, own_id: str, answers: AsyncGenerator[Answer, None], place: Place, seen: Observation
    ) -> dict[str, Any]:
        async with aclosing(answers):
            async for answer in answers:
                place.leave()
                seen.answered(answer.body)
                if not answer.executed:
                    return {"id": own_id, "type": "error", "payload": answer.body["errors"]}
                await self._say({"id": own_id, "type": "next", "payload": answer.body})
        return {"id": own_id, "type": "complete"}

    async def _end_operations(self) -> None:
        running = list(self.operations.values())
        self.operations.clear()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _say(self, message: Mapping[str, Any]) -> None:
        await self._transmit({"type": "websocket.send", "text": msgspec.json.encode(message).decode()})

    async def _close(self, code: int, reason: str) -> None:
        # A close frame has room for 123 bytes of reason.
        cut = reason.encode()[:123].decode(errors="ignore")
        with suppress(ClientGone):
            await self._transmit({"type": "websocket.close", "code": code, "reason": cut})

    async def _transmit(self, event: dict[str, Any]) -> None:
        try:
            await self.transmit(event)
        except OSError:
            raise ClientGone from None


def _told(overloaded: Overloaded, request_id: str, seen: Observation) -> dict[str, Any]:
    error = error_body(
        overloaded.message,
        overloaded.code,
        request_id,
        retryable=overloaded.retryable,
        retry_after_ms=overloaded.retry_after_ms,
    )
    seen.answered({"errors": [error]})
    return error


async def _turn_away(most: int, scope: Scope, receive: Receive, send: Send) -> None:
    """There are too many connections: a 503 before the handshake, or a plain refusal where a server knows none."""
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013, "reason": "Too many connections"})
        return
    refusal = Refusal(
        503,
        ErrorCode.OVERLOADED,
        f"This server has {most} WebSockets open, as many as it may: come again later.",
        retry_after_s=RETRY_AFTER_S,
    )
    content = msgspec.json.encode({"errors": [refusal.body(new_request_id())]})
    headers = [(b"content-type", b"application/json; charset=utf-8"), *refusal.all_headers()]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": content})


def _id_of(message: Mapping[str, Any]) -> str:
    own_id = message.get("id")
    if not isinstance(own_id, str) or not own_id:
        raise _invalid("expected an id")
    return own_id


def _plain(given: Mapping[str, Any], name: str) -> str | None:
    """A value that is to become a header: text of printable ASCII, without line ends."""
    value = given.get(name)
    if value is not None and not (isinstance(value, str) and value.isascii() and value.isprintable()):
        raise _invalid(f"{name} must be text in printable ASCII")
    return value or None


def _invalid(problem: str) -> _Closing:
    return _Closing(4400, f"Invalid message: {problem}")
