"""
Single flight: equal reads of one caller that are under way at once share one call.

Equal are reads of the same target with exactly the same credentials and organization, so tenants never meet. Nothing
is kept: when the reply is there, the next read is a call of its own.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable

from ocpplab_graphql.gateway.transport import Reply


class Flights:
    """The reads under way that others may join, of one process."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, dict[str, asyncio.Future[Reply]]] = defaultdict(dict)

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._under_way.values()))

    def lands(self, caller: Hashable) -> None:
        """A caller wrote something: what is under way may tell of the time before, and is joined no more."""
        self._under_way.pop(caller, None)

    async def share(
        self,
        caller: Hashable,
        target: str,
        read: Callable[[], Awaitable[Reply]],
        *,
        within_s: float,
    ) -> Reply:
        """
        The reply to a read, by whoever's call. One that fails, or is given up, is its maker's alone: those who
        joined it then read for themselves.

        Args:
            caller: their credentials and organization.
            within_s: how long one may wait for somebody else's call.
        """
        known = self._under_way[caller].get(target)
        if known is not None and (reply := await _joined(known, within_s)) is not None:
            return reply
        coming: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[caller].setdefault(target, coming)
        try:
            reply = await read()
        except BaseException:
            coming.cancel()
            raise
        else:
            coming.set_result(reply)
            return reply
        finally:
            self._forget(caller, target, coming)

    def _forget(self, caller: Hashable, target: str, coming: "asyncio.Future[Reply]") -> None:
        theirs = self._under_way.get(caller, {})
        if theirs.get(target) is coming:
            del theirs[target]
        if not theirs:
            self._under_way.pop(caller, None)


async def _joined(coming: "asyncio.Future[Reply]", within_s: float) -> Reply | None:
    """What somebody else's call brings; None if it brings nothing, or not in time."""
    done, _ = await asyncio.wait((coming,), timeout=max(0.0, within_s))
    return coming.result() if done and not coming.cancelled() else None
