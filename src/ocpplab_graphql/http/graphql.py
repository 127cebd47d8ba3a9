"""
GraphQL over HTTP, as a plain ASGI application: negotiation, statuses, GET for queries.

Source: the GraphQL over HTTP specification, stage 2 draft. Every refusal is a GraphQL error body.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode, Overloaded
from ocpplab_graphql.execution.answer import MASKED, error_body
from ocpplab_graphql.execution.documents import Refused
from ocpplab_graphql.execution.executor import Answer, Executor, NeedsStream, OperationRequest, ReadOnly
from ocpplab_graphql.execution.persisted import PersistedDocuments
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.http.admission import RETRY_AFTER_S, Admission, Place
from ocpplab_graphql.http.bodies import Bodies
from ocpplab_graphql.http.caching import NO_STORE, VARY, cache_control, etag_of, is_known
from ocpplab_graphql.http.envelope import (
    ClientGone,
    MakeContext,
    Refusal,
    credentials_of,
    decoded,
    envelope_of_query,
    headers_of,
    operation_of,
    timeout_of,
    trace_of,
)
from ocpplab_graphql.http.hang_up import HangUp
from ocpplab_graphql.http.negotiation import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    MULTIPART,
    MediaType,
    StreamType,
    accepts_html,
    asked_for,
)
from ocpplab_graphql.http.persisted import with_document
from ocpplab_graphql.http.streams import Stopping, StreamedResponse
from ocpplab_graphql.telemetry import logger, observation, request_id_from

Page = Callable[[Scope], ASGIApp]

# A query string that asks for an answer, whatever else the caller accepts.
_OPERATION = re.compile(rb"(?:^|&)(?:query|extensions|documentId|doc_id)=")

_CUT_OFF = (
    "The service stops and could not wait for this operation any longer. Send it again; "
    "but before you repeat a mutation, look for its effect."
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the caller accepts: one answer, a stream of them, or either."""

    answer: MediaType | None
    stream: StreamType | None

    @property
    def refusal(self) -> MediaType:
        """The media type of what is answered before anything is executed."""
        return self.answer or JSON


class GraphQLApp:
    """
    `/graphql`.

    Args:
        make_context: the context of an operation; see MakeContext.
        page: GraphiQL, for browsers, given the request's scope; None to serve no page.
        bodies: reads the bodies of requests.
        admission: the door to execution.
        values_max: most values in the variables of one operation.
        stopping: ends the streams.
        heartbeat_s: longest silence of a stream.
        persisted: the documents that are sent by their ids.
        answer_max_age_s: how long a caller may use its answer to a query by GET without asking again.
    """

    def __init__(
        self,
        executor: Executor,
        make_context: MakeContext,
        *,
        page: Page | None,
        bodies: Bodies,
        admission: Admission,
        values_max: int,
        stopping: Stopping,
        heartbeat_s: float,
        persisted: PersistedDocuments,
        answer_max_age_s: int = 0,
    ) -> None:
        self._executor = executor
        self._make_context = make_context
        self._page = page
        self._bodies = bodies
        self._admission = admission
        self._values_max = values_max
        self._stopping = stopping
        self._heartbeat_s = heartbeat_s
        self._persisted = persisted
        self._answer_max_age_s = answer_max_age_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = headers_of(scope)
        request_id = request_id_from(headers.get("x-request-id"))
        if self._page is not None and scope["method"] in {"GET", "HEAD"} and _wants_page(scope, headers):
            observation().logged = False
            await self._page(scope)(scope, receive, send)
            return
        wanted = _Wanted(*asked_for(headers.get("accept")))
        response = _Response(send, request_id)
        try:
            await self._respond(scope, receive, wanted, response)
        except Refusal as refusal:
            await response.refuse(refusal, wanted.refusal)
        except Overloaded as overloaded:
            await response.refuse(_shed(overloaded), wanted.refusal)
        except ClientGone:
            logger.info("request %s: the caller hung up", request_id)
        except asyncio.CancelledError:
            # Only the server cancels a request, and only when it stops: nobody above waits for the
            # cancellation, and the caller still listens.
            logger.warning("request %s: cut off, the service stops", request_id)
            body = error_body(_CUT_OFF, ErrorCode.REQUEST_CANCELLED, request_id)
            await response.send(503, {"errors": [body]}, wanted.refusal)
        except Exception:
            logger.exception("request %s: unexpected error", request_id)
            body = error_body(
                MASKED.format(request_id=request_id), ErrorCode.INTERNAL_SERVER_ERROR, request_id
            )
            await response.send(500, {"errors": [body]}, wanted.refusal)

    async def _respond(self, scope: Scope, receive: Receive, wanted: _Wanted, response: "_Response") -> None:
        if wanted.answer is None and wanted.stream is None:
            raise _not_acceptable(f"Answers come as {GRAPHQL_RESPONSE} or {JSON}; accept one of them.")
        body = await self._bodies.read(receive, headers_of(scope)) if scope["method"] == "POST" else b""
        try:
            credentials = credentials_of(scope)
            with await self._admission.place(credentials) as place:
                await self._execute(scope, receive, body, credentials, place, wanted, response)
        finally:
            self._bodies.let_go(body)

    async def _execute(
        self,
        scope: Scope,
        receive: Receive,
        body: bytes,
        credentials: Credentials,
        place: Place,
        wanted: _Wanted,
        response: "_Response",
    ) -> None:
        try:
            operation = await self._operation(scope, body)
        except Refused as refused:
            answer = self._executor.refusal(refused, response.request_id)
            await response.send(_status(answer, wanted.refusal), answer.body, wanted.refusal)
            return
        headers = headers_of(scope)
        trace = trace_of(headers)
        operation = replace(operation, explain=trace == "plan")
        make_context = self._make_context(
            credentials, response.request_id, trace == "calls", timeout_of(headers)
        )
        read_only = scope["method"] == "GET"
        try:
            follows = wanted.stream is not None and self._executor.follows(operation)
            if wanted.stream is not None and (wanted.answer is None or follows):
                answers = self._executor.stream(
                    operation, make_context, response.request_id, read_only=read_only
                )
                if follows:
                    place.leave()  # who follows has a place of another kind
                # A query or mutation that is streamed ends by itself, and is waited for like any other.
                stopping = self._stopping if follows else Stopping()
                streamed = StreamedResponse(wanted.stream, response.request_id, stopping, self._heartbeat_s)
                await streamed.respond(answers, receive, response.send_message)
                return
            running = self._executor.execute(
                operation, make_context, response.request_id, read_only=read_only
            )
            answer = await _unless_gone(running, receive)
            place.leave()  # whoever reads slowly takes nobody's place
        except ReadOnly:
            raise Refusal(
                405,
                ErrorCode.METHOD_NOT_ALLOWED,
                "GET is for reading; send mutations by POST.",
                ((b"allow", b"POST"),),
            ) from None
        except NeedsStream:
            raise _not_acceptable(
                f"A subscription is answered by a stream: accept {EVENT_STREAM} or "
                f"{MULTIPART};subscriptionSpec=1.0, or use the WebSocket protocol graphql-transport-ws."
            ) from None
        media_type = wanted.refusal
        keeping = cache_control(answer, scope["method"], self._answer_max_age_s)
        await response.send(
            _status(answer, media_type),
            answer.body,
            media_type,
            keeping=keeping,
            if_none_match=headers.get("if-none-match"),
        )

    async def _operation(self, scope: Scope, body: bytes) -> OperationRequest:
        if scope["method"] == "POST":
            envelope = decoded(body, headers_of(scope))
            return operation_of(await with_document(envelope, self._persisted), values_max=self._values_max)
        if scope["method"] == "GET":
            envelope = envelope_of_query(scope["query_string"])
            return operation_of(await with_document(envelope, self._persisted), values_max=self._values_max)
        raise Refusal(
            405,
            ErrorCode.METHOD_NOT_ALLOWED,
            f"GraphQL is served by POST and GET, not {scope['method']}.",
            ((b"allow", b"GET, POST"),),
        )


_ALWAYS = ((b"vary", VARY.encode()), (b"x-content-type-options", b"nosniff"))
_CONTENT_TYPES = {
    one: (b"content-type", f"{one}; charset=utf-8".encode()) for one in (GRAPHQL_RESPONSE, JSON)
}


@dataclass(slots=True)
class _Response:
    """The one response to a request."""

    send_message: Send
    request_id: str

    async def send(
        self,
        status: int,
        body: dict[str, Any],
        media_type: MediaType,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        *,
        keeping: str = NO_STORE,
        if_none_match: str | None = None,
    ) -> None:
        """Encode and send; only that nothing changed, when the caller may keep the answer and has it."""
        observation().answered(body)
        content = msgspec.json.encode(body)
        if not keeping.startswith(NO_STORE):
            etag = etag_of(content)
            headers = (*headers, (b"etag", etag.encode()))
            if is_known(etag, if_none_match):
                status, content = 304, b""
        start: MutableMapping[str, Any] = {
            "type": "http.response.start",
            "status": status,
            "headers": [
                *_describing(content, media_type, status),
                (b"cache-control", keeping.encode()),
                *_ALWAYS,
                (b"x-request-id", self.request_id.encode()),
                *headers,
            ],
        }
        await self.send_message(start)
        await self.send_message({"type": "http.response.body", "body": content})

    async def refuse(self, refusal: Refusal, media_type: MediaType) -> None:
        """Send an error of the envelope."""
        body = {"errors": [refusal.body(self.request_id)]}
        await self.send(refusal.status, body, media_type, tuple(refusal.all_headers()))


async def _unless_gone(running: Awaitable[Answer], receive: Receive) -> Answer:
    """
    The answer, unless the caller hangs up first: then the operation is cancelled, and with it its calls.

    Raises:
        ClientGone: nobody waits for the answer any more.
    """
    hang_up = HangUp(receive)
    try:
        return await running
    except asyncio.CancelledError:
        if hang_up.noticed():
            raise ClientGone from None
        raise
    finally:
        hang_up.stop()


def _wants_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    return _OPERATION.search(scope["query_string"]) is None and accepts_html(headers.get("accept"))


def _describing(content: bytes, media_type: MediaType, status: int) -> list[tuple[bytes, bytes]]:
    if status == 304:
        return []
    return [
        _CONTENT_TYPES[media_type],
        (b"content-length", str(len(content)).encode()),
    ]


def _status(answer: Answer, media_type: MediaType) -> int:
    return 400 if not answer.executed and media_type == GRAPHQL_RESPONSE else 200


def _shed(overloaded: Overloaded) -> Refusal:
    return Refusal(503, overloaded.code, overloaded.message, retry_after_s=RETRY_AFTER_S)


def _not_acceptable(message: str) -> Refusal:
    return Refusal(406, ErrorCode.NOT_ACCEPTABLE, message)
