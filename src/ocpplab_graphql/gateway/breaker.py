"""
Pure: whether calls may be made at all, from how the last ones went. A state machine with a clock.

    closed      every call is made. Opens when at least `ratio` of the last calls failed or were slow.
    open        no call is made for `open_s`.
    half-open   a few calls at once are made, as probes: the first that fails or is slow opens it again,
                and when as many in a row went well, it is closed.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# Probes are under way: what comes of them is known in a small part of the time that one is given.
_VERDICT = 0.1

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """
    When a breaker opens, and for how long.

    Attributes:
        ratio: the share of calls that failed or were slow which opens it.
        calls: fewest calls from which anything is concluded.
        window: most calls that are looked back at.
        window_s: how long they are looked back at.
        slow_s: from how long on a call is slow.
        open_s: how long no call is made; how long a probe without an answer keeps its place.
        probes: most probes at once; as many have to go well.
    """

    ratio: float = 0.5
    calls: int = 20
    window: int = 100
    window_s: float = 10.0
    slow_s: float = 3.0
    open_s: float = 2.0
    probes: int = 3


class Breaker:
    """
    One gateway's.

    Whoever begins a call says later how it ended, once: `ended`, `gave_up` or `dropped`. A call that still runs
    is known to be slow as soon as it is: a gateway that never answers opens the breaker too.

    Args:
        clock: seconds, from anywhere.
        tell: is called with the state whenever that is another, and the reason in words.

    Attributes:
        closed: whether every call is made; else only `probe` leads to one.
    """

    def __init__(
        self,
        limits: BreakerLimits,
        *,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[State, str], None] = lambda _state, _why: None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self.closed = True
        self._tickets = 0
        self._running: dict[int, float] = {}  # by ticket, when it began; the oldest first
        self._seen: deque[tuple[float, bool]] = deque()  # when a call ended, and whether badly
        self._bad = 0
        self._until = 0.0
        self._opened_at = 0.0
        self._probing: dict[int, float] = {}
        self._good_probes = 0

    @property
    def state(self) -> State:
        """What it is at this moment; half-open is what an open one is as soon as it lets probes through."""
        if self.closed:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    @property
    def retry_after_s(self) -> float:
        """When it makes sense to ask again; 0 when it is closed."""
        if self.closed:
            return 0.0
        left = self._until - self._clock()
        return left if left > 0 else self._limits.open_s * _VERDICT

    def begin(self) -> int | None:
        """A ticket for a call that is made now; None if it is not closed, or is no longer."""
        now = self._clock()
        if self._running:
            self._look(now)
        if not self.closed:
            return None
        self._tickets = ticket = self._tickets + 1
        self._running[ticket] = now
        return ticket

    def probe(self) -> int | None:
        """A ticket for a call while it is not closed; None if none may be made."""
        now = self._clock()
        if now < self._until:
            return None
        since = now - self._limits.open_s
        if sum(1 for began in self._probing.values() if began > since) >= self._limits.probes:
            return None
        self._tickets = ticket = self._tickets + 1
        self._probing[ticket] = now
        return ticket

    def ended(self, ticket: int, *, failed: bool) -> None:
        """A call came to its end: with an answer, or with the failure of the gateway."""
        now = self._clock()
        began = self._running.pop(ticket, None)
        if began is not None:
            self._note(now, bad=failed or now - began >= self._limits.slow_s)
            return
        began = self._probing.pop(ticket, None)
        if began is not None:
            self._judge_probe(now, bad=failed or now - began >= self._limits.slow_s)

    def gave_up(self, ticket: int) -> None:
        """Nobody waits for a call any more: that counts as nothing, unless it was slow by then."""
        slow_since = self._clock() - self._limits.slow_s
        if (
            min(self._running.get(ticket, slow_since + 1), self._probing.get(ticket, slow_since + 1))
            <= slow_since
        ):
            self.ended(ticket, failed=True)
        else:
            self.dropped(ticket)

    def dropped(self, ticket: int) -> None:
        """How a call ended says nothing."""
        self._running.pop(ticket, None)
        self._probing.pop(ticket, None)

    def failed(self) -> None:
        """A call that was `dropped` does count as a failure."""
        if self.closed:
            self._note(self._clock(), bad=True)

    def look(self) -> None:
        """Count the calls that have become slow and still run, without beginning one."""
        self._look(self._clock())

    def _look(self, now: float) -> None:
        slow_since = now - self._limits.slow_s
        while self._running:
            ticket = next(iter(self._running))
            if self._running[ticket] > slow_since:
                return
            del self._running[ticket]
            self._note(now, bad=True)

    def _note(self, now: float, *, bad: bool) -> None:
        seen, limits = self._seen, self._limits
        seen.append((now, bad))
        while len(seen) > limits.window or seen[0][0] < now - limits.window_s:
            self._bad -= seen.popleft()[1]
        if bad:
            self._bad += 1
            if len(seen) >= limits.calls and self._bad >= limits.ratio * len(seen):
                self._open(now)

    def _judge_probe(self, now: float, *, bad: bool) -> None:
        if bad:
            self._until = now + self._limits.open_s
            self._good_probes = 0
            return
        self._good_probes += 1
        if self._good_probes >= self._limits.probes:
            self._probing.clear()
            self.closed = True
            self._tell("closed", f"after {now - self._opened_at:.1f} s")

    def _open(self, now: float) -> None:
        why = f"{self._bad} of the last {len(self._seen)} calls failed or were slow"
        self.closed = False
        self._opened_at = now
        self._until = now + self._limits.open_s
        self._good_probes = self._bad = 0
        self._seen.clear()
        self._running.clear()
        self._tell("open", why)
