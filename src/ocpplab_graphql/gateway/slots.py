"""
The bulkhead: so many calls at once, so many that wait, for so long.

A slot passes from hand to hand, in the order of asking, and is lost by nobody: who is cancelled at
the moment of getting one hands it on.
"""

import asyncio
from collections import OrderedDict


class Slots:
    """
    Places for calls in flight.

    Args:
        limit: how many.
        waiting_max: most that may wait for one.

    Attributes:
        in_flight: how many are taken.
    """

    def __init__(self, limit: int, *, waiting_max: int) -> None:
        self._limit = limit
        self._waiting_max = waiting_max
        self._waiting: OrderedDict[asyncio.Future[bool], None] = OrderedDict()
        self.in_flight = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        return len(self._waiting) >= self._waiting_max

    def take(self) -> bool:
        """Take a slot, if one is free at once."""
        # One that is given back goes to the first who waits: when one is free, nobody does.
        if self.in_flight >= self._limit:
            return False
        self.in_flight += 1
        return True

    async def wait(self, at_most_s: float) -> bool:
        """Wait for a slot; False if there was none in time, or everybody was sent away."""
        loop = asyncio.get_running_loop()
        granted: asyncio.Future[bool] = loop.create_future()
        self._waiting[granted] = None
        late = loop.call_later(at_most_s, self._refuse, granted)
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.result():
                self.give_back()
            raise
        finally:
            late.cancel()
            self._waiting.pop(granted, None)

    def give_back(self) -> None:
        """Hand a slot on to the first who waits."""
        while self._waiting:
            first, _ = self._waiting.popitem(last=False)
            if not first.done():
                first.set_result(True)
                return
        self.in_flight -= 1

    def send_away(self) -> None:
        """Nobody who waits now will get one."""
        while self._waiting:
            self._refuse(self._waiting.popitem(last=False)[0])

    def _refuse(self, waiting: asyncio.Future[bool]) -> None:
        self._waiting.pop(waiting, None)
        if not waiting.done():
            waiting.set_result(False)
