"""
What one operation asked for, and which calls served it: the trace that a client may ask for.

Kept only when it is asked for. `minimum` is computed from what was asked, not from what was called.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ocpplab_graphql.gateway.client import Call
from ocpplab_graphql.gateway.routes import Request
from ocpplab_graphql.loaders.keys import ChargerKey
from ocpplab_graphql.loaders.lists import ChargerLogs, Chargers, GatewayList, home_of
from ocpplab_graphql.loaders.store import ListState, Store
from ocpplab_graphql.loaders.windows import PAGE_LIMIT_MAX, offsets_covering, pages_covering

PATHS_SHOWN = 10

# (name of the loader, its key): one thing that was asked for.
Asked = tuple[str, Any]


class Trace:
    """What was asked for by which response paths, and what each request was to bring."""

    def __init__(self) -> None:
        self._paths: dict[Asked, list[str]] = {}
        self._serves: dict[Request, set[Asked]] = defaultdict(set)
        self._rows: dict[Request, int] = {}

    def asks(self, asked: Asked, path: Iterable[str | int]) -> None:
        """A field at `path` of the response asks for something."""
        paths = self._paths.setdefault(asked, [])
        text = ".".join(str(part) for part in path)
        if text not in paths:
            paths.append(text)

    def serves(self, request: Request, asked: Iterable[Asked]) -> None:
        """A request is to bring these."""
        self._serves[request].update(asked)

    def brought(self, request: Request, rows: int) -> None:
        """The reply to a request held so many rows."""
        self._rows[request] = rows

    def rows(self, calls: Iterable[Call]) -> list[dict[str, Any]]:
        """One row per call, in the order of their beginning."""
        return [self._row(call) for call in sorted(calls, key=lambda call: call.start_ms)]

    def _row(self, call: Call) -> dict[str, Any]:
        paths = list(
            dict.fromkeys(
                p for asked in self._serves.get(call.request, ()) for p in self._paths.get(asked, ())
            )
        )
        return {
            "route": call.request.name,
            "status": call.status,
            "startMs": round(call.start_ms, 3),
            "durationMs": round(call.duration_ms, 3),
            "bytes": call.body_bytes,
            # An attempt that failed brought none; the one after it did.
            "rows": self._rows.get(call.request) if call.status == 200 else None,
            "paths": sorted(paths)[:PATHS_SHOWN],
            "pathCount": len(paths),
        }

    def minimum(self, store: Store, writes: int) -> int:
        """
        The calls that a planner would have made that knew all totals and positions beforehand.

        An id that no page held has no known position and counts as one call.
        """
        return writes + _minimum(store, self._paths)


def _minimum(store: Store, asked: Iterable[Asked]) -> int:
    positions: dict[GatewayList, set[int]] = {}
    chargers: list[ChargerKey] = []
    alone = 0
    for loader, key in asked:
        if loader == "window":
            of, window = key
            wanted = positions.setdefault(of, set())
            if window.rows:
                wanted.update(range(*(window.span(store.list_state(of).total) or (0, 0))))
        elif loader == "charger_by_id":
            chargers.append(key)
        else:
            home = home_of(loader, key)
            at = _position(store.list_state(home[0]), home[1]) if home is not None else None
            if home is None or at is None:
                alone += 1
            else:
                positions.setdefault(home[0], set()).add(at)
    lists = sum(_pages(of, wanted) for of, wanted in positions.items())
    return alone + lists + _chargers(store, chargers, positions.get(Chargers(), set()))


def _position(state: ListState, row_id: str) -> int | None:
    return next(
        (p for p, row in state.rows.items() if getattr(row, getattr(row, "KEY", ""), None) == row_id), None
    )


def _pages(of: GatewayList, wanted: set[int]) -> int:
    """Calls for these positions of a list; one for its total alone."""
    ranges = ((p, p + 1) for p in wanted)
    covering = (
        offsets_covering(ranges, of.limit_max) if isinstance(of, ChargerLogs) else pages_covering(ranges)
    )
    return max(1, len(covering))


def _chargers(store: Store, keys: Iterable[ChargerKey], covered: set[int]) -> int:
    """
    Calls for full chargers: by location, or by further pages of the tenant's list if all stand there.

    Args:
        covered: positions of that list that are read anyhow.
    """
    places = {key.charger_id: key.ocpp_location_id for key in keys}
    found = {charger_id: _position(store.list_state(Chargers()), charger_id) for charger_id in places}
    left = [charger_id for charger_id, at in found.items() if at is None or at not in covered]
    by_place: dict[str, int] = defaultdict(int)
    for charger_id in left:
        place = places[charger_id]
        by_place[place if place is not None else f"\0{charger_id}"] += 1
    grouped = sum(-(-count // PAGE_LIMIT_MAX) for count in by_place.values())
    at = [found[charger_id] for charger_id in left]
    if covered and all(position is not None for position in at):
        return min(grouped, len(pages_covering((p, p + 1) for p in at if p is not None)))
    return grouped
