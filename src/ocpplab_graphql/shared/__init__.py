"""
What the processes of one service share: short values under a key, for a while.

The port, and the adapter for a single process. `on_redis.py` is the adapter for several; nothing else here
or elsewhere knows Redis. Values are bytes, and what they mean is their owner's business.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol


class SharedStateUnavailable(Exception):
    """The store that processes share cannot be reached; whether a write happened is unknown."""


class SharedState(Protocol):
    """
    Values under keys, each for a time.

    Every method raises `SharedStateUnavailable` when the store cannot be reached.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or its time is over."""
        ...

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds, in place of an older one."""
        ...

    async def set_if_absent(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value unless there is one; True for the one caller, of all processes, who did."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class InProcess:
    """
    The values of this process alone, within bounds: what was longest unused makes room.

    A store whose values must not make room for others, such as idempotency keys, has an instance of its own.

    Args:
        entries_max: most values.
        bytes_max: most bytes of keys and values together; a value larger than that is not kept.
        clock: seconds that only grow.
    """

    def __init__(
        self, *, entries_max: int, bytes_max: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._clock = clock
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0

    async def get(self, key: str) -> bytes | None:
        """The value, or None when there is none or its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        value, until = kept
        if until <= self._clock():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return value

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds, in place of an older one."""
        self._drop(key)
        size = _size(key, value)
        if size > self._bytes_max:
            return
        self._kept[key] = (value, self._clock() + ttl_s)
        self._bytes += size
        while len(self._kept) > self._entries_max or self._bytes > self._bytes_max:
            self._drop(next(iter(self._kept)))

    async def set_if_absent(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value unless there is one; nothing is awaited in between, so it is atomic."""
        if await self.get(key) is not None:
            return False
        await self.set(key, value, ttl_s=ttl_s)
        return True

    async def aclose(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes = 0

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= _size(key, kept[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value)
