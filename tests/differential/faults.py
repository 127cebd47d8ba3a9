"""
How a gateway breaks its contract, as data: a fault is drawn from a seed, and says the same to whoever asks the same.

Two kinds. A fault of a row spoils one value of some rows, wherever these rows appear; which rows is told by
their ids. A fault of a route spoils whole replies; which replies is told by their targets. Neither depends on
the order of calls, so that executors that ask in another order are lied to in the same way.
"""

import json
import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.transport import Reply, TransportFailed
from tests.differential.serving import WorldGateway, route_of

DROPPED = "(dropped)"
# What stands in place of a value.
WRONG_VALUES: tuple[Any, ...] = (
    *(DROPPED, None, 7, -1, 0, 2**31, -(2**31) - 1, 2**40, 10**30, 1.5, 3.0, -0.0, 1e300),
    *("", "x", "É\u0000\u2028😀", "0", "true", "x" * 3000, True, False),
    *([], [1], [None], ["a", "b"], {}, {"a": 1}, [[]], [{}]),
    *("not-a-date", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-04-16T10:15:30", "2026-04-16 10:15:30Z", "2026-04-16T10:15:30.123456789+02:00", 1776334530),
    *("WEIRD_STATUS", "ready", "READY", "PENDING", "AC-DC", "AC_DC", {"latitude": 1, "longitude": "2"}),
)
# What stands in place of an id.
WRONG_IDS: tuple[Any, ...] = (
    DROPPED,
    None,
    "",
    5,
    "a/b",
    "a:b",
    "ü %2F",
    " ",
    "..",
    "x" * 300,
    "0101",
    "-1",
    [],
    "\n",
)
# Per kind of row: where a value may be spoilt. `*` goes into each item of a list.
PATHS: Mapping[str, tuple[str, ...]] = {
    "cpo": (
        *("party", "party.country_code", "party.role", "name_prefix", "template", "template_version"),
        *("ocpi_peer_url", "topology", "topology.locations", "topology.evses", "expires_at", "created_at"),
        *("updated_at", "cpo_id"),
    ),
    "location": (
        *("ocpp_location_id", "organization_id", "slug", "name", "address", "city", "country", "coordinates"),
        *("coordinates.latitude", "coordinates.longitude", "timezone", "owner_name", "public", "created_at"),
        *("updated_at", "chargers", "chargers.*", "chargers.*.id", "chargers.*.identity", "id"),
        *("chargers.*.connector_type", "chargers.*.ocpp_version", "chargers.*.charge_point_id"),
        *("chargers.*.evses", "chargers.*.evses.*", "chargers.*.evses.*.evse_uid"),
        "chargers.*.evses.*.ocpi_evse_id",
    ),
    "charger": (
        *("identity", "name", "vendor_name", "model", "image_url", "ocpp_version", "number_of_connectors"),
        *("max_charging_power", "connector_type", "location_id", "created_at", "updated_at", "id"),
    ),
    "provisioning": (
        *("status", "workflow_run_id", "error", "error.code", "error.message", "progress"),
        *("progress.current_step", "provisioned_at"),
    ),
    "report": ("markdown",),
    "job": (
        *("status", "workflow_run_id", "error", "error.code", "error.retryable", "results", "job_id"),
        *("results.location_ids", "results.location_ids.*", "results.failed", "results.failed.*"),
        *("results.failed.*.index", "results.failed.*.error", "provisioned_at"),
    ),
    "log": ("direction", "action", "message", "timestamp"),
    "cpo template": ("slug", "version", "description", "locations", "chargers"),
    "location template": (
        *("slug", "country", "parking_type", "type", "charger_groups", "charger_groups.*"),
        *("charger_groups.*.count", "charger_groups.*.nominal_kw", "charger_groups.*.brand_slug"),
    ),
}
_IDS = {"cpo_id", "id", "job_id", "slug", "evse_uid"}
_KINDS: Mapping[str, str] = {
    "GET /ocpi/cpos": "cpo",
    "GET /ocpi/cpos/{cpo_id}": "cpo",
    "GET /ocpi/cpos/{cpo_id}/status": "provisioning",
    "GET /ocpi/cpos/{cpo_id}/report": "report",
    "GET /ocpi/cpos/{cpo_id}/locations": "location",
    "GET /ocpi/cpos/{cpo_id}/locations/{location_id}": "location",
    "PATCH /ocpi/cpos/{cpo_id}/locations/{location_id}": "location",
    "GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}": "job",
    "GET /ocpp/chargers": "charger",
    "GET /ocpp/chargers/{charger_id}": "charger",
    "GET /ocpp/chargers/{charger_id}/status": "provisioning",
    "GET /ocpp/chargers/{charger_id}/logs": "log",
    "GET /ocpp/locations/{ocpp_location_id}/chargers": "charger",
    "GET /ocpi/templates/cpos": "cpo template",
    "GET /ocpp/templates/locations": "location template",
}
_WRITES = (
    "POST /ocpi/cpos",
    "POST /ocpi/cpos/{cpo_id}/locations",
    "DELETE /ocpi/cpos/{cpo_id}",
    "DELETE /ocpi/cpos/{cpo_id}/locations/{location_id}",
)


# What stands in a document, and the rows and routes behind it.
_NEAR: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cpos": (("cpo",), ("GET /ocpi/cpos",)),
    "cpo(": (("cpo",), ("GET /ocpi/cpos/{cpo_id}", "GET /ocpi/cpos/{cpo_id}/locations")),
    "CPO:": (("cpo",), ("GET /ocpi/cpos/{cpo_id}",)),
    "locations": (("location",), ("GET /ocpi/cpos/{cpo_id}/locations",)),
    "ocation(": (("location",), ("GET /ocpi/cpos/{cpo_id}/locations/{location_id}",)),
    "on Location": (("location",), ("GET /ocpi/cpos/{cpo_id}/locations/{location_id}",)),
    "chargers": (
        ("charger", "location"),
        ("GET /ocpp/locations/{ocpp_location_id}/chargers", "GET /ocpp/chargers"),
    ),
    "charger(": (("charger",), ("GET /ocpp/chargers/{charger_id}",)),
    "on Charger": (("charger",), ("GET /ocpp/chargers/{charger_id}",)),
    "rovisioning": (
        ("provisioning",),
        ("GET /ocpi/cpos/{cpo_id}/status", "GET /ocpp/chargers/{charger_id}/status"),
    ),
    "reportMarkdown": (("report",), ("GET /ocpi/cpos/{cpo_id}/report",)),
    "ulkLocationJob": (("job", "location"), ("GET /ocpi/cpos/{cpo_id}/locations/jobs/{job_id}",)),
    "logs": (("log",), ("GET /ocpp/chargers/{charger_id}/logs",)),
    "cpoTemplates": (("cpo template",), ("GET /ocpi/templates/cpos",)),
    "locationTemplates": (("location template",), ("GET /ocpp/templates/locations",)),
    "createCPO": (("cpo",), ("POST /ocpi/cpos",)),
    "deleteCPO": (("cpo",), ("DELETE /ocpi/cpos/{cpo_id}",)),
    "deleteLocation": (("location",), ("DELETE /ocpi/cpos/{cpo_id}/locations/{location_id}",)),
    "updateLocation": (("location",), ("PATCH /ocpi/cpos/{cpo_id}/locations/{location_id}",)),
    "bulkCreateLocations": (("job",), ("POST /ocpi/cpos/{cpo_id}/locations",)),
}


@dataclass(frozen=True)
class RowFault:
    """One value of one kind of row, wrong in the rows that `salt` picks, one in `every`."""

    kind: str
    path: str
    value: Any
    salt: int
    every: int

    def hits(self, row: Any) -> bool:
        """Whether this row is one of them."""
        return _chance(f"{self.salt} {_identity(row)}", self.every)


@dataclass(frozen=True)
class RouteFault:
    """Whole replies of one route, in the targets that `salt` picks, one in `every`; `lie` names how."""

    route: str
    lie: str
    salt: int
    every: int

    def hits(self, target: str) -> bool:
        """Whether the reply to this target is one of them."""
        return _chance(f"{self.salt} {target}", self.every)


Fault = RowFault | RouteFault


def draw(pick: random.Random, document: str) -> Fault:
    """Some fault, mostly of what the fields of a document are read from."""
    near = [group for field, group in _NEAR.items() if field in document] if pick.random() < 0.85 else []
    salt, every = pick.randrange(10**6), pick.choice([1, 1, 1, 2, 4])
    kinds = [kind for group in near for kind in group[0]] or [*PATHS]
    routes = [route for group in near for route in group[1]] or [*_KINDS, *_WRITES]
    writes = [route for route in routes if route in _WRITES]
    if writes and pick.random() < 0.3:
        return RouteFault(
            pick.choice(writes), pick.choice(["lost", "timeout", "500", "html", "403"]), salt, 1
        )
    if pick.random() < 0.5:
        kind = pick.choice(kinds)
        path = pick.choice(PATHS[kind]) if pick.random() < 0.92 else ""
        values = WRONG_IDS if path.rpartition(".")[2] in _IDS else WRONG_VALUES
        return RowFault(kind, path, pick.choice(values), salt, every)
    refusals = ["401", "403", "404", "422", "429", "500", "503", "timeout", "down", "lost"]
    lie = pick.choice(refusals if pick.random() < 0.5 else [*LIES])
    return RouteFault(pick.choice(routes), lie, salt, every)


class LyingGateway(WorldGateway):
    """A world's gateway with faults."""

    def __init__(self, inner: WorldGateway, faults: tuple[Fault, ...]) -> None:
        super().__init__(inner.world, scripted=inner.scripted)
        self._faults = faults

    def reply(self, method: str, target: str, body: bytes | None) -> Reply:
        """The world's reply, spoilt."""
        route = route_of(method, target)
        whole = [f for f in self._faults if isinstance(f, RouteFault) and f.route == route and f.hits(target)]
        if whole and whole[0].lie in _UNSEEN:
            failure = _UNSEEN[whole[0].lie]()
            raise failure
        reply = super().reply(method, target, body)
        rows = [f for f in self._faults if isinstance(f, RowFault) and f.kind == _KINDS.get(route)]
        if rows and reply.status == 200:
            reply = Reply(200, reply.headers, _spoilt_rows(reply.body, rows))
        for fault in whole:
            reply = LIES[fault.lie](reply, _digest(target))
        return reply


def _spoilt_rows(body: bytes, faults: list[RowFault]) -> bytes:
    told = msgspec.json.decode(body)
    if isinstance(told.get("data"), list) and "total" in told:
        told["data"] = [_spoilt_row(row, faults) for row in told["data"]]
        return _encoded(told)
    return _encoded(_spoilt_row(told, faults))


def _spoilt_row(row: Any, faults: list[RowFault]) -> Any:
    for fault in [fault for fault in faults if fault.hits(row)]:
        row = _set(row, fault.path.split(".") if fault.path else [], fault.value)
    return row


def _set(value: Any, path: list[str], wrong: Any) -> Any:
    """`value` with `wrong` at `path`, as far as the path leads anywhere."""
    if not path:
        return None if wrong == DROPPED else wrong
    head, *rest = path
    if head == "*" and isinstance(value, list):
        return [_set(item, rest, wrong) if n % 2 == 0 else item for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if not rest and wrong == DROPPED:
        return {key: item for key, item in value.items() if key != head}
    if not rest or head in value:
        return {**value, head: _set(value.get(head), rest, wrong)}
    return value


def _envelope(change: Callable[[dict[str, Any], int], dict[str, Any]]) -> Callable[[Reply, int], Reply]:
    """A lie about the envelope of a list; other bodies are changed as they are."""

    def lie(reply: Reply, digest: int) -> Reply:
        try:
            told = msgspec.json.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError):  # another lie came before
            return reply
        if not isinstance(told, dict) or reply.status != 200:
            return reply
        return Reply(reply.status, reply.headers, _encoded(change(told, digest)))

    return lie


def _always(status: int, headers: Mapping[str, str], body: bytes) -> Callable[[Reply, int], Reply]:
    return lambda _reply, _digest: Reply(status, headers, body)


def _rows(told: dict[str, Any]) -> list[Any]:
    rows = told.get("data")
    return rows if isinstance(rows, list) else []


# Before the world sees the request.
_UNSEEN: Mapping[str, Callable[[], Exception]] = {
    "down": lambda: TransportFailed("no connection (ConnectError)", sent=False),
    "lost": lambda: TransportFailed("connection lost", sent=True),
    # The same way out as a deadline that passes, without the wait.
    "timeout": TimeoutError,
    "too large": lambda: GatewayInvalidResponse("The gateway sent more than 100 bytes in one reply."),
    "crash": lambda: ZeroDivisionError("inner"),
}
LIES: Mapping[str, Callable[[Reply, int], Reply]] = {
    **dict.fromkeys(_UNSEEN, lambda reply, _digest: reply),
    "400": _always(400, {}, b'{"detail": "No, because."}'),
    "401": _always(401, {}, b""),
    "403": _always(403, {}, b'{"detail": "no"}'),
    "404": _always(404, {}, b'{"detail": "gone"}'),
    "409": _always(409, {}, b'{"detail": []}'),
    "422": _always(422, {}, b'{"detail": [{"loc": ["query", "page"], "msg": "Not this.", "type": "t"}, 7]}'),
    "429": _always(429, {"retry-after": "3"}, b"slow down"),
    "500": _always(500, {}, b"oops"),
    "503": _always(503, {"retry-after": "soon"}, b""),
    "302": _always(302, {"location": "/"}, b""),
    "204": _always(204, {}, b""),
    "html": _always(200, {}, b"<html>"),
    "null": _always(200, {}, b"null"),
    "number": _always(200, {}, b"3"),
    "list": _always(200, {}, b"[]"),
    "object": _always(200, {}, b"{}"),
    "not utf-8": _always(200, {}, b'{"data": ["\xff"]}'),
    "cut": lambda reply, _digest: Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2]),
    "deep": _always(200, {}, b"[" * 20_000),
    "nan": lambda reply, _d: Reply(reply.status, reply.headers, reply.body.replace(b"null", b"NaN", 1)),
    "total -1": _envelope(lambda told, _d: {**told, "total": -1}),
    "total more": _envelope(lambda told, _d: {**told, "total": told.get("total", 0) + 7}),
    "total less": _envelope(lambda told, _d: {**told, "total": max(0, told.get("total", 0) - 2)}),
    "total varies": _envelope(lambda told, digest: {**told, "total": digest % 140}),
    "total float": _envelope(lambda told, _d: {**told, "total": 3.0}),
    "total huge": _envelope(lambda told, _d: {**told, "total": 2**31}),
    "total text": _envelope(lambda told, _d: {**told, "total": "3"}),
    "no total": _envelope(lambda told, _d: {k: v for k, v in told.items() if k != "total"}),
    "page": _envelope(lambda told, _d: {**told, "page": 2}),
    "limit": _envelope(lambda told, _d: {**told, "limit": 51}),
    "offset": _envelope(lambda told, _d: {**told, "offset": 1}),
    "no data": _envelope(lambda told, _d: {k: v for k, v in told.items() if k != "data"}),
    "data null": _envelope(lambda told, _d: {**told, "data": None}),
    "data object": _envelope(lambda told, _d: {**told, "data": {"0": {}}}),
    "short": _envelope(lambda told, _d: {**told, "data": _rows(told)[:-1]}),
    "empty": _envelope(lambda told, _d: {**told, "data": []}),
    "long": _envelope(lambda told, _d: {**told, "data": _rows(told) + _rows(told)[:1] * 101}),
    "twice": _envelope(lambda told, _d: {**told, "data": _rows(told)[:1] * len(_rows(told))}),
    "backwards": _envelope(lambda told, _d: {**told, "data": _rows(told)[::-1]}),
    "a null row": _envelope(lambda told, _d: {**told, "data": [None, *_rows(told)[1:]]}),
    "a bare row": _envelope(lambda told, _d: {**told, "data": [{}, *_rows(told)[1:]]}),
    "more keys": _envelope(lambda told, _d: {"x": 1, **told, "next": {"a": [1]}}),
}


def _identity(row: Any) -> str:
    named = row if isinstance(row, dict) else {}
    return next(
        (
            str(named[key])
            for key in ("cpo_id", "charger_id", "job_id", "id", "slug", "message")
            if named.get(key)
        ),
        "?",
    )


def _digest(text: str) -> int:
    return zlib.crc32(text.encode())


def _chance(text: str, every: int) -> bool:
    return _digest(text) % every == 0


def _encoded(value: Any) -> bytes:
    # Integers beyond 64 bits are JSON too; msgspec does not write them.
    try:
        return msgspec.json.encode(value)
    except (OverflowError, TypeError):
        return json.dumps(value).encode()
