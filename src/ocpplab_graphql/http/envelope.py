"""
What a client sends: headers, body or query string, made into an operation, or refused.

Source: the GraphQL over HTTP specification, stage 2 draft.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.execution.answer import error_body
from ocpplab_graphql.execution.executor import ContextFactory, OperationRequest
from ocpplab_graphql.gateway.client import Credentials

# The context of an operation for these credentials, this request id, traced or not, and with this deadline
# in seconds from when it is made, if its caller asked for one.
MakeContext = Callable[[Credentials, str, bool, float | None], ContextFactory]

# Clients of one kind say the same in each request; what is longer is read each time.
_KEPT_LENGTH_MAX = 200
_HOLDS_OTHERS = (dict, list)
_TEXT_PARAMETERS = ("query", "operationName", "documentId", "doc_id")


@dataclass(frozen=True, slots=True)
class Refusal(Exception):  # an answer, not a fault
    """An answer that is an error of the envelope."""

    status: int
    code: ErrorCode
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    retryable: bool = False
    retry_after_s: int | None = None

    def body(self, request_id: str) -> dict[str, Any]:
        """The entry of `errors`."""
        if self.retry_after_s is None:
            return error_body(self.message, self.code, request_id, retryable=self.retryable)
        return error_body(
            self.message, self.code, request_id, retryable=True, retry_after_ms=self.retry_after_s * 1000
        )

    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of its own, `Retry-After` included."""
        if self.retry_after_s is None:
            return [*self.headers]
        return [*self.headers, (b"retry-after", str(self.retry_after_s).encode())]


class ClientGone(Exception):
    """The caller hung up; nobody reads the answer."""


async def until_gone(receive: Receive) -> None:
    """Wait until the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def decoded(body: bytes, headers: Mapping[str, str]) -> Any:
    """
    A body as JSON.

    Raises:
        Refusal: it is none, or said to be something else.
    """
    content_type = headers.get("content-type", "")
    is_json = _is_json(content_type) if len(content_type) > _KEPT_LENGTH_MAX else _known_as_json(content_type)
    if not is_json:
        raise Refusal(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Send the request as application/json in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Send the request without Content-Encoding.")
    return _json("The request body", body)


@lru_cache(maxsize=256)
def _known_as_json(content_type: str) -> bool:
    return _is_json(content_type)


def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    given = dict(parse_qsl(parameters.replace(" ", "").lower(), separator=";"))
    charset = given.get("charset", "utf-8").strip('"')
    return media_type.strip().lower() == "application/json" and charset in {"utf-8", "utf8"}


def envelope_of_query(query_string: bytes) -> dict[str, Any]:
    """
    The same object that a body would hold, from a query string.

    Raises:
        Refusal: it cannot be read.
    """
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
        raise Refusal(400, ErrorCode.BAD_REQUEST, "The query string cannot be read.") from None
    envelope: dict[str, Any] = {name: given[name] for name in _TEXT_PARAMETERS if name in given}
    for name in ("variables", "extensions"):
        if given.get(name):
            envelope[name] = _json(f"The parameter {name}", given[name])
    return envelope


def _json(what: str, text: str | bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, ErrorCode.BAD_REQUEST, f"{what} is not JSON in UTF-8: {error}.") from None


def operation_of(envelope: Any, *, values_max: int) -> OperationRequest:
    """
    The operation that a client asks for.

    Args:
        values_max: most values in its variables, those inside of others included.

    Raises:
        Refusal: a member is missing, of another type, or too large.
    """
    if not isinstance(envelope, dict):
        raise Refusal(
            400,
            ErrorCode.BAD_REQUEST,
            "This service takes one operation a request, not a list of them: send each by itself."
            if isinstance(envelope, list)
            else 'The request must be a JSON object such as {"query": "{ __typename }"}.',
        )
    query = _member(envelope, "query", str, "text")
    _member(envelope, "extensions", dict, "an object")
    if not query:
        raise Refusal(
            400,
            ErrorCode.BAD_REQUEST,
            "The request has no query: put the document into `query`, or its id into `documentId`.",
        )
    variables = _member(envelope, "variables", dict, "an object")
    if _has_more_values(variables, values_max):
        message = f"The variables hold more than {values_max} values: send fewer at once."
        raise Refusal(400, ErrorCode.OPERATION_TOO_COMPLEX, message)
    return OperationRequest(
        query=query,
        variables=variables,
        operation_name=_member(envelope, "operationName", str, "text") or None,
    )


def _has_more_values(value: Any, at_most: int) -> bool:
    """Whether a JSON value holds more than so many others; stops as soon as it does."""
    count, pending = 0, [value]
    while pending:
        inside = pending.pop()
        if isinstance(inside, _HOLDS_OTHERS):
            count += len(inside)
            if count > at_most:
                return True
            pending.extend(inside.values() if isinstance(inside, dict) else inside)
    return False


def _member(
    envelope: Mapping[str, Any],
    name: Literal["query", "variables", "operationName", "extensions"],
    kind: type,
    said: str,
) -> Any:
    value = envelope.get(name)
    if value is not None and not isinstance(value, kind):
        raise Refusal(400, ErrorCode.BAD_REQUEST, f"`{name}` must be {said} or null.")
    return value
