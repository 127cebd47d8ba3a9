"""
How long one caller waits for the gateway: the calls in flight of one client, and the timer that ends them.

`asyncio.timeout` makes an object with two coroutines and a timer for each call, and nearly all of these timers are
cancelled again. Here one timer serves all callers. As there, the task that waits is cancelled, and the exception
that comes of it is taken back if nobody else has cancelled it too.
"""

import asyncio
import time
from typing import Literal

# The deadline came; or the breaker opened, and moved it forward.
End = Literal["late", "cut"]

_NEVER = float("inf")
_EARLY_S = 0.001  # a loop may count in milliseconds


class Alarm:
    """
    The timer of one gateway: it is set to the first deadline, and left to ring though that may be over by then.

    How many may wait is bounded by the way to the gateway, so that all can be looked at when it rings.
    """

    def __init__(self) -> None:
        self._waits: dict[Waits, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._at = _NEVER

    def add(self, waits: "Waits") -> None:
        """Ring at the deadline of a client whose first call begins."""
        self._waits[waits] = None
        loop = asyncio.get_running_loop()
        if waits.deadline < self._at or loop is not self._loop:
            self._set(loop, waits.deadline)

    def remove(self, waits: "Waits") -> None:
        """None of a client's calls is in flight any more."""
        del self._waits[waits]

    def _set(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if self._timer is not None and loop is self._loop:
            self._timer.cancel()
        self._loop, self._at = loop, at
        self._timer = loop.call_later(at - time.monotonic(), self._ring)

    def _ring(self) -> None:
        self._timer, self._at = None, _NEVER
        now = time.monotonic() + _EARLY_S
        for waits in self._waits:
            if waits.deadline <= now:
                waits.late()
        at = min((waits.deadline for waits in self._waits if waits.deadline > now), default=_NEVER)
        if at < _NEVER:
            self._set(asyncio.get_running_loop(), at)


class Waits:
    """
    Of one client, until its deadline. Each call begins its wait and ends it, with the ticket of its way.

    Args:
        deadline: on the clock of `time.monotonic`.
    """

    __slots__ = ("_alarm", "_ended", "_waiting", "deadline")

    def __init__(self, alarm: Alarm, deadline: float) -> None:
        self.deadline = deadline
        self._alarm = alarm
        # Who waits, and how often they had been cancelled before.
        self._waiting: dict[int, tuple[asyncio.Task[object], int]] = {}
        self._ended: dict[int, End] = {}

    def begin(self, ticket: int) -> None:
        """The task that runs waits from now on; it is cancelled when the deadline comes."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for the types: whoever awaits is one
        if not self._waiting:
            self._alarm.add(self)
        self._waiting[ticket] = task, task.cancelling()

    def end(self, ticket: int) -> None:
        """It waits no longer."""
        if self._ended:
            self.taken_back(ticket)
        del self._waiting[ticket]
        if not self._waiting:
            self._alarm.remove(self)

    def late(self) -> None:
        """The deadline is here: end every wait."""
        for ticket in self._waiting:
            self._cancel(ticket, "late")

    def cut(self, ticket: int) -> None:
        """End one wait before its deadline."""
        self._cancel(ticket, "cut")

    def taken_back(self, ticket: int) -> End | None:
        """How a wait was ended from here, while it was; None if it was not, or if the task was cancelled as well."""
        end = self._ended.pop(ticket, None)
        task, before = self._waiting[ticket]
        return end if end is not None and task.uncancel() <= before else None

    def _cancel(self, ticket: int, end: End) -> None:
        if ticket not in self._ended:
            self._ended[ticket] = end
            self._waiting[ticket][0].cancel()
