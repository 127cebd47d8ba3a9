"""
The gateway, one method per route. Sends within a deadline and the bounds of the way to it, and reads again if need be.

A `Gateway` lives as long as the process and knows no caller. A `GatewayClient` lives as long as one
request or stream: it carries the caller's credentials, exactly as they came, and its deadline.
"""

import asyncio
import time
from asyncio import CancelledError
from base64 import urlsafe_b64decode
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec

from ocpplab_graphql.errors import Unauthenticated
from ocpplab_graphql.gateway import routes
from ocpplab_graphql.gateway.errors import GatewayError, GatewayInvalidResponse, GatewayTimeout
from ocpplab_graphql.gateway.flights import Flights
from ocpplab_graphql.gateway.outcomes import no_answer, outcome_unknown, refusal
from ocpplab_graphql.gateway.routes import Request
from ocpplab_graphql.gateway.transport import Headers, Reply, Transport, TransportFailed
from ocpplab_graphql.gateway.waits import End, Waits
from ocpplab_graphql.gateway.way import Way, WayLimits, WayState
from ocpplab_graphql.telemetry import observation

_READY_TIMEOUT_S = 2.0

# What is awaited for a reply; nothing is sent before.
Replying = Coroutine[Any, Any, Reply]


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

    @property
    def subject(self) -> str:
        """
        Who it is, beyond the life of one token: issuer, tenant and subject of a JWT; else a digest of the token.

        Not verified, and so good for nothing but to find again what the gateway will then be asked for.
        """
        token = (self.authorization or "").partition(" ")[2]
        claims = _claims(token)
        named = [str(claims.get(name, "")) for name in ("iss", "org_id", "organization_id", "tenant", "sub")]
        return "\0".join(named) if claims.get("sub") else sha256(token.encode()).hexdigest()


class Call(msgspec.Struct, frozen=True, gc=False):
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

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        *,
        max_concurrency: int,
        limits: WayLimits | None = None,
        shares_reads: bool = False,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._transport = transport
        self.way = Way(max_concurrency, limits or WayLimits())
        self.flights = Flights() if shares_reads else None

    @property
    def state(self) -> WayState:
        """How the way to it stands: whether its breaker is open, and whether calls are refused."""
        return self.way.state

    def client(self, credentials: Credentials, *, timeout_s: float) -> "GatewayClient":
        """A client for one caller, whose calls all end within `timeout_s` seconds from now."""
        return GatewayClient(self, credentials, deadline=time.monotonic() + timeout_s)

    def send(self, request: Request, headers: Mapping[str, str]) -> Coroutine[Any, Any, Reply]:
        """Send one request with the caller's own headers. Whoever calls this has entered the `way`."""
        return self._transport.send(request.method, self._base_url + request.target, headers, request.body)

    async def is_reachable(self) -> bool:
        """
        Whether its `/health` answers 2xx within two seconds, without credentials.

        So does one that says 401: something there asks for a token. Whatever else answers may be anybody: a proxy
        without its gateway, or another site at that address.
        """
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                reply = await self._transport.send("GET", self._base_url + "/health", {}, None)
        except (TimeoutError, TransportFailed, GatewayInvalidResponse):
            return False
        return 200 <= reply.status < 300 or reply.status == 401

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class GatewayClient:
    """
    The gateway as one caller sees it, until the deadline.

    Every method returns a `Reply` with a 2xx status, its body still bytes, and raises a
    `GatewayError` otherwise, `Overloaded` when there is no place for the call, or `Unauthenticated`,
    without a call, when there is no token. A read may be sent several times, a write is sent once at most.
    An id that cannot be one raises a `BadUserInput` before there is anything to await.

    Attributes:
        calls: every attempt that was made, in the order of their ends.
    """

    def __init__(self, gateway: Gateway, credentials: Credentials, *, deadline: float) -> None:
        self._gateway = gateway
        self.credentials = credentials
        self._deadline = deadline
        self._waits = Waits(gateway.way.alarm, deadline)
        self._headers = _headers(credentials)
        self._made = time.perf_counter()
        self.calls: list[Call] = []

    @property
    def remaining_s(self) -> float:
        """Seconds to the deadline; below zero when it has passed."""
        return self._deadline - time.monotonic()

    def send(self, request: Request) -> Replying:
        """Send one request, a read as often as policy, budget and deadline allow, and account for it."""
        flights = self._gateway.flights
        return self._sent(request) if flights is None else self._shared(request, flights)

    async def _shared(self, request: Request, flights: Flights) -> Reply:
        if request.is_read:
            return await flights.share(
                self.credentials, request.target, partial(self._sent, request), within_s=self.remaining_s
            )
        try:
            return await self._sent(request)
        finally:
            flights.lands(self.credentials)

    async def _sent(self, request: Request) -> Reply:
        if self.credentials.authorization is None:
            raise Unauthenticated(
                "This field needs the gateway, and the gateway needs a token: "
                "send the header Authorization: Bearer <token>."
            )
        retried = 0
        while True:
            outcome = await self._attempt(request, retried)
            if isinstance(outcome, Reply) and 200 <= outcome.status < 300:
                return outcome
            wait_s = self._wait_s(request, outcome, retried)
            if wait_s is None:
                raise self._failure(request, outcome, retried)
            retried += 1
            observation().gateway_retries += 1
            await asyncio.sleep(wait_s)

    def list_cpos(self, page: int, limit: int) -> Replying:
        """One page of the caller's CPOs; page from 1, limit 1 to 100. Source: gateway contract, C1."""
        return self.send(routes.list_cpos(page, limit))

    def create_cpo(self, body: bytes, idempotency_key: str | None = None) -> Replying:
        """
        Ask for a CPO; the reply names it, and holds secrets. Sent once, never repeated.

        Raises:
            GatewayOutcomeUnknown: it was sent, and no answer came.

        Source: gateway contract, C2.
        """
        return self.send(routes.create_cpo(body, idempotency_key))

    def cpo_status(self, cpo_id: str) -> Replying:
        """How the provisioning of a CPO stands. Source: gateway contract, C3."""
        return self.send(routes.cpo_status(cpo_id))

    def cpo(self, cpo_id: str) -> Replying:
        """One CPO. Source: gateway contract, C4."""
        return self.send(routes.cpo(cpo_id))

    def delete_cpo(self, cpo_id: str) -> Replying:
        """Delete a CPO and all it holds; one that is gone too. Source: gateway contract, C5."""
        return self.send(routes.delete_cpo(cpo_id))

    def cpo_report(self, cpo_id: str) -> Replying:
        """A CPO's report; it holds Token A in clear. Source: gateway contract, C6."""
        return self.send(routes.cpo_report(cpo_id))

    def list_locations(self, cpo_id: str, page: int, limit: int) -> Replying:
        """One page of a CPO's locations; page from 1, limit 1 to 100. Source: gateway contract, L1."""
        return self.send(routes.list_locations(cpo_id, page, limit))

    def create_locations(self, cpo_id: str, body: bytes, idempotency_key: str | None = None) -> Replying:
        """
        Ask for many locations; the reply names the job. Sent once, never repeated.

        Raises:
            GatewayOutcomeUnknown: it was sent, and no answer came.

        Source: gateway contract, L2.
        """
        return self.send(routes.create_locations(cpo_id, body, idempotency_key))

    def location_job(self, cpo_id: str, job_id: str) -> Replying:
        """How a bulk job stands. Source: gateway contract, L3."""
        return self.send(routes.location_job(cpo_id, job_id))

    def location(self, cpo_id: str, location_id: str) -> Replying:
        """One location with its chargers' summaries. Source: gateway contract, L4."""
        return self.send(routes.location(cpo_id, location_id))

    def delete_location(self, cpo_id: str, location_id: str) -> Replying:
        """Delete a location. Source: gateway contract, L5."""
        return self.send(routes.delete_location(cpo_id, location_id))

    def update_location(self, cpo_id: str, location_id: str, body: bytes) -> Replying:
        """Change fields of a location; the reply is the whole location. Source: gateway contract, L6."""
        return self.send(routes.update_location(cpo_id, location_id, body))

    def cpo_templates(self) -> Replying:
        """All CPO templates. Source: gateway contract, T1."""
        return self.send(routes.cpo_templates())

    def location_templates(self, current_type: str | None, ocpp_version: str | None) -> Replying:
        """All location templates that match; current type AC, DC or AC-DC. Source: gateway contract, T2."""
        return self.send(routes.location_templates(current_type, ocpp_version))

    def list_chargers(self, ocpp_location_id: str | None, page: int, limit: int) -> Replying:
        """One page of the tenant's chargers, or of one location's. Source: gateway contract, H1."""
        return self.send(routes.list_chargers(ocpp_location_id, page, limit))

    def charger(self, charger_id: str) -> Replying:
        """The full record of one charger. Source: gateway contract, H2."""
        return self.send(routes.charger(charger_id))

    def charger_status(self, charger_id: str) -> Replying:
        """How the provisioning of a charger stands. Source: gateway contract, H3."""
        return self.send(routes.charger_status(charger_id))

    def charger_logs(
        self,
        charger_id: str,
        offset: int,
        limit: int,
        start: datetime | None = None,
        end: datetime | None = None,
        event: str | None = None,
    ) -> Replying:
        """OCPP messages of one charger; limit 1 to 1000, bounds inclusive. Source: gateway contract, H5."""
        return self.send(routes.charger_logs(charger_id, offset, limit, start, end, event))

    def location_chargers(self, ocpp_location_id: str, charger_ids: Sequence[str]) -> Replying:
        """Full records of up to 100 chargers of one OCPP location. Source: gateway contract, P3."""
        return self.send(routes.location_chargers(ocpp_location_id, charger_ids))

    async def _attempt(self, request: Request, retried: int) -> Reply | TransportFailed:
        """One attempt, when and where there is a place for it: what comes back, or that nothing whole did."""
        if self.remaining_s <= 0:
            raise GatewayTimeout("The operation's deadline came before the gateway was asked for this.")
        way = self._gateway.way
        ticket = way.enter_at_once()
        if ticket is None:
            ticket = await way.enter(self._deadline)
        started = self._begin(request, ticket, first=not retried)
        reply: Reply | None = None
        try:
            reply = await self._gateway.send(
                request, self._headers if request.is_read else self._headers_of(request)
            )
        except TransportFailed as failure:
            self._lost(request, failure, ticket, first=not retried)
            return failure
        except GatewayInvalidResponse:
            way.breaker.ended(ticket, failed=False)
            if not request.is_read:
                raise outcome_unknown(request, "its answer could not be read") from None
            raise
        except BaseException as error:
            end = self._ended(ticket, error)
            if end is not None:
                raise self._unanswered(request, ticket, end) from None
            way.breaker.gave_up(ticket)
            raise
        else:
            way.breaker.ended(ticket, failed=reply.status >= 500)
            return reply
        finally:
            self._end(request, ticket, reply, started)

    def _begin(self, request: Request, ticket: int, *, first: bool) -> float:
        """An attempt has its place; when it begins."""
        way = self._gateway.way
        if first:
            way.retry_budget.earn()
        if request.is_read:
            way.reads[ticket] = self._waits
        self._waits.begin(ticket)
        return time.perf_counter()

    def _end(self, request: Request, ticket: int, reply: Reply | None, started: float) -> None:
        """An attempt is over: account for it, and give its place back."""
        now = time.perf_counter()
        way = self._gateway.way
        self._waits.end(ticket)
        way.reads.pop(ticket, None)
        observation().gateway_calls += 1
        start_ms, duration_ms = (started - self._made) * 1000, (now - started) * 1000
        status, size = (None, 0) if reply is None else (reply.status, len(reply.body))
        self.calls.append(Call(request, status, start_ms, duration_ms, size))
        way.leave(ticket)

    def _headers_of(self, request: Request) -> Mapping[str, str]:
        """The caller's headers, and what a body and a key for it need."""
        headers = dict(self._headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.idempotency_key is not None:
            headers["Idempotency-Key"] = request.idempotency_key
        return headers

    def _lost(self, request: Request, failure: TransportFailed, ticket: int, *, first: bool) -> None:
        """Tell the breaker that no whole reply came."""
        breaker = self._gateway.way.breaker
        if _may_be_stale(request, failure, first=first) and breaker.closed:
            breaker.dropped(ticket)
        else:
            breaker.ended(ticket, failed=True)

    def _wait_s(self, request: Request, outcome: Reply | TransportFailed, retried: int) -> float | None:
        """How long until a read is sent again; None when it is not."""
        way = self._gateway.way
        if not request.is_read or not way.breaker.closed:
            return None
        wait_s = way.retry_policy.wait_s(outcome, retried=retried, remaining_s=self.remaining_s)
        return wait_s if wait_s is not None and way.retry_budget.spend() else None

    def _failure(self, request: Request, outcome: Reply | TransportFailed, retried: int) -> GatewayError:
        if isinstance(outcome, Reply):
            return refusal(request, outcome)
        if _may_be_stale(request, outcome, first=not retried):
            self._gateway.way.breaker.failed()
        failure = no_answer(request, outcome)
        failure.__cause__ = outcome
        return failure

    def _ended(self, ticket: int, error: BaseException) -> End | None:
        """How an attempt ended because nothing came in time; None if something else ended it."""
        end = self._waits.taken_back(ticket)
        if isinstance(error, TimeoutError):
            return end or "late"
        return end if isinstance(error, CancelledError) else None

    def _unanswered(self, request: Request, ticket: int, end: End) -> GatewayError:
        """What it means that nothing came in time; the breaker is told."""
        way = self._gateway.way
        try:
            if not request.is_read:
                return outcome_unknown(request, "no answer came before the deadline")
            if end == "cut":
                return way.given_up()
            return GatewayTimeout("The gateway did not answer before the operation's deadline.")
        finally:
            way.breaker.gave_up(ticket)


def _may_be_stale(request: Request, failure: TransportFailed, *, first: bool) -> bool:
    """
    Whether a loss may be that of a connection that was kept too long, which says nothing of the gateway.

    When a gateway is replaced all kept connections break at once, and each call works the second time.
    """
    return first and failure.sent and request.is_read


def _claims(token: str) -> dict[str, Any]:
    """The claims of a JWT; none if it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _headers(credentials: Credentials) -> Headers:
    headers = Headers(Accept="application/json")
    if credentials.authorization is not None:
        headers["Authorization"] = credentials.authorization
    if credentials.organization_id is not None:
        headers["X-Organization-Id"] = credentials.organization_id
    return headers
