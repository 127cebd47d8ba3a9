"""Rows by their ids: singly, or by pages of the list that holds them, whichever is fewer calls."""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import decode
from ocpplab_graphql.gateway.errors import GatewayInvalidResponse, GatewayNotFound
from ocpplab_graphql.gateway.records import CPORecord, LocationRecord, Record
from ocpplab_graphql.loaders.batches.windows import read_chunks
from ocpplab_graphql.loaders.choice import choose, unread_pages
from ocpplab_graphql.loaders.keys import LocationKey
from ocpplab_graphql.loaders.lists import Asked, CPOs, GatewayList, Locations
from ocpplab_graphql.loaders.store import ListState, Store, together
from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX

R = TypeVar("R", bound=Record)

# A row being read into the store; how that failed, if it did.
Single = Coroutine[Any, Any, Exception | None]


async def cpos_by_id(
    store: Store, client: GatewayClient, keys: Sequence[str]
) -> list[CPORecord | None | Exception]:
    """CPOs: singly, or by pages of the list when that is fewer calls."""

    def single(cpo_id: str) -> Single:
        asked = [("cpo_by_id", cpo_id)]
        return read_single(store, CPORecord, cpo_id, cpo_id, asked, client.cpo, cpo_id)

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
        return read_single(store, LocationRecord, key, key[1], asked, client.location, *key)

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
            unread = unread_pages_of(state, at_most=len(missing))
            pages = choose(len(missing), total=state.total, unread_pages=unread).pages
            if not pages or state.failure is not None:
                break
            asked = [(loader, key) for key in missing]
            calls = [(page, PAGE_LIMIT_MAX) for page in pages]
            await read_chunks(store, client, of, state, calls, asked)
            failure = state.failure
        if isinstance(failure, GatewayNotFound):
            return [store.seen(of.record, key) for key in keys]
        if failure is None or isinstance(failure, GatewayInvalidResponse):
            failures = await read_singly(missing, single)
        else:
            # A gateway that just failed is not asked for every row by itself.
            failures = dict.fromkeys(missing, failure)
    finally:
        state.turns.give_back()
    return [failures.get(key) or store.seen(of.record, key) for key in keys]


def unread_pages_of(state: ListState, *, at_most: int) -> list[int]:
    """Pages of a list that are not wholly known; of a list nothing is known of, none can be told."""
    return [] if state.total is None else unread_pages(state.total, state.asked, at_most=at_most)


async def read_singly(keys: Iterable[Any], single: Callable[[Any], Single]) -> dict[Any, Exception]:
    """Read each key by itself into the store; the failures by key. What does not exist is none."""
    distinct = list(dict.fromkeys(keys))
    if len(distinct) == 1:
        failure = await single(distinct[0])
        return {} if failure is None else {distinct[0]: failure}
    failures = await together([single(key) for key in distinct])
    return {key: failure for key, failure in zip(distinct, failures, strict=True) if failure is not None}


async def read_single(
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
