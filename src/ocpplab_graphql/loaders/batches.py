"""
The batch functions: plain `async (store, client, keys) -> results`, in the order of the keys.

A result is a value, None for what does not exist, or an exception that fails its key alone.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import Invalid, decode, decode_listing, decode_page
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse, GatewayNotFound, GatewayRejected
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
    CPORecord,
    CPOTemplateRecord,
    JobRecord,
    LocationRecord,
    LocationTemplateRecord,
    ProvisioningRecord,
    Record,
    ReportRecord,
)
from ocpplab_graphql.gateway.transport import Reply
from ocpplab_graphql.loaders.choice import choose, unread_pages
from ocpplab_graphql.loaders.keys import ChargerKey, LocationKey
from ocpplab_graphql.loaders.lists import Asked, Call, Chargers, Chunk, CPOs, GatewayList, Locations
from ocpplab_graphql.loaders.store import ListState, Store, together
from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX, Range, Window

R = TypeVar("R", bound=Record)

# A row being read into the store; how that failed, if it did.
Single = Coroutine[Any, Any, Exception | None]


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


# ---------------------------------------------------------------------------------- windows of lists


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
            await _read_chunks(store, client, of, state, calls, [("window", key) for key in keys])
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


async def _read_chunks(
    store: Store,
    client: GatewayClient,
    of: GatewayList,
    state: ListState,
    calls: Sequence[Call],
    asked: Sequence[Asked],
) -> None:
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


# ------------------------------------------------------------------------------------- rows by their id


async def cpos_by_id(
    store: Store, client: GatewayClient, keys: Sequence[str]
) -> list[CPORecord | None | Exception]:
    """CPOs: singly, or by pages of the list when that is fewer calls."""

    def single(cpo_id: str) -> Single:
        asked = [("cpo_by_id", cpo_id)]
        return _read_single(store, CPORecord, cpo_id, cpo_id, asked, client.cpo, cpo_id)

    return await _by_id(store, client, CPOs(), keys, single, "cpo_by_id")


async def locations_by_id(
    store: Store, client: GatewayClient, keys: Sequence[LocationKey]
) -> list[LocationRecord | None | Exception]:
    """Locations by (CPO id, location id): per CPO, singly or by pages of its list."""
    by_cpo: dict[str, list[LocationKey]] = defaultdict(list)
    for key in keys:
        by_cpo[key[0]].append(key)

    def single(key: LocationKey) -> Single:
        asked = [("location_by_id", key)]
        return _read_single(store, LocationRecord, key, key[1], asked, client.location, *key)

    groups = await together(
        [
            _by_id(store, client, Locations(cpo_id), group, single, "location_by_id")
            for cpo_id, group in by_cpo.items()
        ]
    )
    found = {
        key: row
        for group, rows in zip(by_cpo.values(), groups, strict=True)
        for key, row in zip(group, rows, strict=True)
    }
    return [found[key] for key in keys]


async def _by_id(
    store: Store,
    client: GatewayClient,
    of: GatewayList,
    keys: Sequence[Any],
    single: Callable[[Any], Single],
    loader: str,
) -> list[R | None | Exception]:
    """Rows of one list by key: from what was seen, then pages while they are cheaper, then singly."""
    state = store.list_state(of)
    failure: Exception | None = None
    if not state.turns.take():
        await state.turns.wait()
    try:
        while missing := store.unseen(of.record, keys):
            unread = _unread(state, at_most=len(missing))
            pages = choose(len(missing), total=state.total, unread_pages=unread).pages
            if not pages or state.failure is not None:
                break
            asked = [(loader, key) for key in missing]
            calls = [(page, PAGE_LIMIT_MAX) for page in pages]
            await _read_chunks(store, client, of, state, calls, asked)
            failure = state.failure
        if isinstance(failure, GatewayNotFound):
            return [store.seen(of.record, key) for key in keys]
        if failure is None or isinstance(failure, GatewayInvalidResponse):
            failures = await _read_singly(missing, single)
        else:
            # A gateway that just failed is not asked for every row by itself.
            failures = dict.fromkeys(missing, failure)
    finally:
        state.turns.give_back()
    return [failures.get(key) or store.seen(of.record, key) for key in keys]


def _unread(state: ListState, *, at_most: int) -> list[int]:
    """Pages of a list that are not wholly known; of a list nothing is known of, none can be told."""
    return [] if state.total is None else unread_pages(state.total, state.asked, at_most=at_most)


async def _read_singly(keys: Iterable[Any], single: Callable[[Any], Single]) -> dict[Any, Exception]:
    """Read each key by itself into the store; the failures by key. What does not exist is none."""
    distinct = list(dict.fromkeys(keys))
    if len(distinct) == 1:
        failure = await single(distinct[0])
        return {} if failure is None else {distinct[0]: failure}
    failures = await together([single(key) for key in distinct])
    return {key: failure for key, failure in zip(distinct, failures, strict=True) if failure is not None}


async def _read_single(
    store: Store,
    record: type[Record],
    key: Hashable,
    row_id: str,
    asked: Sequence[Asked],
    *request: Any,
) -> Exception | None:
    """
    Read one row by itself into the store, where it is found by `key`; how that failed, if it did.

    Args:
        request: the client's method, and its arguments.
    """
    try:
        reply = await store.reply(*request, asked=asked)
        row = decode(reply.body, store.into(record), store.spoilt, key=row_id)
    except GatewayNotFound:
        return None
    except FacadeError as error:
        return error
    store.saw(record, key, row)
    return None


# ---------------------------------------------------------------------------------------- full chargers


async def chargers_by_id(
    store: Store, client: GatewayClient, keys: Sequence[ChargerKey]
) -> list[ChargerRecord | None | Exception]:
    """
    Full charger records: per OCPP location up to 100 in one call, otherwise singly.

    The tenant-wide list is scanned only when its total is already known and that is fewer calls.
    """
    everywhere = store.list_state(Chargers())
    if not everywhere.turns.take():
        await everywhere.turns.wait()
    try:
        missing = _unseen_chargers(store, keys)
        if everywhere.total is not None and missing:
            calls = _calls_without_scan(missing)
            unread = _unread(everywhere, at_most=calls)
            pages = choose(calls, total=everywhere.total, unread_pages=unread).pages
            asked = [("charger_by_id", key) for key in missing]
            chunks = [(page, PAGE_LIMIT_MAX) for page in pages]
            await _read_chunks(store, client, Chargers(), everywhere, chunks, asked)
    finally:
        everywhere.turns.give_back()
    failures = await _read_groups(store, client, _unseen_chargers(store, keys), _keys_by_charger(keys))

    by_charger = _keys_by_charger(keys)

    def single(charger_id: str) -> Single:
        asked = by_charger[charger_id]
        return _read_single(store, ChargerRecord, charger_id, charger_id, asked, client.charger, charger_id)

    unseen = (key.charger_id for key in _unseen_chargers(store, keys))
    left = [charger_id for charger_id in unseen if charger_id not in failures]
    failures |= await _read_singly(left, single)
    return [failures.get(key.charger_id) or store.seen(ChargerRecord, key.charger_id) for key in keys]


def _unseen_chargers(store: Store, keys: Sequence[ChargerKey]) -> list[ChargerKey]:
    """Each charger once, with its location if any of its keys tells it."""
    located = sorted(keys, key=lambda key: key.ocpp_location_id is None)
    distinct = {key.charger_id: key for key in reversed(located)}
    return [key for key in distinct.values() if store.seen(ChargerRecord, key.charger_id) is None]


def _keys_by_charger(keys: Sequence[ChargerKey]) -> dict[str, list[Asked]]:
    """Per charger, the keys that asked for it."""
    asked: dict[str, list[Asked]] = defaultdict(list)
    for key in keys:
        asked[key.charger_id].append(("charger_by_id", key))
    return asked


def _by_location(keys: Iterable[ChargerKey]) -> dict[str, list[str]]:
    """Ids per OCPP location, where there are two or more: one alone costs the same by itself."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        if key.ocpp_location_id is not None:
            groups[key.ocpp_location_id].append(key.charger_id)
    return {location: ids for location, ids in groups.items() if len(ids) > 1}


def _calls_without_scan(keys: Sequence[ChargerKey]) -> int:
    groups = _by_location(keys)
    grouped = sum(len(ids) for ids in groups.values())
    return len(keys) - grouped + sum(len(_chunked(ids)) for ids in groups.values())


def _chunked(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[i : i + PAGE_LIMIT_MAX] for i in range(0, len(ids), PAGE_LIMIT_MAX)]


async def _read_groups(
    store: Store, client: GatewayClient, keys: Sequence[ChargerKey], by_charger: Mapping[str, list[Asked]]
) -> dict[str, Exception]:
    """Chargers into the store, location by location; the failures by charger id."""
    groups = [
        (location, tuple(ids))
        for location, all_ids in _by_location(keys).items()
        for ids in _chunked(all_ids)
    ]
    failed = await together(
        [_read_group(store, client, location, ids, by_charger) for location, ids in groups]
    )
    return {charger_id: failure for one in failed for charger_id, failure in one.items()}


async def _read_group(
    store: Store,
    client: GatewayClient,
    location: str,
    ids: tuple[str, ...],
    by_charger: Mapping[str, list[Asked]],
) -> dict[str, Exception]:
    """
    Chargers of one OCPP location into the store.

    A location that is gone, or ids that have left it, are no failure: who is not found here is
    read singly afterwards. Any other failure is that of these chargers alone.
    """
    try:
        asked = [key for charger_id in ids for key in by_charger[charger_id]]
        reply = await store.reply(client.location_chargers, location, ids, asked=asked)
        page = decode_page(
            reply.body, store.into(ChargerRecord), page=1, limit=PAGE_LIMIT_MAX, spoilt=store.spoilt
        )
    except (GatewayNotFound, GatewayRejected):
        return {}
    except FacadeError as error:
        return dict.fromkeys(ids, error)
    store.brought(len(page.data), client.location_chargers, location, ids)
    for row in page.data:
        if not isinstance(row, Invalid):
            store.saw(ChargerRecord, row.id, row)
    return {}


# --------------------------------------------------------------------------- reads that have no list form


def _one_by_one(read: Callable[[Store, GatewayClient, Any], Awaitable[Any]]) -> Any:
    """The batch function of reads that cannot be joined: side by side, each failing alone."""

    async def batch(store: Store, client: GatewayClient, keys: Sequence[Any]) -> Sequence[Any]:
        async def outcome(key: Any) -> Any:
            try:
                return await read(store, client, key)
            except GatewayNotFound:
                return None
            except FacadeError as error:
                return error

        return await together([outcome(key) for key in keys])

    return batch


async def _cpo_provisioning(store: Store, client: GatewayClient, cpo_id: str) -> ProvisioningRecord:
    return _decoded(
        store,
        await store.reply(client.cpo_status, cpo_id, asked=[("cpo_provisioning", cpo_id)]),
        ProvisioningRecord,
    )


async def _charger_provisioning(store: Store, client: GatewayClient, charger_id: str) -> ProvisioningRecord:
    return _decoded(
        store,
        await store.reply(client.charger_status, charger_id, asked=[("charger_provisioning", charger_id)]),
        ProvisioningRecord,
    )


async def _cpo_report(store: Store, client: GatewayClient, cpo_id: str) -> ReportRecord:
    return _decoded(
        store, await store.reply(client.cpo_report, cpo_id, asked=[("cpo_report", cpo_id)]), ReportRecord
    )


async def _job(store: Store, client: GatewayClient, key: tuple[str, str]) -> JobRecord:
    reply = await store.reply(client.location_job, *key, asked=[("job_by_id", key)])
    return decode(reply.body, JobRecord, store.spoilt, key=key[1])


async def _cpo_templates(store: Store, client: GatewayClient, key: tuple[()]) -> Any:
    reply = await store.reply(client.cpo_templates, asked=[("cpo_templates", key)])
    rows = decode_listing(reply.body, CPOTemplateRecord, store.spoilt).data
    store.brought(len(rows), client.cpo_templates)
    return rows


async def _location_templates(store: Store, client: GatewayClient, key: tuple[str | None, str | None]) -> Any:
    reply = await store.reply(client.location_templates, *key, asked=[("location_templates", key)])
    rows = decode_listing(reply.body, LocationTemplateRecord, store.spoilt).data
    store.brought(len(rows), client.location_templates, *key)
    return rows


def _decoded(store: Store, reply: Reply, record: type[R]) -> R:
    return decode(reply.body, record, store.spoilt)


cpo_provisioning = _one_by_one(_cpo_provisioning)
charger_provisioning = _one_by_one(_charger_provisioning)
cpo_report = _one_by_one(_cpo_report)
jobs = _one_by_one(_job)
cpo_templates = _one_by_one(_cpo_templates)
location_templates = _one_by_one(_location_templates)
