"""Notice that a caller hangs up while their operation runs, and cancel it."""

import asyncio
from collections import deque

from starlette.types import Receive

from ocpplab_graphql.http.envelope import until_gone

# Most operations are over before; watching them would cost more than they take.
_WATCHED_AFTER_S = 0.02


class HangUp:
    """
    Watches the connection for the task that makes it, and cancels that task when the caller is gone.

    Nothing is watched before `HangUps` begins it.
    """

    __slots__ = ("_gone", "_operation", "_receive", "_watching", "is_over")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._operation = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._gone = False
        self.is_over = False

    def noticed(self) -> bool:
        """Whether the cancellation that the task now has is this one; then it is over."""
        if self._gone and self._operation is not None:
            self._operation.uncancel()
        return self._gone

    def stop(self) -> None:
        """Watch no longer."""
        self.is_over = True
        if self._watching is not None:
            self._watching.cancel()

    def watch(self) -> None:
        """Watch from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._until_gone())

    async def _until_gone(self) -> None:
        await until_gone(self._receive)
        if self._operation is not None:
            self._gone = True
            self._operation.cancel()


class HangUps:
    """
    Begins to watch for who takes long: who hangs up is noticed after 20 ms at the earliest.

    One timer for all who wait for that, instead of one for each: those who are over before set none.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._young: deque[tuple[float, HangUp]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def of(self, receive: Receive) -> HangUp:
        """That of the task that asks; whoever asks stops it."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # a timer of another loop never comes here
            self._loop, self._young, self._timer = loop, deque(), None
        made = HangUp(receive)
        self._young.append((loop.time() + _WATCHED_AFTER_S, made))
        if self._timer is None:
            self._timer = loop.call_later(_WATCHED_AFTER_S, self._look, loop)
        return made

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._young and (self._young[0][1].is_over or self._young[0][0] <= now):
            _, grown = self._young.popleft()
            if not grown.is_over:
                grown.watch()
        self._timer = loop.call_at(self._young[0][0], self._look, loop) if self._young else None
