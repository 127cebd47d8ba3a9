"""Pure: what the gateway's answer to a request, or its absence, means for whoever asked."""

from math import ceil

from ocpplab_graphql.gateway.decode import detail
from ocpplab_graphql.gateway.errors import (
    GatewayError,
    GatewayForbidden,
    GatewayInvalidResponse,
    GatewayNotFound,
    GatewayOutcomeUnknown,
    GatewayRateLimited,
    GatewayRejected,
    GatewayTimeout,
    GatewayUnauthorized,
    GatewayUnavailable,
)
from ocpplab_graphql.gateway.retry import retry_after_s
from ocpplab_graphql.gateway.routes import Request
from ocpplab_graphql.gateway.transport import Reply, TransportFailed


def refusal(request: Request, reply: Reply) -> GatewayError:
    """What a status outside 2xx means. Source: gateway contract, section 1."""
    if not request.is_read and _leaves_open(reply.status):
        return outcome_unknown(request, f"it failed with status {reply.status}")
    wait_ms = _ms(retry_after_s(reply))
    match reply.status:
        case 401:
            return GatewayUnauthorized("The gateway does not accept this token.")
        case 403:
            return GatewayForbidden("The gateway does not allow this with this token.")
        case 404:
            return GatewayNotFound("The gateway does not know this, or no longer.")
        case 400 | 409 | 422:
            return _rejected(reply)
        case 408:
            return GatewayTimeout("The gateway gave up waiting for the request.", retry_after_ms=wait_ms)
        case 429:
            return GatewayRateLimited(
                "The gateway is asked too often; wait and try again.", retry_after_ms=wait_ms
            )
        case 503:
            return GatewayUnavailable("The gateway is not available for now.", retry_after_ms=wait_ms)
        case status if status >= 500:
            return GatewayUnavailable(f"The gateway failed with status {status}.", retry_after_ms=wait_ms)
    return GatewayInvalidResponse(
        f"The gateway answered {request.name} with the unexpected status {reply.status}."
    )


def _rejected(reply: Reply) -> GatewayRejected:
    if reply.status == 409:
        # Its words are not meant for the user, unlike those about the input.
        return GatewayRejected("The gateway is busy with the same request.", status=409, complaints=())
    words, complaints = detail(reply.body)
    said = words or f"the gateway refused the input with status {reply.status}"
    return GatewayRejected(said, status=reply.status, complaints=complaints)


def _leaves_open(status: int) -> bool:
    """Whether a write that got this status may have happened; 503 is said before anything is begun."""
    return status == 408 or (status >= 500 and status != 503)


def no_answer(request: Request, failure: TransportFailed) -> GatewayError:
    """What it means that no whole reply came."""
    if failure.sent and not request.is_read:
        return outcome_unknown(request, str(failure))
    return GatewayUnavailable(f"The gateway cannot be reached: {failure}.")


def outcome_unknown(request: Request, problem: str) -> GatewayOutcomeUnknown:
    """A write was sent, and `problem` leaves its fate open; how to find out is in the message."""
    sent = f"The request was sent to the gateway, but {problem}: it may or may not have happened. "
    if request.repeatable:
        unknown = GatewayOutcomeUnknown(sent + "Send it again: doing it twice is the same as doing it once.")
        unknown.retryable = True
        return unknown
    return GatewayOutcomeUnknown(
        sent
        + "Look for its effect before you repeat it; repeating a creation with the same idempotencyKey is "
        "safe on a gateway that honours Idempotency-Key."
    )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else ceil(seconds * 1000)
