"""
The codes a client may see, and the one exception that carries them.

    FacadeError                 has a code, may say when to try again
    ├── BadUserInput            arguments and variables
    ├── Unauthenticated         no token on a field that needs the gateway
    ├── NotFound                something vanished in the middle of a read
    ├── Overloaded              more at once than this process takes
    └── GatewayError            in gateway/errors.py: what the gateway did

Anything that is not a FacadeError is a fault of ours: masked for the client, logged for us.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every value of `extensions.code`. Clients treat an unknown one as INTERNAL_SERVER_ERROR."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    BAD_REQUEST = "BAD_REQUEST"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    OPERATION_TOO_COMPLEX = "OPERATION_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    DOCUMENT_NOT_ALLOWED = "DOCUMENT_NOT_ALLOWED"
    GATEWAY_RATE_LIMITED = "GATEWAY_RATE_LIMITED"
    GATEWAY_TIMEOUT = "GATEWAY_TIMEOUT"
    GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE"
    GATEWAY_INVALID_RESPONSE = "GATEWAY_INVALID_RESPONSE"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    OVERLOADED = "OVERLOADED"
    REQUEST_CANCELLED = "REQUEST_CANCELLED"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


class FacadeError(Exception):
    """
    A failure the client is told about in our words.

    Args:
        message: what was expected, what came, what to do.
        retry_after_ms: when repeating makes sense, if known.
    """

    code: ErrorCode = ErrorCode.INTERNAL_SERVER_ERROR
    retryable: bool = False

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms


class BadUserInput(FacadeError):
    """An argument or variable that can be none; the message says what is allowed."""

    code = ErrorCode.BAD_USER_INPUT


class Unauthenticated(FacadeError):
    """The operation needs the gateway, and brought no token."""

    code = ErrorCode.UNAUTHENTICATED


class NotFound(FacadeError):
    """What an earlier part of the same answer named is no longer there."""

    code = ErrorCode.NOT_FOUND


class Overloaded(FacadeError):
    """More is asked for at once than this process takes; later it may work."""

    code = ErrorCode.OVERLOADED
    retryable = True
