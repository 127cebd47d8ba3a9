"""Notice that a caller hangs up while their operation runs, and cancel it."""

import asyncio

from starlette.types import Receive

from ocpplab_graphql.http.envelope import until_gone

# Most operations are over before; watching them would cost more than they take.
_WATCHED_AFTER_S = 0.02


class HangUp:
    """
    Watches the connection for the task that makes it, and cancels that task when the caller is gone.

    Nothing is watched at first: who hangs up is noticed after 20 ms at the earliest.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._operation = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._gone = False
        self._timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER_S, self._watch)

    def noticed(self) -> bool:
        """Whether the cancellation that the task now has is this one; then it is over."""
        if self._gone and self._operation is not None:
            self._operation.uncancel()
        return self._gone

    def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _watch(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._until_gone())

    async def _until_gone(self) -> None:
        await until_gone(self._receive)
        if self._operation is not None:
            self._gone = True
            self._operation.cancel()
