"""
What one operation has learnt: replies by request, rows by id, and what is known of each list.

Lives as long as the operation (for a stream, as long as one event), so nothing in it is ever
another caller's, or stale.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from msgspec import Struct, field

from ocpplab_graphql.errors import BadUserInput
from ocpplab_graphql.gateway import routes
from ocpplab_graphql.gateway.decode import Invalid, Narrowing
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.gateway.turns import Turns

R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Observer(Protocol):
    """Who wants to know what requests were for. See trace.py."""

    def serves(self, request: routes.Request, asked: Iterable[tuple[str, Hashable]]) -> None:
        """A request is to bring these."""
        ...

    def brought(self, request: routes.Request, rows: int) -> None:
        """The reply to a request held so many rows."""
        ...


class ListState(Struct, eq=False):
    """
    What is known of one list: its total, and the rows at the positions that were asked for.

    There is one for each list and store, and it is equal to itself alone.
    """

    total: int | None = None
    # Whether each page held no more rows than its total leaves room for.
    counted: bool = True
    # (first position, rows) of each page that came.
    chunks: list[tuple[int, Sequence[Record | Invalid]]] = []
    asked: set[int] = set()
    # Why a page of it could not be read; within one operation nobody tries again.
    failure: Exception | None = None
    # Whoever reads this list waits for whoever is reading it: the answer may already be on its way.
    turns: Turns = field(default_factory=partial(Turns, 1))

    @property
    def rows(self) -> dict[int, Record | Invalid]:
        """The rows by their positions; of a position that came twice, the later."""
        return {start + i: row for start, rows in self.chunks for i, row in enumerate(rows)}


class Store:
    """
    The memory of one operation.

    Args:
        narrowing: the types to decode records into; None decodes all of them whole.
        observer: is told what each request was to bring, and how many rows it brought.

    Attributes:
        damaged: whether any reply could only be read in part, so that an `Invalid` may stand in a row.
    """

    def __init__(
        self,
        narrowing: Narrowing | None = None,
        observer: "Observer | None" = None,
    ) -> None:
        self.damaged = False
        self._narrowing = narrowing
        self._observer = observer
        self._replies: dict[Hashable, asyncio.Future[Reply]] = {}
        self._seen: dict[tuple[type[Record], Hashable], Record] = {}
        # Rows of lists that are found by their ids only if somebody asks for one.
        self._unsorted: list[tuple[KeyedRows, Sequence[Record | Invalid]]] = []
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
            self._observer.serves(_with_ids_of_the_gateway(getattr(routes, method.__name__), args), asked)
        while (known := self._replies.get(key)) is not None:
            try:
                # Shielded: one who leaves takes nothing from the others.
                return await asyncio.shield(known)
            except asyncio.CancelledError:
                if not known.cancelled() or _is_cancelled():
                    raise
                # Whoever made the call has left: it is made again for those who stay.
        sending = _with_ids_of_the_gateway(method, args)
        coming = self._replies[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await sending
        except asyncio.CancelledError:
            del self._replies[key]
            coming.cancel()
            raise
        except Exception as failure:
            coming.set_exception(failure)
            coming.exception()  # looked at: nobody else may ask, and that is no reason to log it
            raise
        coming.set_result(reply)
        return reply

    def brought(self, rows: int, method: Callable[..., Awaitable[Reply]], *args: Hashable) -> None:
        """The reply to a request held so many rows."""
        if self._observer is not None:
            self._observer.brought(getattr(routes, method.__name__)(*args), rows)

    def into(self, record: type[R]) -> type[R]:
        """The type to decode a record into: only what the operation selects, if that is known."""
        return record if self._narrowing is None else self._narrowing.of(record)

    def spoilt(self) -> None:
        """A reply could only be read in part."""
        self.damaged = True

    def list_state(self, of: Hashable) -> ListState:
        """What is known of a list; the same object for equal lists."""
        state = self._lists.get(of)
        if state is None:
            state = self._lists[of] = ListState()
        return state

    def saw(self, record: type[Record], key: Hashable, row: Record) -> None:
        """Remember a row, so that nobody asks for it again."""
        self._seen.setdefault((record, key), row)

    def saw_rows(self, of: "KeyedRows", rows: Sequence[Record | Invalid]) -> None:
        """Remember the rows of a list; they are sorted by their ids when the first is asked for."""
        if of.record.KEY is not None:
            self._unsorted.append((of, rows))

    def seen(self, record: type[Record], key: Hashable) -> Any:
        """A row that some call brought, or None."""
        if self._unsorted:
            self._sort()
        return self._seen.get((record, key))

    def unseen(self, record: type[Record], keys: Iterable[Hashable]) -> list[Any]:
        """Those whose rows no call brought."""
        if self._unsorted:
            self._sort()
        return [key for key in keys if (record, key) not in self._seen]

    def _sort(self) -> None:
        for of, rows in self._unsorted:
            for row in rows:
                if not isinstance(row, Invalid):
                    self.saw(of.record, of.key(getattr(row, str(of.record.KEY))), row)
        self._unsorted.clear()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class KeyedRows(Protocol):
    """A list: what its rows are, and what each is remembered under."""

    @property
    def record(self) -> type[Record]:
        """What its rows are."""
        ...

    def key(self, row_id: str, /) -> Hashable:
        """What the row with this id is remembered under."""
        ...


async def together(reads: Sequence[Coroutine[Any, Any, T]]) -> Sequence[T]:
    """Results of reads that do not fail, side by side; one alone needs no task."""
    if len(reads) == 1:
        return [await reads[0]]
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(read) for read in reads]
    try:
        # In their order, not by asyncio.gather: to wait for one that is done costs nothing.
        return [await task for task in tasks]
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _with_ids_of_the_gateway(ask: Callable[..., T], ids: Sequence[Hashable]) -> T:
    """A client's ids were checked where they came in: one that can be no path segment is the gateway's."""
    try:
        return ask(*ids)
    except BadUserInput:
        raise GatewayInvalidResponse("The gateway sent an id that cannot be one.") from None
