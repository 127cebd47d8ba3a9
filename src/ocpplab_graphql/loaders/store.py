"""
What one operation has learnt: replies by request, rows by id, and what is known of each list.

Lives as long as the operation (for a stream, as long as one event), so nothing in it is ever
another caller's, or stale.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ocpplab_graphql.gateway import routes
from ocpplab_graphql.gateway.decode import Invalid, narrowed
from ocpplab_graphql.gateway.records import LocationRecord, Record
from ocpplab_graphql.gateway.transport import Reply

R = TypeVar("R", bound=Record)

# What the way to other records is found by, whatever an operation selects.
_ALWAYS: Mapping[type[Record], frozenset[str]] = {
    LocationRecord: frozenset({"ocpp_location_id"}),
}


class Observer(Protocol):
    """Who wants to know what requests were for. See trace.py."""

    def serves(self, request: routes.Request, asked: Iterable[tuple[str, Hashable]]) -> None:
        """A request is to bring these."""
        ...

    def brought(self, request: routes.Request, rows: int) -> None:
        """The reply to a request held so many rows."""
        ...


@dataclass(slots=True)
class ListState:
    """What is known of one list: its total, and the rows at the positions that were asked for."""

    total: int | None = None
    rows: dict[int, Record | Invalid] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    # Why a page of it could not be read; within one operation nobody tries again.
    failure: Exception | None = None
    # Whoever reads this list waits for whoever is reading it: the answer may already be on its way.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Store:
    """
    The memory of one operation.

    Args:
        selected: per record, the keys that the operation selects anywhere; None decodes all of them.
        observer: is told what each request was to bring, and how many rows it brought.

    Attributes:
        damaged: whether any reply could only be read in part, so that an `Invalid` may stand in a row.
    """

    def __init__(
        self,
        selected: Mapping[type[Record], frozenset[str]] | None = None,
        observer: "Observer | None" = None,
    ) -> None:
        self.damaged = False
        self._selected = selected
        self._observer = observer
        self._replies: dict[Hashable, asyncio.Task[Reply]] = {}
        self._seen: dict[tuple[type[Record], Hashable], Record] = {}
        self._lists: dict[Hashable, ListState] = {}

    async def reply(
        self,
        method: Callable[..., Awaitable[Reply]],
        *args: Hashable,
        asked: Iterable[tuple[str, Hashable]] = (),
    ) -> Reply:
        """
        The reply to one request, sent at most once however many ask for it.

        Args:
            method: of the gateway client; the function of the same name in `routes` builds its request.
            asked: (loader, key) of what it is to bring, for the trace.

        Raises:
            GatewayError: the request failed; it is not sent again within this operation.
        """
        key = (method.__name__, args)
        if self._observer is not None:
            self._observer.serves(getattr(routes, method.__name__)(*args), asked)
        task = self._replies.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(method(*args)))
            # All who asked may have left before it fails; that is no reason to log it.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._replies[key] = task
        return await asyncio.shield(task)

    def brought(self, rows: int, method: Callable[..., Awaitable[Reply]], *args: Hashable) -> None:
        """The reply to a request held so many rows."""
        if self._observer is not None:
            self._observer.brought(getattr(routes, method.__name__)(*args), rows)

    def into(self, record: type[R]) -> type[R]:
        """The type to decode a record into: only what the operation selects, if that is known."""
        if self._selected is None:
            return record
        keys = self._selected.get(record, frozenset())
        return narrowed(record, keys | _ALWAYS.get(record, frozenset()))

    def spoilt(self) -> None:
        """A reply could only be read in part."""
        self.damaged = True

    def list_state(self, of: Hashable) -> ListState:
        """What is known of a list; the same object for equal lists."""
        return self._lists.setdefault(of, ListState())

    def saw(self, record: type[Record], key: Hashable, row: Record) -> None:
        """Remember a row, so that nobody asks for it again."""
        self._seen.setdefault((record, key), row)

    def seen(self, record: type[Record], key: Hashable) -> Any:
        """A row that some call brought, or None."""
        return self._seen.get((record, key))

    async def aclose(self) -> None:
        """Stop the calls that nobody waits for any more."""
        unfinished = [task for task in self._replies.values() if not task.done()]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)


async def _awaited(reply: Awaitable[Reply]) -> Reply:
    return await reply
