"""
What can go wrong between us and the gateway.

    GatewayError
    ├── GatewayRefused               it answered, and said no
    │   ├── GatewayUnauthorized      401
    │   ├── GatewayForbidden         403
    │   ├── GatewayNotFound          404
    │   ├── GatewayRejected          400, 409, 422: the input is wrong, in its own words
    │   └── GatewayRateLimited       429
    ├── GatewayUnavailable           no connection, or any 5xx
    ├── GatewayTimeout               our deadline came first
    ├── GatewayInvalidResponse       it answered with nonsense
    └── GatewayOutcomeUnknown        a write was sent, and nobody knows its fate
"""

from dataclasses import dataclass

from ocpplab_graphql.errors import ErrorCode, FacadeError


class GatewayError(FacadeError):
    """The gateway failed, or refused. A read may be repeated."""

    code = ErrorCode.GATEWAY_UNAVAILABLE
    retryable = True


class GatewayRefused(GatewayError):
    """The gateway answered with a 4xx status."""

    retryable = False


class GatewayUnauthorized(GatewayRefused):
    """401: the token is missing, unknown or expired."""

    code = ErrorCode.UNAUTHENTICATED


class GatewayForbidden(GatewayRefused):
    """403: the token's role or scope does not allow this."""

    code = ErrorCode.FORBIDDEN


class GatewayNotFound(GatewayRefused):
    """404: unknown, of another tenant, or expired meanwhile."""

    code = ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing the gateway found wrong with the input: where (`loc` of a 422, else empty) and why."""

    loc: tuple[str | int, ...]
    message: str
    type: str = ""


class GatewayRejected(GatewayRefused):
    """400 or 422: the gateway's own words about the input, meant for the user; or 409, in ours."""

    code = ErrorCode.BAD_USER_INPUT

    def __init__(self, message: str, *, status: int, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(message)
        self.status = status
        self.complaints = complaints


class GatewayRateLimited(GatewayRefused):
    """429: too many requests."""

    code = ErrorCode.GATEWAY_RATE_LIMITED
    retryable = True


class GatewayUnavailable(GatewayError):
    """No connection, a connection lost, or a 5xx."""


class GatewayTimeout(GatewayError):
    """The deadline of the operation came before the gateway's answer."""

    code = ErrorCode.GATEWAY_TIMEOUT


class GatewayInvalidResponse(GatewayError):
    """A reply that breaks the contract: not JSON, a bad envelope, a wrong type."""

    code = ErrorCode.GATEWAY_INVALID_RESPONSE


class GatewayOutcomeUnknown(GatewayError):
    """A write was sent and no answer came: it may or may not have happened."""

    code = ErrorCode.OUTCOME_UNKNOWN
    retryable = False
