"""
Who may execute an operation now, who waits a moment, and who is told to come again.

A process that takes whatever comes serves nobody in time. Here the number of operations that run is bounded, and so
is the number of those that wait, and how long. Callers are told apart by their credentials, exactly as they said
them: of those who wait, the one who has the fewest places gets the next, and when too many wait, the last of
whoever has the most there is sent away.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ocpplab_graphql.errors import Overloaded
from ocpplab_graphql.places import Places

RETRY_AFTER_S = 1
# How long after the last refusal the process still says that it sheds: longer than a probe's usual haste.
_SHEDDING_S = 2.0


@dataclass(slots=True, eq=False)
class _Waiting:
    caller: Hashable
    admitted: asyncio.Future[None]


class Admission:
    """
    The door to execution, of one process.

    Args:
        at_once: most operations that run; as many may wait.
        wait_s: longest wait for a place.
        now: a clock, in seconds.
    """

    def __init__(self, *, at_once: int, wait_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._places = Places(at_once)
        self._wait_s = wait_s
        self._waiting: list[_Waiting] = []
        self._now = now
        self._sheds_until = float("-inf")

    @property
    def running(self) -> int:
        """How many operations run."""
        return self._places.taken

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def is_shedding(self) -> bool:
        """Whether operations were sent away a moment ago because the process was full."""
        return self._now() < self._sheds_until

    async def place(self, caller: Hashable) -> "Place":
        """
        A place for one operation; whoever gets it leaves it.

        Raises:
            Overloaded: there is none, nor is one left in time.
        """
        if not self._places.has_room_for(caller):
            await self._wait(caller)
        else:
            self._places.take(caller)
        return Place(self, caller)

    def left(self, caller: Hashable) -> None:
        """A place is free; whoever may have it next, does."""
        self._places.give_back(caller)
        while self._waiting and not self._places.full:
            chosen = min(self._waiting, key=lambda one: self._places.held_by(one.caller))
            if not self._places.has_room_for(chosen.caller):
                return
            self._waiting.remove(chosen)
            if not chosen.admitted.done():
                self._places.take(chosen.caller)
                chosen.admitted.set_result(None)

    async def _wait(self, caller: Hashable) -> None:
        me = _Waiting(caller, asyncio.get_running_loop().create_future())
        self._waiting.append(me)
        if len(self._waiting) > self._places.at_most:
            self._send_away()
        try:
            async with asyncio.timeout(self._wait_s):
                await me.admitted
        except TimeoutError:
            if me.admitted.done() and not me.admitted.cancelled():  # it came at the same moment
                return
            raise self._overloaded() from None
        except asyncio.CancelledError:
            if me.admitted.done() and not me.admitted.cancelled() and me.admitted.exception() is None:
                self.left(caller)
            raise
        finally:
            if me in self._waiting:
                self._waiting.remove(me)

    def _send_away(self) -> None:
        """The last of the caller who has the most waiting."""
        crowd = Counter(one.caller for one in self._waiting).most_common(1)[0][0]
        last = next(one for one in reversed(self._waiting) if one.caller == crowd)
        self._waiting.remove(last)
        if not last.admitted.done():
            last.admitted.set_exception(self._overloaded())

    def _overloaded(self) -> Overloaded:
        if not self._places.full:
            return Overloaded(
                "You have as many operations running at once as one caller may have while there are others: "
                "wait for some of them, then send it again.",
                retry_after_ms=RETRY_AFTER_S * 1000,
            )
        self._sheds_until = self._now() + _SHEDDING_S
        return Overloaded(
            f"This server executes {self._places.at_most} operations at once, and so many run: send it again later.",
            retry_after_ms=RETRY_AFTER_S * 1000,
        )


class Place:
    """One operation's place: a context, left at its end at the latest."""

    __slots__ = ("_admission", "_caller", "_held")

    def __init__(self, admission: Admission, caller: Hashable) -> None:
        self._admission = admission
        self._caller = caller
        self._held = True

    def leave(self) -> None:
        """It is free, now rather than at the end; twice is once."""
        if self._held:
            self._held = False
            self._admission.left(self._caller)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.leave()
