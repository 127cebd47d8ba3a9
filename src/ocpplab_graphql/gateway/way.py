"""
What bounds the use of one gateway, for all callers together: slots, breaker, and the budget of retries.

Knows no caller and sends nothing; who does is a `GatewayClient`, in client.py.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from ocpplab_graphql.errors import Overloaded
from ocpplab_graphql.gateway.breaker import Breaker, BreakerLimits, State
from ocpplab_graphql.gateway.errors import GatewayTimeout, GatewayUnavailable
from ocpplab_graphql.gateway.retry import RetryBudget, RetryPolicy
from ocpplab_graphql.gateway.slots import Slots
from ocpplab_graphql.gateway.waits import Alarm, Waits
from ocpplab_graphql.telemetry import logger

# For so long after a call found no place, the way counts as shedding, and is said to be free again.
_SHEDDING_S = 1.0


@dataclass(frozen=True, slots=True)
class WayLimits:
    """
    Bounds on the use of one gateway.

    Attributes:
        waiting_max: most calls that wait for a slot.
        waiting_s: how long one may wait.
        retry_budget: retries, as a share of calls.
    """

    waiting_max: int = 5_000
    waiting_s: float = 5.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_budget: float = 0.2
    breaker: BreakerLimits = field(default_factory=BreakerLimits)


@dataclass(frozen=True, slots=True)
class WayState:
    """
    How the way to the gateway stands at this moment.

    Attributes:
        retry_after_s: when it makes sense to ask again; 0 while the breaker is closed and nothing is shed.
        in_flight, waiting: calls that are under way, and that wait for a slot.
        shedding: whether a call was refused within the last second because there was no place for it.
    """

    breaker: State
    retry_after_s: float
    in_flight: int
    waiting: int
    shedding: bool


class Way:
    """
    The way to one gateway.

    Whoever makes a call enters first and leaves at the end, with the same ticket; in between `breaker` is told how
    the call ended.

    Args:
        slots: calls in flight at once; probes of a breaker that is not closed come on top.

    Attributes:
        alarm: rings at the deadlines of those who call.
        reads: the waits that the reads in flight are among, by ticket; they are cut when the breaker opens.
    """

    def __init__(self, slots: int, limits: WayLimits) -> None:
        self._limits = limits
        self._slots = Slots(slots, waiting_max=limits.waiting_max)
        self._probes: set[int] = set()
        self._shed_at = float("-inf")
        self.breaker = Breaker(limits.breaker, tell=self._told)
        self.retry_policy = limits.retry
        # What was in flight when a gateway was replaced may all be sent again.
        self.retry_budget = RetryBudget(ratio=limits.retry_budget, reserve=max(10.0, slots))
        self.reads: dict[int, Waits] = {}
        self.alarm = Alarm()

    @property
    def state(self) -> WayState:
        """How it stands."""
        self.breaker.look()
        shedding = time.monotonic() - self._shed_at < _SHEDDING_S
        retry_after_s = max(self.breaker.retry_after_s, _SHEDDING_S if shedding else 0.0)
        slots = self._slots
        return WayState(self.breaker.state, retry_after_s, slots.in_flight, slots.waiting, shedding)

    def enter_at_once(self) -> int | None:
        """
        The ticket of a call that may be made now, as most may; None if `enter` has to say.

        Raises:
            GatewayUnavailable: the breaker opens.
        """
        if not self.breaker.closed or not self._slots.take():
            return None
        return self._begun()

    async def enter(self, deadline: float) -> int:
        """
        The ticket of a call that may be made now.

        Args:
            deadline: until when somebody waits for it, on the clock of `time.monotonic`.

        Raises:
            GatewayUnavailable: the breaker is open.
            Overloaded: no slot was free in time, or too many wait for one.
            GatewayTimeout: the deadline came before a slot was free.
        """
        if not self.breaker.closed:
            return self._probe()
        if not self._slots.take():
            await self._waited(deadline)
        return self._begun()

    def _begun(self) -> int:
        """The ticket of a call that has its slot."""
        ticket = self.breaker.begin()
        if ticket is None:
            self._slots.give_back()
            raise self.unavailable()
        return ticket

    def leave(self, ticket: int) -> None:
        """The call has ended, however."""
        if self._probes and ticket in self._probes:
            self._probes.discard(ticket)
        else:
            self._slots.give_back()

    def unavailable(self) -> GatewayUnavailable:
        """Why no call is made, and when to come again."""
        return GatewayUnavailable(
            "The gateway failed too often or was too slow just now, and is given a moment; nothing was sent.",
            retry_after_ms=_ms(self.breaker.retry_after_s),
        )

    def given_up(self) -> GatewayUnavailable:
        """Why a read in flight was given up before its deadline."""
        return GatewayUnavailable(
            "The gateway failed too often or was too slow just now; this read was given up.",
            retry_after_ms=_ms(self.breaker.retry_after_s),
        )

    def _probe(self) -> int:
        # Without a slot: those may all be held by calls that the gateway never answers.
        ticket = self.breaker.probe()
        if ticket is None:
            raise self.unavailable()
        self._probes.add(ticket)
        return ticket

    async def _waited(self, deadline: float) -> None:
        """Wait for a slot, and have it."""
        # Calls that hang hold the slots, and nobody else's call would notice that they do.
        self.breaker.look()
        if not self.breaker.closed:
            raise self.unavailable()
        if self._slots.full:
            raise self._shed()
        remaining_s = deadline - time.monotonic()
        if await self._slots.wait(min(self._limits.waiting_s, remaining_s)):
            return
        self.breaker.look()
        if not self.breaker.closed:
            raise self.unavailable()
        if remaining_s <= self._limits.waiting_s:
            raise GatewayTimeout(
                "The gateway was too busy to be asked before the operation's deadline; nothing was sent."
            )
        raise self._shed()

    def _shed(self) -> Overloaded:
        self._shed_at = time.monotonic()
        return Overloaded(
            "More is asked of the gateway at once than may be; nothing was sent. Try again later.",
            retry_after_ms=_ms(_SHEDDING_S),
        )

    def _told(self, state: State, why: str) -> None:
        logger.warning("gateway breaker: %s, %s", state, why)
        if state == "open":
            self._slots.send_away()
            self._cut()

    def _cut(self) -> None:
        """No read waits longer for a gateway that is slow than it takes to call it so."""
        if self.reads:
            # Each began at most its whole deadline ago, and so ends within `slow_s` from now.
            asyncio.get_running_loop().call_later(
                self._limits.breaker.slow_s, self._give_up, tuple(self.reads)
            )

    def _give_up(self, tickets: Iterable[int]) -> None:
        for ticket in tickets:
            waits = self.reads.get(ticket)
            if waits is not None:
                waits.cut(ticket)


def _ms(seconds: float) -> int:
    return ceil(seconds * 1000)
