"""
GraphQL over HTTP, as a plain ASGI application: negotiation, statuses, GET for queries.

Source: the GraphQL over HTTP specification, stage 2 draft. Every refusal is a GraphQL error body.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode, Overloaded
from ocpplab_graphql.execution.answer import MASKED, error_body
from ocpplab_graphql.execution.documents import Refused
from ocpplab_graphql.execution.executor import Answer, Executor, NeedsStream, OperationRequest, ReadOnly
from ocpplab_graphql.execution.persisted import PersistedDocuments
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.http.admission import RETRY_AFTER_S, Admission, Place
from ocpplab_graphql.http.bodies import Bodies
from ocpplab_graphql.http.caching import cache_control
from ocpplab_graphql.http.envelope import (
    ClientGone,
    MakeContext,
    Refusal,
    decoded,
    envelope_of_query,
    operation_of,
)
from ocpplab_graphql.http.hang_up import HangUps
from ocpplab_graphql.http.head import (
    credentials_of,
    headers_of,
    observation_of,
    request_id_of,
    timeout_of,
    trace_of,
)
from ocpplab_graphql.http.negotiation import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    MULTIPART,
    MediaType,
    Wanted,
    accepts_html,
    asked_for,
)
from ocpplab_graphql.http.persisted import with_document
from ocpplab_graphql.http.response import Response
from ocpplab_graphql.http.streams import Stopping, StreamedResponse
from ocpplab_graphql.telemetry import begin, end, logger

# A query string that asks for an answer, whatever else the caller accepts.
_OPERATION = re.compile(rb"(?:^|&)(?:query|extensions|documentId|doc_id)=")

_CUT_OFF = (
    "The service stops and could not wait for this operation any longer. Send it again; "
    "but before you repeat a mutation, look for its effect."
)


# As nginx has it: the caller did not wait for the answer.
_HUNG_UP = 499


class _Asked(NamedTuple):
    """One request, with what its head says."""

    scope: Scope
    receive: Receive
    headers: Mapping[str, str]
    request_id: str
    wanted: Wanted
    response: Response


class GraphQLApp:
    """
    `/graphql`. Each request is a line in the access log, but one for the page.

    Args:
        make_context: the context of an operation; see MakeContext.
        page: GraphiQL, for browsers; None to serve no page.
        bodies: reads the bodies of requests.
        admission: the door to execution.
        values_max: most values in the variables of one operation.
        stopping: ends the streams.
        heartbeat_s: longest silence of a stream.
        persisted: the documents that are sent by their ids.
        compress_from: length in bytes from which an answer is compressed for who accepts it; None compresses none.
        answer_max_age_s: how long a caller may use its answer to a query by GET without asking again.
    """

    def __init__(
        self,
        executor: Executor,
        make_context: MakeContext,
        *,
        page: ASGIApp | None,
        bodies: Bodies,
        admission: Admission,
        values_max: int,
        stopping: Stopping,
        heartbeat_s: float,
        persisted: PersistedDocuments,
        compress_from: int | None = None,
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
        self._compress_from = compress_from
        self._answer_max_age_s = answer_max_age_s
        self._hang_ups = HangUps()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, and log what it came to."""
        headers = headers_of(scope)
        seen = observation_of(headers, request_id_of(scope), "http")
        before = begin(seen)
        try:
            if self._page is not None and _wants_page(scope, headers):
                seen.logged = False
                await self._page(scope, receive, send)
                return
            wanted = asked_for(headers.get("accept"))
            response = Response(send, headers, seen, self._compress_from)
            await self._answer(_Asked(scope, receive, headers, seen.request_id, wanted, response))
            seen.status = seen.status or _HUNG_UP
        finally:
            end(seen, before)

    async def _answer(self, asked: _Asked) -> None:
        """Answer, whatever comes of it."""
        request_id, response, media_type = asked.request_id, asked.response, asked.wanted.refusal
        try:
            await self._respond(asked)
        except Refusal as refusal:
            await response.refuse(refusal, media_type)
        except Overloaded as overloaded:
            await response.refuse(_shed(overloaded), media_type)
        except ClientGone:
            logger.info("request %s: the caller hung up", request_id)
        except asyncio.CancelledError:
            # Only the server cancels a request, and only when it stops: nobody above waits for the
            # cancellation, and the caller still listens.
            logger.warning("request %s: cut off, the service stops", request_id)
            body = error_body(_CUT_OFF, ErrorCode.REQUEST_CANCELLED, request_id)
            await response.send(503, {"errors": [body]}, media_type)
        except Exception:
            logger.exception("request %s: unexpected error", request_id)
            body = error_body(
                MASKED.format(request_id=request_id), ErrorCode.INTERNAL_SERVER_ERROR, request_id
            )
            await response.send(500, {"errors": [body]}, media_type)

    async def _respond(self, asked: _Asked) -> None:
        if asked.wanted.answer is None and asked.wanted.stream is None:
            raise _not_acceptable(f"Answers come as {GRAPHQL_RESPONSE} or {JSON}; accept one of them.")
        is_post = asked.scope["method"] == "POST"
        body = await self._bodies.read(asked.receive, asked.headers) if is_post else b""
        try:
            credentials = credentials_of(asked.scope, asked.headers)
            with await self._admission.place(credentials) as place:
                await self._execute(asked, body, credentials, place)
        finally:
            self._bodies.let_go(body)

    async def _execute(self, asked: _Asked, body: bytes, credentials: Credentials, place: Place) -> None:
        wanted, response = asked.wanted, asked.response
        try:
            operation = await self._operation(asked, body)
        except Refused as refused:
            answer = self._executor.refusal(refused, asked.request_id)
            await response.send(_status(answer, wanted.refusal), answer.body, wanted.refusal)
            return
        trace = trace_of(asked.headers)
        if trace == "plan":
            operation = replace(operation, explain=True)
        make_context = self._make_context(
            credentials, asked.request_id, trace == "calls", timeout_of(asked.headers)
        )
        read_only = asked.scope["method"] == "GET"
        try:
            follows = wanted.stream is not None and self._executor.follows(operation)
            if wanted.stream is not None and (wanted.answer is None or follows):
                answers = self._executor.stream(
                    operation, make_context, asked.request_id, read_only=read_only
                )
                if follows:
                    place.leave()  # who follows has a place of another kind
                # A query or mutation that is streamed ends by itself, and is waited for like any other.
                stopping = self._stopping if follows else Stopping()
                streamed = StreamedResponse(wanted.stream, asked.request_id, stopping, self._heartbeat_s)
                await streamed.respond(answers, asked.receive, response.pass_on)
                return
            running = self._executor.execute(operation, make_context, asked.request_id, read_only=read_only)
            answer = await self._unless_gone(running, asked.receive)
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
        keeping = cache_control(answer, asked.scope["method"], self._answer_max_age_s)
        await response.send(_status(answer, wanted.refusal), answer.body, wanted.refusal, keeping=keeping)

    async def _unless_gone(self, running: Awaitable[Answer], receive: Receive) -> Answer:
        """
        The answer, unless the caller hangs up first: then the operation is cancelled, and with it its calls.

        Raises:
            ClientGone: nobody waits for the answer any more.
        """
        hang_up = self._hang_ups.of(receive)
        try:
            return await running
        except asyncio.CancelledError:
            if hang_up.noticed():
                raise ClientGone from None
            raise
        finally:
            hang_up.stop()

    async def _operation(self, asked: _Asked, body: bytes) -> OperationRequest:
        method = asked.scope["method"]
        if method == "POST":
            envelope = decoded(body, asked.headers)
        elif method == "GET":
            envelope = envelope_of_query(asked.scope["query_string"])
        else:
            raise Refusal(
                405,
                ErrorCode.METHOD_NOT_ALLOWED,
                f"GraphQL is served by POST and GET, not {method}.",
                ((b"allow", b"GET, POST"),),
            )
        return operation_of(await with_document(envelope, self._persisted), values_max=self._values_max)


def _wants_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    return (
        scope["method"] in {"GET", "HEAD"}
        and _OPERATION.search(scope["query_string"]) is None
        and accepts_html(headers.get("accept"))
    )


def _status(answer: Answer, media_type: MediaType) -> int:
    return 400 if not answer.executed and media_type == GRAPHQL_RESPONSE else 200


def _shed(overloaded: Overloaded) -> Refusal:
    return Refusal(503, overloaded.code, overloaded.message, retry_after_s=RETRY_AFTER_S)


def _not_acceptable(message: str) -> Refusal:
    return Refusal(406, ErrorCode.NOT_ACCEPTABLE, message)
