"""
GraphQL over HTTP, as a plain ASGI application: negotiation, statuses, GET for queries.

Source: the GraphQL over HTTP specification, stage 2 draft. Every refusal is a GraphQL error body.
"""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import MASKED, error_body
from ocpplab_graphql.execution.executor import Answer, ContextFactory, Executor, OperationRequest, ReadOnly
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.http.negotiation import GRAPHQL_RESPONSE, JSON, MediaType, accepts_html, negotiated
from ocpplab_graphql.telemetry import logger, observation, request_id_from

MakeContext = Callable[[Credentials, str, bool], ContextFactory]


Page = Callable[[Scope], ASGIApp]

_CUT_OFF = (
    "The service stops and could not wait for this operation any longer. Send it again; "
    "but before you repeat a mutation, look for its effect."
)


@dataclass(frozen=True, slots=True)
class _Refusal(Exception):  # an answer, not a fault
    """An answer that is an error of the envelope."""

    status: int
    code: ErrorCode
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class ClientGone(Exception):
    """The caller hung up; nobody reads the answer."""


class GraphQLApp:
    """
    `/graphql`.

    Args:
        make_context: the context of an operation for these credentials, this request id, traced or not.
        page: GraphiQL, for browsers, given the request's scope; None to serve no page.
        max_body_bytes: largest request body that is read.
    """

    def __init__(
        self, executor: Executor, make_context: MakeContext, *, page: Page | None, max_body_bytes: int
    ) -> None:
        self._executor = executor
        self._make_context = make_context
        self._page = page
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = _headers(scope)
        request_id = request_id_from(headers.get("x-request-id"))
        if self._page is not None and scope["method"] in {"GET", "HEAD"} and _wants_page(scope, headers):
            observation().logged = False
            await self._page(scope)(scope, receive, send)
            return
        response = _Response(send, request_id)
        try:
            media_type = _media_type(headers)
        except _Refusal as refusal:
            await response.refuse(refusal, JSON)
            return
        try:
            answer = await self._answer(scope, receive, headers, request_id)
            status = 400 if not answer.executed and media_type == GRAPHQL_RESPONSE else 200
            await response.send(status, answer.body, media_type)
        except _Refusal as refusal:
            await response.refuse(refusal, media_type)
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

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], request_id: str
    ) -> Answer:
        if scope["method"] == "POST":
            envelope = _decoded(await self._body(receive, headers), headers)
        elif scope["method"] == "GET":
            envelope = _envelope_of_query(scope["query_string"])
        else:
            raise _Refusal(
                405,
                ErrorCode.METHOD_NOT_ALLOWED,
                f"GraphQL is served by POST and GET, not {scope['method']}.",
                ((b"allow", b"GET, POST"),),
            )
        operation = _operation(envelope)
        make_context = self._make_context(_credentials(scope), request_id, _traced(headers))
        running = self._executor.execute(
            operation, make_context, request_id, queries_only=scope["method"] == "GET"
        )
        try:
            return await _unless_gone(running, receive)
        except ReadOnly:
            raise _Refusal(
                405,
                ErrorCode.METHOD_NOT_ALLOWED,
                "GET is for queries; send mutations and subscriptions by POST.",
                ((b"allow", b"POST"),),
            ) from None

    async def _body(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:18]) > self._max_body_bytes:
            raise self._too_large()
        read = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            read += message.get("body", b"")
            if len(read) > self._max_body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(read)

    def _too_large(self) -> _Refusal:
        return _Refusal(
            413,
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"A request body may have {self._max_body_bytes} bytes; send less.",
        )


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
    ) -> None:
        """Encode and send."""
        observation().answered(body)
        content = msgspec.json.encode(body)
        start: MutableMapping[str, Any] = {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", f"{media_type}; charset=utf-8".encode()),
                (b"content-length", str(len(content)).encode()),
                (b"cache-control", b"no-store"),
                (b"vary", b"Accept"),
                (b"x-content-type-options", b"nosniff"),
                (b"x-request-id", self.request_id.encode()),
                *headers,
            ],
        }
        await self.send_message(start)
        await self.send_message({"type": "http.response.body", "body": content})

    async def refuse(self, refusal: _Refusal, media_type: MediaType) -> None:
        """Send an error of the envelope."""
        body = error_body(refusal.message, refusal.code, self.request_id)
        await self.send(refusal.status, {"errors": [body]}, media_type, refusal.headers)


async def _unless_gone(running: Any, receive: Receive) -> Answer:
    """
    The answer, unless the caller hangs up first: then the operation is cancelled, and with it its calls.

    Raises:
        ClientGone: nobody waits for the answer any more.
    """
    operation = asyncio.ensure_future(running)
    hang_up = asyncio.ensure_future(_hung_up(receive))
    try:
        await asyncio.wait((operation, hang_up), return_when=asyncio.FIRST_COMPLETED)
        if not operation.done():
            raise ClientGone
        answer: Answer = operation.result()
        return answer
    finally:
        for task in (operation, hang_up):
            task.cancel()
        await asyncio.gather(operation, hang_up, return_exceptions=True)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name; of a repeated one the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _wants_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    return b"query=" not in scope["query_string"] and accepts_html(headers.get("accept"))


def _media_type(headers: Mapping[str, str]) -> MediaType:
    media_type = negotiated(headers.get("accept"))
    if media_type is None:
        raise _Refusal(
            406,
            ErrorCode.NOT_ACCEPTABLE,
            f"Answers come as {GRAPHQL_RESPONSE} or {JSON}; accept one of them.",
        )
    return media_type


def _traced(headers: Mapping[str, str]) -> bool:
    wanted = headers.get("x-gateway-trace")
    if wanted not in {None, "calls"}:
        raise _Refusal(400, ErrorCode.BAD_REQUEST, f"X-Gateway-Trace takes calls, got {wanted[:40]!r}.")
    return wanted == "calls"


def _credentials(scope: Scope) -> Credentials:
    return Credentials(
        authorization=_only(scope, b"authorization"), organization_id=_only(scope, b"x-organization-id")
    )


def _only(scope: Scope, name: bytes) -> str | None:
    """The value of a header that may be given once, exactly as it came."""
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1 or not all(value.isascii() for value in values):
        raise _Refusal(400, ErrorCode.BAD_REQUEST, f"The header {name.decode()} may be sent once, in ASCII.")
    return values[0].decode("ascii") if values and values[0] else None


def _decoded(body: bytes, headers: Mapping[str, str]) -> Any:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = (
        dict(parse_qsl(parameters.replace(" ", "").lower(), separator=";")).get("charset", "utf-8").strip('"')
    )
    if media_type.strip().lower() != "application/json" or charset not in {"utf-8", "utf8"}:
        raise _Refusal(
            415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Send the request as application/json in UTF-8."
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _Refusal(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Send the request without Content-Encoding.")
    return _json("The request body", body)


def _envelope_of_query(query_string: bytes) -> dict[str, Any]:
    try:
        given = dict(
            parse_qsl(
                query_string.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(query_string),
                errors="strict",
            )
        )
    except ValueError:
        raise _Refusal(400, ErrorCode.BAD_REQUEST, "The query string cannot be read.") from None
    envelope: dict[str, Any] = {name: given[name] for name in ("query", "operationName") if name in given}
    for name in ("variables", "extensions"):
        if given.get(name):
            envelope[name] = _json(f"The parameter {name}", given[name])
    return envelope


def _json(what: str, text: str | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refusal(400, ErrorCode.BAD_REQUEST, f"{what} is not JSON in UTF-8: {error}.") from None


def _operation(envelope: Any) -> OperationRequest:
    if not isinstance(envelope, dict):
        raise _Refusal(
            400,
            ErrorCode.BAD_REQUEST,
            'The request must be a JSON object such as {"query": "{ __typename }"}.',
        )
    query = _member(envelope, "query", str, "text")
    _member(envelope, "extensions", dict, "an object")
    if not query:
        raise _Refusal(400, ErrorCode.BAD_REQUEST, "The request has no query: put the document into `query`.")
    return OperationRequest(
        query=query,
        variables=_member(envelope, "variables", dict, "an object"),
        operation_name=_member(envelope, "operationName", str, "text") or None,
    )


def _member(
    envelope: Mapping[str, Any],
    name: Literal["query", "variables", "operationName", "extensions"],
    kind: type,
    said: str,
) -> Any:
    value = envelope.get(name)
    if value is not None and not isinstance(value, kind):
        raise _Refusal(400, ErrorCode.BAD_REQUEST, f"`{name}` must be {said} or null.")
    return value
