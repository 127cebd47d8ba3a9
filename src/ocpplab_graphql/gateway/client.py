"""
The gateway, one method per route. Sends within a deadline, and never more than so many at once.

A `Gateway` lives as long as the process and knows no caller. A `GatewayClient` lives as long as one
request or stream: it carries the caller's credentials, exactly as they came, and its deadline.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ocpplab_graphql.errors import Unauthenticated
from ocpplab_graphql.gateway import routes
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
from ocpplab_graphql.gateway.routes import Request
from ocpplab_graphql.gateway.transport import Reply, Transport, TransportFailed

_READY_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    Who is asking, exactly as the caller said it. Never stored, and never shown.

    Attributes:
        authorization: the whole `Authorization` header, or None when there was none.
        organization_id: the `X-Organization-Id` header, or None when there was none.
    """

    authorization: str | None = field(default=None, repr=False)
    organization_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """
    One REST call that was made, for traces. `status` is None when no reply came.

    Attributes:
        start_ms: when it began, in milliseconds since the client was made.
    """

    request: Request
    status: int | None
    start_ms: float
    duration_ms: float
    body_bytes: int


class Gateway:
    """The way to one gateway, shared by everybody: its address, its transport, its bounds."""

    def __init__(self, base_url: str, transport: Transport, *, max_concurrency: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._transport = transport
        self.slots = asyncio.Semaphore(max_concurrency)

    def client(self, credentials: Credentials, *, timeout_s: float) -> "GatewayClient":
        """A client for one caller, whose calls all end within `timeout_s` seconds from now."""
        return GatewayClient(self, credentials, deadline=time.monotonic() + timeout_s)

    async def send(self, request: Request, credentials: Credentials) -> Reply:
        """Send one request with the caller's own headers. Whoever calls this holds one of `slots`."""
        return await self._transport.send(
            request.method, self._base_url + request.target, _headers(request, credentials), request.body
        )

    async def is_reachable(self) -> bool:
        """Whether the gateway answers at all, within two seconds. Needs no credentials."""
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                reply = await self._transport.send("GET", self._base_url + "/health", {}, None)
        except (TimeoutError, TransportFailed, GatewayInvalidResponse):
            return False
        return reply.status < 500

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class GatewayClient:
    """
    The gateway as one caller sees it, until the deadline.

    Every method returns a `Reply` with a 2xx status, its body still bytes, and raises a
    `GatewayError` otherwise, or `Unauthenticated`, without a call, when there is no token.
    """

    def __init__(self, gateway: Gateway, credentials: Credentials, *, deadline: float) -> None:
        self._gateway = gateway
        self._credentials = credentials
        self._deadline = deadline
        self._made = time.perf_counter()
        self.calls: list[Call] = []

    async def send(self, request: Request) -> Reply:
        """Send one request, and account for it."""
        if self._credentials.authorization is None:
            raise Unauthenticated(
                "This field needs the gateway, and the gateway needs a token: "
                "send the header Authorization: Bearer <token>."
            )
        async with self._accounted(request) as replies:
            replies.append(await self._within_deadline(request))
        reply = replies[0]
        if not 200 <= reply.status < 300:
            raise refusal(request, reply)
        return reply

    async def list_cpos(self, page: int, limit: int) -> Reply:
        """One page of the caller's CPOs; page from 1, limit 1 to 100. Source: gateway contract, C1."""
        return await self.send(routes.list_cpos(page, limit))

    async def create_cpo(self, body: bytes, idempotency_key: str | None = None) -> Reply:
        """
        Ask for a CPO; the reply names it, and holds secrets. Sent once, never repeated.

        Raises:
            GatewayOutcomeUnknown: it was sent, and no answer came.

        Source: gateway contract, C2.
        """
        return await self.send(routes.create_cpo(body, idempotency_key))

    async def cpo_status(self, cpo_id: str) -> Reply:
        """How the provisioning of a CPO stands. Source: gateway contract, C3."""
        return await self.send(routes.cpo_status(cpo_id))

    async def cpo(self, cpo_id: str) -> Reply:
        """One CPO. Source: gateway contract, C4."""
        return await self.send(routes.cpo(cpo_id))

    async def delete_cpo(self, cpo_id: str) -> Reply:
        """Delete a CPO and all it holds; one that is gone too. Source: gateway contract, C5."""
        return await self.send(routes.delete_cpo(cpo_id))

    async def cpo_report(self, cpo_id: str) -> Reply:
        """A CPO's report; it holds Token A in clear. Source: gateway contract, C6."""
        return await self.send(routes.cpo_report(cpo_id))

    async def list_locations(self, cpo_id: str, page: int, limit: int) -> Reply:
        """One page of a CPO's locations; page from 1, limit 1 to 100. Source: gateway contract, L1."""
        return await self.send(routes.list_locations(cpo_id, page, limit))

    async def create_locations(self, cpo_id: str, body: bytes, idempotency_key: str | None = None) -> Reply:
        """
        Ask for many locations; the reply names the job. Sent once, never repeated.

        Raises:
            GatewayOutcomeUnknown: it was sent, and no answer came.

        Source: gateway contract, L2.
        """
        return await self.send(routes.create_locations(cpo_id, body, idempotency_key))

    async def location_job(self, cpo_id: str, job_id: str) -> Reply:
        """How a bulk job stands. Source: gateway contract, L3."""
        return await self.send(routes.location_job(cpo_id, job_id))

    async def location(self, cpo_id: str, location_id: str) -> Reply:
        """One location with its chargers' summaries. Source: gateway contract, L4."""
        return await self.send(routes.location(cpo_id, location_id))

    async def delete_location(self, cpo_id: str, location_id: str) -> Reply:
        """Delete a location. Source: gateway contract, L5."""
        return await self.send(routes.delete_location(cpo_id, location_id))

    async def update_location(self, cpo_id: str, location_id: str, body: bytes) -> Reply:
        """Change fields of a location; the reply is the whole location. Source: gateway contract, L6."""
        return await self.send(routes.update_location(cpo_id, location_id, body))

    async def cpo_templates(self) -> Reply:
        """All CPO templates. Source: gateway contract, T1."""
        return await self.send(routes.cpo_templates())

    async def location_templates(self, current_type: str | None, ocpp_version: str | None) -> Reply:
        """All location templates that match; current type AC, DC or AC-DC. Source: gateway contract, T2."""
        return await self.send(routes.location_templates(current_type, ocpp_version))

    async def list_chargers(self, ocpp_location_id: str | None, page: int, limit: int) -> Reply:
        """One page of the tenant's chargers, or of one location's. Source: gateway contract, H1."""
        return await self.send(routes.list_chargers(ocpp_location_id, page, limit))

    async def charger(self, charger_id: str) -> Reply:
        """The full record of one charger. Source: gateway contract, H2."""
        return await self.send(routes.charger(charger_id))

    async def charger_status(self, charger_id: str) -> Reply:
        """How the provisioning of a charger stands. Source: gateway contract, H3."""
        return await self.send(routes.charger_status(charger_id))

    async def charger_logs(
        self,
        charger_id: str,
        offset: int,
        limit: int,
        start: datetime | None = None,
        end: datetime | None = None,
        event: str | None = None,
    ) -> Reply:
        """OCPP messages of one charger; limit 1 to 1000, bounds inclusive. Source: gateway contract, H5."""
        return await self.send(routes.charger_logs(charger_id, offset, limit, start, end, event))

    async def location_chargers(self, ocpp_location_id: str, charger_ids: Sequence[str]) -> Reply:
        """Full records of up to 100 chargers of one OCPP location. Source: gateway contract, P3."""
        return await self.send(routes.location_chargers(ocpp_location_id, charger_ids))

    @asynccontextmanager
    async def _accounted(self, request: Request) -> AsyncIterator[list[Reply]]:
        started = time.perf_counter()
        replies: list[Reply] = []
        try:
            yield replies
        finally:
            start_ms, duration_ms = (started - self._made) * 1000, (time.perf_counter() - started) * 1000
            status = replies[0].status if replies else None
            size = len(replies[0].body) if replies else 0
            self.calls.append(Call(request, status, start_ms, duration_ms, size))

    async def _within_deadline(self, request: Request) -> Reply:
        waiting = True
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()), self._gateway.slots:
                waiting = False
                return await self._gateway.send(request, self._credentials)
        except TimeoutError:
            if not request.is_read and not waiting:
                raise _outcome_unknown(request, "no answer came before the deadline") from None
            raise GatewayTimeout("The gateway did not answer before the operation's deadline.") from None
        except TransportFailed as failure:
            if failure.sent and not request.is_read:
                raise _outcome_unknown(request, str(failure)) from failure
            raise GatewayUnavailable(f"The gateway cannot be reached: {failure}.") from failure
        except GatewayInvalidResponse:
            if not request.is_read:
                raise _outcome_unknown(request, "its answer could not be read") from None
            raise


def refusal(request: Request, reply: Reply) -> GatewayError:
    """What a status outside 2xx means. Source: gateway contract, section 1."""
    words, complaints = detail(reply.body)
    wait_ms = _retry_after_ms(reply)
    match reply.status:
        case 401:
            return GatewayUnauthorized("The gateway does not accept this token.")
        case 403:
            return GatewayForbidden("The gateway does not allow this with this token.")
        case 404:
            return GatewayNotFound("The gateway does not know this, or no longer.")
        case 400 | 409 | 422:
            said = words or f"the gateway refused the input with status {reply.status}"
            return GatewayRejected(said, status=reply.status, complaints=complaints)
        case 429:
            return GatewayRateLimited(
                "The gateway is asked too often; wait and try again.", retry_after_ms=wait_ms
            )
        case 503:
            return GatewayUnavailable("The gateway is not available for now.", retry_after_ms=wait_ms)
        case status if status >= 500:
            if not request.is_read:
                return _outcome_unknown(request, f"it failed with status {status}")
            return GatewayUnavailable(f"The gateway failed with status {status}.", retry_after_ms=wait_ms)
    return GatewayInvalidResponse(
        f"The gateway answered {request.name} with the unexpected status {reply.status}."
    )


def _outcome_unknown(request: Request, problem: str) -> GatewayOutcomeUnknown:
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


def _retry_after_ms(reply: Reply) -> int | None:
    seconds = reply.headers.get("retry-after", "")
    return int(seconds) * 1000 if seconds.isascii() and seconds.isdigit() and len(seconds) <= 6 else None


def _headers(request: Request, credentials: Credentials) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if credentials.authorization is not None:
        headers["Authorization"] = credentials.authorization
    if credentials.organization_id is not None:
        headers["X-Organization-Id"] = credentials.organization_id
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.idempotency_key is not None:
        headers["Idempotency-Key"] = request.idempotency_key
    return headers
