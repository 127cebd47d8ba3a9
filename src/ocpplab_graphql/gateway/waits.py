"""
How long one caller waits for the gateway: the calls in flight of one client, and the timer that ends them all.

They all end at the same moment, so one timer serves them; `asyncio.timeout` makes one, and an object with two
coroutines, for each. As there, the task that waits is cancelled, and the exception that comes of it is taken back
if nobody else has cancelled it too.
"""

import asyncio
import time
from typing import Literal

# The deadline came; or the breaker opened, and moved it forward.
End = Literal["late", "cut"]


class Waits:
    """
    Of one client, until its deadline. Each call begins its wait and ends it, with the ticket of its way.

    Args:
        deadline: on the clock of `time.monotonic`.
    """

    __slots__ = ("_deadline", "_ended", "_timer", "_waiting")

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        # Who waits, and how often they had been cancelled before.
        self._waiting: dict[int, tuple[asyncio.Task[object], int]] = {}
        self._ended: dict[int, End] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, ticket: int) -> None:
        """The task that runs waits from now on; it is cancelled when the deadline comes."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for the types: whoever awaits is one
        self._waiting[ticket] = task, task.cancelling()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._deadline - time.monotonic(), self._late)

    def end(self, ticket: int) -> None:
        """It waits no longer."""
        if self._ended:
            self.taken_back(ticket)
        del self._waiting[ticket]
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cut(self, ticket: int) -> None:
        """End one wait before its deadline."""
        self._cancel(ticket, "cut")

    def taken_back(self, ticket: int) -> End | None:
        """How a wait was ended from here, while it was; None if it was not, or if the task was cancelled as well."""
        end = self._ended.pop(ticket, None)
        task, before = self._waiting[ticket]
        return end if end is not None and task.uncancel() <= before else None

    def _late(self) -> None:
        self._timer = None
        for ticket in self._waiting:
            self._cancel(ticket, "late")

    def _cancel(self, ticket: int, end: End) -> None:
        if ticket not in self._ended:
            self._ended[ticket] = end
            self._waiting[ticket][0].cancel()
