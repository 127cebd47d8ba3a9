"""
A gateway in memory: a world, served as the contract says, without socket or database.

Reads leave the world alone; who writes takes a copy of it first.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from ocpplab_graphql.gateway.transport import Reply
from tests.differential.world import MOMENTS, Row, World

# What moves on with each read: the ids that subscriptions follow.
SCRIPTED_JOB = World.uuid(900)
SCRIPTED_CPO = "102"
_SCRIPTED_TARGETS = {f"/ocpi/cpos/{SCRIPTED_CPO}/status", f"/ocpi/cpos/101/locations/jobs/{SCRIPTED_JOB}"}


class WorldGateway:
    """
    The transport to a world, with a count of what was sent.

    Attributes:
        sent: `GET /ocpi/cpos?page=1&limit=3`, in the order sent.
        scripted: whether `SCRIPTED_CPO` and `SCRIPTED_JOB` move on with each read. They wait until the client
            has heard of each state, so that none is passed over, however fast or slow anybody is.
    """

    def __init__(self, world: World, *, scripted: bool = False) -> None:
        self.world = world
        self.scripted = scripted
        self.sent: list[str] = []
        self._query: Mapping[str, list[str]] = {}
        self._body = b""
        self._step = 0
        self._states: list[str] = []
        self._events = 0
        self._event = asyncio.Event()

    async def send(self, method: str, url: str, _headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See Transport."""
        target = url.removeprefix("http://sandbox")
        self.sent.append(f"{method} {target}")
        if self.scripted and target in _SCRIPTED_TARGETS:
            await self._until_told()
        return self.reply(method, target, body)

    def told(self) -> None:
        """The client has got one more event."""
        self._events += 1
        self._event.set()

    async def _until_told(self) -> None:
        while self._events < len(self._states):
            self._event.clear()
            await self._event.wait()

    async def aclose(self) -> None:
        """See Transport."""

    def reply(self, method: str, target: str, body: bytes | None) -> Reply:
        """What the contract says of this request."""
        kept = self.world.kept
        if kept is None:
            return self._answer(method, target, body)
        if target not in kept:
            kept[target] = self._answer(method, target, body)
        return kept[target]

    def _answer(self, method: str, target: str, body: bytes | None) -> Reply:
        split = urlsplit(target)
        query = parse_qs(split.query, keep_blank_values=True)
        for route_method, pattern, answer in _ROUTES:
            found = pattern.fullmatch(split.path)
            if found is not None and method == route_method:
                ids = [unquote(part) for part in found.groups()]
                self._query, self._body = query, body or b""
                return answer(self, *ids)
        return _refused(404, "No such route.")

    # --------------------------------------------------------------------------------------------- reads

    def _page(self, rows: list[Row]) -> Reply:
        page, limit = int(self._query["page"][0]), int(self._query["limit"][0])
        some = rows[(page - 1) * limit : page * limit]
        return _json({"data": some, "total": len(rows), "page": page, "limit": limit})

    def _list_cpos(self) -> Reply:
        return self._page(list(self.world.cpos.values()))

    def _cpo(self, cpo_id: str) -> Reply:
        return _one(self.world.cpos.get(cpo_id))

    def _cpo_status(self, cpo_id: str) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        state = self.world.provisioning(cpo_id)
        if self.scripted and cpo_id == SCRIPTED_CPO:
            return self._script({"cpo_id": cpo_id, **state})
        return _json({"cpo_id": cpo_id, **state})

    def _report(self, cpo_id: str) -> Reply:
        found = {"cpo_id": cpo_id, "markdown": f"# CPO {cpo_id}\n| a | b |\n"}
        return _one(found if cpo_id in self.world.cpos else None)

    def _list_locations(self, cpo_id: str) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        return self._page(list(self.world.places.get(cpo_id, {}).values()))

    def _location(self, cpo_id: str, location_id: str) -> Reply:
        return _one(self.world.places.get(cpo_id, {}).get(location_id))

    def _job(self, cpo_id: str, job_id: str) -> Reply:
        if self.scripted and job_id == SCRIPTED_JOB:
            results = {"location_ids": [*self.world.places["101"]][:2], "failed": []}
            return self._script({"job_id": job_id, "workflow_run_id": "w", "results": results})
        job = self.world.jobs.get((cpo_id, job_id))
        return _one({key: value for key, value in job.items() if key != "cpo"} if job else None)

    def _script(self, row: Row) -> Reply:
        """The next state of what is followed: five reads, four states, or five with a failure among them."""
        script = [
            "PENDING",
            "PROVISIONING",
            "PROVISIONING",
            "" if self.world.seed % 2 else "PROVISIONING",
            "READY",
        ]
        status = script[min(self._step, len(script) - 1)]
        self._step += 1
        if self._states[-1:] != [status]:
            self._states.append(status)
        if not status:
            return _refused(503, "Not now.")
        return _json(
            {
                **row,
                "status": status,
                "error": None,
                "provisioned_at": MOMENTS[1] if status == "READY" else None,
            }
        )

    def _cpo_templates(self) -> Reply:
        return _json({"data": self.world.cpo_templates, "total": len(self.world.cpo_templates)})

    def _location_templates(self) -> Reply:
        kind, version = self._query.get("type", [None])[0], self._query.get("ocpp_version", [None])[0]
        rows = [
            row
            for row in self.world.location_templates
            if kind in {None, row.get("type")} and version in {None, "OCPP1.6", "OCPP2.0.1"}
        ]
        return _json({"data": rows, "total": len(rows)})

    def _list_chargers(self) -> Reply:
        place = self._query.get("location_id", [None])[0]
        rows = [row for row in self.world.chargers.values() if place in {None, row.get("location_id")}]
        return self._page(rows)

    def _charger(self, charger_id: str) -> Reply:
        return _one(self.world.chargers.get(charger_id))

    def _charger_status(self, charger_id: str) -> Reply:
        known = charger_id in self.world.chargers
        return _one({"charger_id": charger_id, **self.world.provisioning(charger_id)} if known else None)

    def _logs(self, charger_id: str) -> Reply:
        limit, offset = int(self._query["limit"][0]), int(self._query["offset"][0])
        action = self._query.get("event", [None])[0]
        rows = [row for row in self.world.logs.get(charger_id, ()) if action in {None, row.get("action")}]
        return _json(
            {"data": rows[offset : offset + limit], "total": len(rows), "limit": limit, "offset": offset}
        )

    def _chargers_of_location(self, place: str) -> Reply:
        there = {key: row for key, row in self.world.chargers.items() if row.get("location_id") == place}
        wanted = self._query.get("charger_ids", [])
        if not there:
            return _refused(404, "Unknown location.")
        if any(charger_id not in there for charger_id in wanted):
            return _refused(400, "Not all of them are at this location.")
        return self._page([there[charger_id] for charger_id in wanted])

    # -------------------------------------------------------------------------------------------- writes

    def _create_cpo(self) -> Reply:
        given = msgspec.json.decode(self._body)
        if given["template"] not in {row["slug"] for row in self.world.cpo_templates}:
            return _refused(404, "Unknown template.")
        if given["name_prefix"].startswith("REFUSE"):
            return _complaint(["body", "name_prefix"], "String should not begin with REFUSE")
        self.world.made += 1
        cpo_id = str(500 + self.world.made)
        self.world.cpos[cpo_id] = {
            "cpo_id": cpo_id,
            "name_prefix": given["name_prefix"],
            "template": given["template"],
        }
        self.world.places[cpo_id] = {}
        told = {"cpo_id": cpo_id, "token_a": "secret-a", "status": "PENDING", "workflow_run_id": "wfr_c"}
        helper = {"credentials_payload": {"token": "secret", "n": 1}, "curl_snippet": "curl -X POST"}
        return _json({**told, "roam_helper": helper if self.world.made % 2 else None}, 202)

    def _delete_cpo(self, cpo_id: str) -> Reply:
        self.world.cpos.pop(cpo_id, None)
        self.world.places.pop(cpo_id, None)
        return Reply(204, {}, b"")

    def _create_locations(self, cpo_id: str) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        given = msgspec.json.decode(self._body)["locations"]
        for index, item in enumerate(given):
            if item.get("name", "").startswith("REFUSE"):
                return _complaint(["body", "locations", index, "name"], "Value error, not this name")
            if item.get("template") == "unknown":
                return _refused(400, "Unknown template: unknown")
        self.world.made += 1
        job_id = self.world.uuid(500 + self.world.made)
        ids = [f"loc-new-{self.world.made}-{n}" for n in range(len(given))]
        for location_id in ids:
            self.world.places[cpo_id][location_id] = {"id": location_id, "name": "New", "chargers": []}
        job = {"job_id": job_id, "status": "READY", "results": {"location_ids": ids}}
        self.world.jobs[cpo_id, job_id] = {"cpo": cpo_id, **job}
        return _json({"job_id": job_id, "status": "PROVISIONING", "workflow_run_id": "wfr_b"}, 202)

    def _update_location(self, cpo_id: str, location_id: str) -> Reply:
        row = self.world.places.get(cpo_id, {}).get(location_id)
        if row is None:
            return _refused(404, "Unknown location.")
        given = msgspec.json.decode(self._body)
        if not given:
            return _refused(400, "Nothing to change.")
        if str(given.get("name", "")).startswith("REFUSE"):
            return _complaint(["body", "name"], "Value error, not this name")
        row = {**row, **{key: value for key, value in given.items() if key != "parking_type"}}
        self.world.places[cpo_id][location_id] = row
        return _json(row)

    def _delete_location(self, cpo_id: str, location_id: str) -> Reply:
        row = self.world.places.get(cpo_id, {}).pop(location_id, None)
        return _refused(404, "Unknown location.") if row is None else Reply(204, {}, b"")


ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
    ("GET", "/ocpi/cpos", WorldGateway._list_cpos),
    ("POST", "/ocpi/cpos", WorldGateway._create_cpo),
    ("GET", "/ocpi/templates/cpos", WorldGateway._cpo_templates),
    ("GET", "/ocpp/templates/locations", WorldGateway._location_templates),
    ("GET", "/ocpp/chargers", WorldGateway._list_chargers),
    ("GET", "/ocpi/cpos/{cpo_id}", WorldGateway._cpo),
    ("DELETE", "/ocpi/cpos/{cpo_id}", WorldGateway._delete_cpo),
    ("GET", "/ocpi/cpos/{cpo_id}/status", WorldGateway._cpo_status),
    ("GET", "/ocpi/cpos/{cpo_id}/report", WorldGateway._report),
    ("GET", "/ocpi/cpos/{cpo_id}/locations", WorldGateway._list_locations),
    ("POST", "/ocpi/cpos/{cpo_id}/locations", WorldGateway._create_locations),
    ("GET", "/ocpi/cpos/{cpo_id}/locations/{location_id}", WorldGateway._location),
    ("PATCH", "/ocpi/cpos/{cpo_id}/locations/{location_id}", WorldGateway._update_location),
    ("DELETE", "/ocpi/cpos/{cpo_id}/locations/{location_id}", WorldGateway._delete_location),
    ("GET", "/ocpi/cpos/{cpo_id}/locations/jobs/{job_id}", WorldGateway._job),
    ("GET", "/ocpp/chargers/{charger_id}", WorldGateway._charger),
    ("GET", "/ocpp/chargers/{charger_id}/status", WorldGateway._charger_status),
    ("GET", "/ocpp/chargers/{charger_id}/logs", WorldGateway._logs),
    ("GET", "/ocpp/locations/{ocpp_location_id}/chargers", WorldGateway._chargers_of_location),
)
_ROUTES = [
    (method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", route)), answer) for method, route, answer in ROUTES
]


def route_of(method: str, target: str) -> str:
    """`GET /ocpi/cpos/{cpo_id}`, of a method and a target."""
    path = target.partition("?")[0]
    return next(
        (
            f"{m} {route}"
            for (m, route, _), (_, p, _) in zip(ROUTES, _ROUTES, strict=True)
            if m == method and p.fullmatch(path)
        ),
        f"{method} ?",
    )


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, {}, msgspec.json.encode(value))


def _one(row: Row | None) -> Reply:
    return _refused(404, "Unknown, or no longer there.") if row is None else _json(row)


def _refused(status: int, detail: str) -> Reply:
    return _json({"detail": detail}, status)


def _complaint(loc: list[str | int], message: str) -> Reply:
    return _json({"detail": [{"loc": loc, "msg": message, "type": "value_error", "input": None}]}, 422)
