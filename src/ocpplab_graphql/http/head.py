"""What the head of a request says: who asks, by which id, with what client, and how long they wait."""

import re
from collections.abc import Mapping

from starlette.types import Scope

from ocpplab_graphql.errors import ErrorCode
from ocpplab_graphql.gateway.client import Credentials
from ocpplab_graphql.http.envelope import Refusal
from ocpplab_graphql.telemetry import Observation, client_text, new_request_id, request_id_from

REQUEST_ID = b"x-request-id"

_CLIENT_NAME = ("apollographql-client-name", "graphql-client-name", "x-client-name")
_CLIENT_VERSION = ("apollographql-client-version", "graphql-client-version", "x-client-version")
_TIMEOUT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|)", re.ASCII)


def headers_of(scope: Scope) -> Mapping[str, str]:
    """Headers by lower-case name; of a repeated one the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def request_id_of(scope: Scope) -> str:
    """The id of the request: the first that its caller gave, if it is safe to log, or a fresh one."""
    for name, value in scope["headers"]:
        if name == REQUEST_ID:
            return request_id_from(value.decode("latin-1"))
    return new_request_id()


def observation_of(headers: Mapping[str, str], request_id: str, transport: str) -> Observation:
    """The observation of an operation that came with this head."""
    return Observation(
        request_id,
        transport,
        client_name=_said(headers, _CLIENT_NAME),
        client_version=_said(headers, _CLIENT_VERSION),
    )


def credentials_of(scope: Scope, headers: Mapping[str, str]) -> Credentials:
    """
    Who is asking, as the headers say it.

    Raises:
        Refusal: one of them twice, or not in ASCII.
    """
    return Credentials(
        authorization=_only(scope, headers, "authorization"),
        organization_id=_only(scope, headers, "x-organization-id"),
    )


def trace_of(headers: Mapping[str, str]) -> str | None:
    """
    What the caller wants to know of the cost: `calls`, `plan`, or nothing.

    Raises:
        Refusal: they want what there is not.
    """
    wanted = headers.get("x-gateway-trace")
    if wanted not in {None, "calls", "plan"}:
        raise Refusal(
            400, ErrorCode.BAD_REQUEST, f"X-Gateway-Trace takes calls or plan, got {wanted[:40]!r}."
        )
    return wanted


def timeout_of(headers: Mapping[str, str]) -> float | None:
    """
    Seconds that the caller gives the operation by `X-Request-Timeout`; None if it does not say.

    Raises:
        Refusal: it is no time above zero.
    """
    said = headers.get("x-request-timeout")
    return None if said is None else timeout_s(said)


def timeout_s(said: str) -> float:
    """
    `2.5`, `2.5s` or `2500ms`, in seconds.

    Raises:
        Refusal: it is no time above zero.
    """
    found = _TIMEOUT.fullmatch(said)
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else 0.0
    if seconds <= 0:
        raise Refusal(
            400,
            ErrorCode.BAD_REQUEST,
            f"X-Request-Timeout takes a time above zero such as 2.5s or 250ms, got {said[:40]!r}.",
        )
    return seconds


def _only(scope: Scope, headers: Mapping[str, str], name: str) -> str | None:
    """The value of a header that may be given once, exactly as it came."""
    value = headers.get(name)
    if value is None:
        return None
    repeated = len(headers) < len(scope["headers"]) and _times(scope, name) > 1
    if repeated or not value.isascii():
        raise Refusal(400, ErrorCode.BAD_REQUEST, f"The header {name} may be sent once, in ASCII.")
    return value or None


def _times(scope: Scope, name: str) -> int:
    return sum(one == name.encode() for one, _ in scope["headers"])


def _said(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """What a client says of itself, under the first of these names."""
    for name in names:
        if name in headers:
            return client_text(headers[name])
    return None
