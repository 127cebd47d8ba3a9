"""Windows of lists: those of one list share calls, those of different lists run side by side."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import Invalid
from ocpplab_graphql.gateway.records import Record
from ocpplab_graphql.loaders.lists import Asked, Call, Chunk, GatewayList
from ocpplab_graphql.loaders.store import ListState, Store, together
from ocpplab_graphql.loaders.windows import Range, Window


class Slice(Struct, frozen=True):
    """
    The part of a list that a window names.

    Attributes:
        span: the positions it covers, within `total`.
        counted: False if the gateway showed more rows than the total that it told.
        positions, values: of the rows that the gateway gave; fewer than the span if rows vanished.
    """

    span: Range
    total: int
    positions: Sequence[int]
    values: Sequence[Record | Invalid]
    counted: bool = True

    @property
    def rows(self) -> list[tuple[int, Record | Invalid]]:
        """(position, row) of each."""
        return list(zip(self.positions, self.values, strict=True))


async def windows(
    store: Store, client: GatewayClient, keys: Sequence[tuple[GatewayList, Window]]
) -> list[Slice | Exception]:
    """Windows of lists: those of one list share calls; those of different lists run side by side."""
    by_list: dict[GatewayList, list[tuple[GatewayList, Window]]] = defaultdict(list)
    for key in keys:
        by_list[key[0]].append(key)
    await together([_read_windows(store, client, asked) for asked in by_list.values()])
    return [_slice(store.list_state(of), window) for of, window in keys]


async def _read_windows(
    store: Store, client: GatewayClient, keys: Sequence[tuple[GatewayList, Window]]
) -> None:
    """Windows of one list into its state."""
    of = keys[0][0]
    state = store.list_state(of)
    if not state.turns.take():
        await state.turns.wait()
    try:
        while state.failure is None and (calls := _calls_for(of, state, keys)):
            await read_chunks(store, client, of, state, calls, [("window", key) for key in keys])
    finally:
        state.turns.give_back()


def _calls_for(
    of: GatewayList, state: ListState, keys: Iterable[tuple[GatewayList, Window]]
) -> Sequence[Call]:
    missing: list[Range] = []
    from_end = False
    for _, window in keys:
        if window.rows:
            span = window.span(state.total)
            if span is None:
                from_end = True
            else:
                missing += _gaps(span, state.asked)
    if missing:
        return of.calls(missing)
    if state.total is None:
        # A window from the end needs the total first: a full page may well bring all of it.
        return [of.calls([(0, of.limit_max if from_end else 1)])[0]]
    return ()


def _gaps(span: Range, asked: set[int]) -> list[Range]:
    if not asked:
        return [span] if span[1] > span[0] else []
    if asked.issuperset(range(*span)):
        return []
    return [(p, p + 1) for p in range(*span) if p not in asked]


async def read_chunks(
    store: Store,
    client: GatewayClient,
    of: GatewayList,
    state: ListState,
    calls: Sequence[Call],
    asked: Sequence[Asked],
) -> None:
    """Make these calls, side by side, and note what each brought, or that one failed, in the state of the list."""
    for chunk in await together([_chunk(of, store, client, call, asked) for call in calls]):
        if isinstance(chunk, Chunk):
            _note(store, of, state, chunk)
        else:
            state.failure = chunk


async def _chunk(
    of: GatewayList, store: Store, client: GatewayClient, call: Call, asked: Sequence[Asked]
) -> Chunk | Exception:
    try:
        request = of.request(client, call)
        reply = await store.reply(*request, asked=asked)
        chunk = of.chunk(store, call, reply.body)
    except Exception as failure:  # whatever it is, it is this list's
        return failure
    store.brought(len(chunk.rows), *request)
    return chunk


def _note(store: Store, of: GatewayList, state: ListState, chunk: Chunk) -> None:
    reached = chunk.reached
    if state.total is None:
        # The first answer counts: a total that keeps changing must not keep us reading.
        state.total = max(chunk.total, reached)
    if reached > chunk.total:
        state.counted = False
        store.spoilt()
    state.asked.update(range(chunk.start, chunk.start + chunk.asked))
    state.chunks.append((chunk.start, chunk.rows))
    store.saw_rows(of, chunk.rows)


def _slice(state: ListState, window: Window) -> Slice | Exception:
    span = window.span(state.total)
    if state.total is None or span is None or (window.rows and not state.asked.issuperset(range(*span))):
        return state.failure or RuntimeError("a window was not read")
    start, stop = span
    if len(state.chunks) == 1:
        first, rows = state.chunks[0]
        values = rows[start - first : stop - first]
        return Slice(span, state.total, range(start, start + len(values)), values, state.counted)
    known = state.rows
    positions = [p for p in range(start, stop) if p in known]
    return Slice(span, state.total, positions, [known[p] for p in positions], state.counted)
