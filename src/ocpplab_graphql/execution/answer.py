"""What the client gets: the data and the errors of one operation, each error with a code."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError

from ocpplab_graphql.errors import ErrorCode, FacadeError
from ocpplab_graphql.telemetry import logger

MASKED = "Something went wrong on our side. It has been logged under the request id {request_id}."

_MESSAGE_MAX = 1000


def error_body(
    message: str,
    code: ErrorCode,
    request_id: str,
    *,
    retryable: bool = False,
    retry_after_ms: int | None = None,
) -> dict[str, Any]:
    """One entry of `errors`, without a place in the document."""
    extensions: dict[str, Any] = {"code": code.value, "retryable": retryable, "requestId": request_id}
    if retry_after_ms is not None:
        extensions["retryAfterMs"] = retry_after_ms
    return {"message": message, "extensions": extensions}


def format_errors(
    errors: Sequence[GraphQLError], request_id: str, *, at_most: int, code: ErrorCode | None = None
) -> tuple[list[dict[str, Any]], int]:
    """
    The errors as clients see them, and how many were left out.

    Args:
        at_most: how many are listed.
        code: the code of those that come from the document itself; by default BAD_USER_INPUT.
    """
    # All of them, because those of ours are logged on the way.
    formatted = [_formatted(error, request_id, code or ErrorCode.BAD_USER_INPUT) for error in errors]
    return formatted[:at_most], max(0, len(errors) - at_most)


def _formatted(error: GraphQLError, request_id: str, code: ErrorCode) -> dict[str, Any]:
    body = _described(error, request_id, code)
    if error.locations:
        body["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        body["path"] = list(error.path)
    return body


def _cut(message: str) -> str:
    """graphql-core repeats what it was given, however long that is."""
    return message if len(message) <= _MESSAGE_MAX else f"{message[:_MESSAGE_MAX]}…"


def _described(error: GraphQLError, request_id: str, code: ErrorCode) -> dict[str, Any]:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, FacadeError):
        return error_body(
            cause.message,
            cause.code,
            request_id,
            retryable=cause.retryable,
            retry_after_ms=cause.retry_after_ms,
        )
    if cause is None or isinstance(cause, GraphQLError):
        return error_body(_cut(error.message), code, request_id)
    logger.error("request %s: unexpected error at %s", request_id, error.path, exc_info=cause)
    return error_body(MASKED.format(request_id=request_id), ErrorCode.INTERNAL_SERVER_ERROR, request_id)
