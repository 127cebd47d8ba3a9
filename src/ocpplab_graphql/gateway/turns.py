"""A semaphore that costs nothing where nobody waits: no coroutine, and no look at who might."""

import asyncio
from collections import OrderedDict


class Turns:
    """
    So many at once; further ones wait, and come in the order in which they asked.

    A turn that is given back goes to the first who waits, so while somebody does, none is free.
    """

    __slots__ = ("_value", "_waiting")

    def __init__(self, value: int) -> None:
        self._value = value
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()

    def locked(self) -> bool:
        """Whether none is free."""
        return self._value == 0

    def take(self) -> bool:
        """Take a turn, if one is free at once."""
        if self._value == 0:
            return False
        self._value -= 1
        return True

    async def wait(self) -> None:
        """Wait for a turn, and have it."""
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[given] = None
        try:
            await given
        except asyncio.CancelledError:
            self._waiting.pop(given, None)
            if not given.cancelled():  # it was given at this very moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Hand a turn on."""
        while self._waiting:
            first, _ = self._waiting.popitem(last=False)
            if not first.done():
                first.set_result(None)
                return
        self._value += 1
