"""Full chargers: many of one location at once, singly, or by a scan of the list of all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ocpplab_graphql.errors import FacadeError
from ocpplab_graphql.gateway.client import GatewayClient
from ocpplab_graphql.gateway.decode import Invalid, decode_page
from ocpplab_graphql.gateway.errors import GatewayNotFound, GatewayRejected
from ocpplab_graphql.gateway.records import (
    ChargerRecord,
)
from ocpplab_graphql.loaders.batches.rows import Single, read_single, read_singly, unread_pages_of
from ocpplab_graphql.loaders.batches.windows import read_chunks
from ocpplab_graphql.loaders.choice import choose
from ocpplab_graphql.loaders.keys import ChargerKey
from ocpplab_graphql.loaders.lists import Asked, Chargers
from ocpplab_graphql.loaders.store import Store, together
from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX


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
            unread = unread_pages_of(everywhere, at_most=calls)
            pages = choose(calls, total=everywhere.total, unread_pages=unread).pages
            asked = [("charger_by_id", key) for key in missing]
            chunks = [(page, PAGE_LIMIT_MAX) for page in pages]
            await read_chunks(store, client, Chargers(), everywhere, chunks, asked)
    finally:
        everywhere.turns.give_back()
    failures = await _read_groups(store, client, _unseen_chargers(store, keys), _keys_by_charger(keys))

    by_charger = _keys_by_charger(keys)

    def single(charger_id: str) -> Single:
        asked = by_charger[charger_id]
        return read_single(store, ChargerRecord, charger_id, charger_id, asked, client.charger, charger_id)

    unseen = (key.charger_id for key in _unseen_chargers(store, keys))
    left = [charger_id for charger_id in unseen if charger_id not in failures]
    failures |= await read_singly(left, single)
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
