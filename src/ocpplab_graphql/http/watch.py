"""The watch over all connections of one process: who sends or reads too slowly is cut off."""

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

# Beyond the bound on connections, those that may still ask how the process is: a probe comes on a new one.
_SPARE = 64
# What a reader has to take within `send_timeout_s`, unless less waits for it.
_TAKEN_MIN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """
    Bounds on the connections of one process, from the settings.

    Attributes:
        connections: most at once.
        head_bytes: longest head of a request.
        receive_timeout_s: how long a head, and then its body, may take to come.
        send_timeout_s: how long a reader may take for 64 KiB of what waits for it, or for all.
        unsent_bytes: most bytes that wait for their readers, of all connections.
        messages: most WebSocket frames that one connection may send in a second.
    """

    connections: int
    head_bytes: int
    receive_timeout_s: float
    send_timeout_s: float
    unsent_bytes: int
    messages: int


class _Bounded(Protocol):
    """A connection, as the watch sees it."""

    transport: asyncio.Transport
    reading: "Reading"

    def look(self, now: float) -> None: ...


class Watch:
    """
    Looks at every connection again and again, and cuts off those that are late.

    One clock for all instead of several timers for each request: a request then costs no timer.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.every_s = max(0.02, min(1.0, limits.receive_timeout_s / 4, limits.send_timeout_s / 4))
        self._open: set[_Bounded] = set()
        self._next: asyncio.TimerHandle | None = None

    def opened(self, connection: _Bounded) -> None:
        """A connection is there."""
        self._open.add(connection)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(self.every_s, self._look)

    def closed(self, connection: _Bounded) -> None:
        """It is gone."""
        self._open.discard(connection)

    @property
    def is_full(self) -> bool:
        """Whether there are as many as there may be."""
        return len(self._open) > self.limits.connections

    @property
    def is_beyond_spare(self) -> bool:
        """Whether there are so many that not even a probe is answered."""
        return len(self._open) > self.limits.connections + _SPARE

    def _look(self) -> None:
        now = time.monotonic()
        for connection in list(self._open):
            connection.look(now)
            if connection.reading.is_late(connection.transport.get_write_buffer_size(), now, self.limits):
                connection.transport.abort()
        self._free_memory()
        loop = asyncio.get_running_loop()
        self._next = loop.call_later(self.every_s, self._look) if self._open else None

    def _free_memory(self) -> None:
        """While too much waits for readers in all, cut off the one for whom most does."""
        waiting = {one: size for one in self._open if (size := one.transport.get_write_buffer_size())}
        total = sum(waiting.values())
        for connection in sorted(waiting, key=lambda one: waiting[one], reverse=True):
            if total <= self.limits.unsent_bytes:
                return
            total -= waiting[connection]
            connection.transport.abort()


class Reading:
    """How fast the other side takes what waits for it."""

    __slots__ = ("_since", "_waited")

    def __init__(self) -> None:
        self._waited = 0
        self._since: float | None = None

    def went_on(self) -> None:
        """The buffer was drained."""
        self._since = None

    def is_late(self, waits: int, now: float, limits: ConnectionLimits) -> bool:
        """Whether too little was taken for too long; `waits` is how many bytes wait now."""
        if not waits:
            self._since = None
        elif self._since is None or waits <= self._waited - _TAKEN_MIN_BYTES:
            self._waited, self._since = waits, now
        else:
            return now - self._since > limits.send_timeout_s
        return False
