"""
A small gateway in memory: a world made from a seed, served as the contract says, without socket or database.

Equal seeds make equal worlds, byte for byte. Reads leave the world alone; who writes takes a copy.
Optional values are left out or null here and there, as the contract allows.
"""

import asyncio
import copy
import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import msgspec

from ocpplab_graphql.gateway.transport import Reply

Row = dict[str, Any]
_ORGANIZATION = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"
_CITIES = ["Paris", "Köln", "Łódź", 'Saint-"Denis"', "Zürich\\West", "Praha\u2028", "東京"]
_ACTIONS = ["BootNotification", "Heartbeat", "StatusNotification", "MeterValues"]
_MOMENTS = [
    "2026-04-16T10:15:30Z",
    "2026-04-16T10:15:30.123456Z",
    "2026-04-16T12:15:30+02:00",
    "2026-04-16T10:15:30",
    "1999-12-31T23:59:59.999Z",
]
# Locations of each CPO: many pages, a page, a few, none, one.
_SIZES = {"101": 130, "102": 12, "103": 4, "104": 0, "105": 1}
JOB_STATES = ("PENDING", "PROVISIONING", "READY", "FAILED", "MENDING", None)


class World:
    """
    What one gateway holds: rows by their ids, in the order in which lists give them.

    Attributes:
        kept: replies to reads, by target: a world that nobody changes gives them again.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(f"world {seed}")
        self.cpos: dict[str, Row] = {cpo_id: self._cpo(cpo_id) for cpo_id in _SIZES}
        self.places: dict[str, dict[str, Row]] = {cpo_id: {} for cpo_id in _SIZES}
        self.chargers: dict[str, Row] = {}
        for cpo_id, size in _SIZES.items():
            for n in range(1, size + 1):
                self._settle(cpo_id, f"loc-{n}" if n != 3 else "loc é:3%")
        self.jobs: dict[tuple[str, str], Row] = {(job["cpo"], job["job_id"]): job for job in self._jobs()}
        self.cpo_templates = [self._cpo_template(n) for n in range(3)]
        self.location_templates = [self._location_template(n) for n in range(6)]
        self.logs = {charger_id: self._log(charger_id) for charger_id in [*self.chargers][:12]}
        self.made = 0
        self.kept: dict[str, Reply] | None = {}

    def copied(self) -> "World":
        """Another world that is equal until one of them is changed: rows are replaced, never changed."""
        copied = copy.copy(self)
        copied.cpos, copied.jobs = dict(self.cpos), dict(self.jobs)
        copied.places = {cpo_id: dict(places) for cpo_id, places in self.places.items()}
        copied.kept = None
        return copied

    # ------------------------------------------------------------------------------------- what there is

    def _some(self, row: Row, *required: str) -> Row:
        """The row with a few optional values null or absent."""
        kept = {}
        for key, value in row.items():
            chance = self._random.random()
            if key not in required and chance < 0.04:
                continue
            kept[key] = None if key not in required and chance < 0.08 else value
        return kept

    def _moments(self) -> Row:
        return {
            "created_at": self._random.choice(_MOMENTS),
            "updated_at": self._random.choice(_MOMENTS),
        }

    def _cpo(self, cpo_id: str) -> Row:
        pick = self._random
        return self._some(
            {
                "cpo_id": cpo_id,
                "party": {"country_code": "FR", "party_id": f"A{cpo_id[-2:]}", "role": "CPO"},
                "name_prefix": f"demo {cpo_id} “é”",
                "template": "small-urban-ac",
                "template_version": pick.randint(1, 9),
                "token_a": None,
                "ocpi_peer_url": "https://api.ocpplab.test/ocpi/2.2.1/versions",
                "topology": {
                    "locations": _SIZES.get(cpo_id, 0),
                    "chargers": 6,
                    "evses": 6,
                    "connectors": None if pick.random() < 0.3 else 6,
                },
                "expires_at": pick.choice([None, *_MOMENTS]),
                "report_url": f"/ocpi/cpos/{cpo_id}/report",
                "unknown": {"to": ["us"]},
                **self._moments(),
            },
            "cpo_id",
        )

    def _settle(self, cpo_id: str, location_id: str) -> Row:
        """A new location of a CPO, with its chargers."""
        pick = self._random
        place = f"ocpp-{cpo_id}-{location_id}"
        row = self._some(
            {
                "id": location_id,
                "ocpp_location_id": place,
                "organization_id": _ORGANIZATION,
                "slug": f"site-{location_id}",
                "name": f"Site {location_id} \t<&>",
                "address": "14 Rue de la Paix",
                "city": pick.choice(_CITIES),
                "country": "FR",
                "coordinates": pick.choice(
                    [
                        {"latitude": 48.8566, "longitude": 2.3522},
                        {"latitude": 0, "longitude": -0.0},
                        {"latitude": 1e-7, "longitude": 1.7e2},
                        None,
                    ]
                ),
                "timezone": "Europe/Paris",
                "owner_name": "VINCI Autoroutes",
                "public": pick.choice([True, False]),
                "chargers": [
                    self._charger(place, cpo_id, location_id, n) for n in range(pick.choice([0, 1, 2, 2, 3]))
                ],
                **self._moments(),
            },
            "id",
        )
        self.places[cpo_id][location_id] = row
        return row

    def _charger(self, place: str, cpo_id: str, location_id: str, n: int) -> Row:
        """A new charger; its summary is returned."""
        pick = self._random
        charger_id = f"dep-{cpo_id}-{location_id}-{n}"
        common = {"id": charger_id, "identity": f"SITE_{charger_id}"}
        kind = {"connector_type": pick.choice(["CCS2", "Type2"]), "ocpp_version": "OCPP1.6"}
        self.chargers[charger_id] = self._some(
            {
                **common,
                **kind,
                "name": f"Charger {n}",
                "vendor_name": "Alfen",
                "model": "Eve",
                "image_url": "https://img.test/eve.png",
                "number_of_connectors": 2,
                "max_charging_power": 22000,
                "location_id": place,
                **self._moments(),
            },
            "id",
            "identity",
        )
        evses = [
            {"evse_uid": f"{charger_id}-e{m}", "ocpi_evse_id": f"FR*ABC*E{m}", "ocpi_connector_id": None}
            for m in range(pick.choice([0, 1, 2]))
        ]
        more = {"charge_point_id": f"cp-{charger_id}", "evses": evses} if pick.random() < 0.5 else {}
        return self._some({**common, **(kind if pick.random() < 0.8 else {}), **more}, "id", "identity")

    def _jobs(self) -> Iterator[Row]:
        ids = [*self.places["101"]][:8]
        failed = {
            "index": 1,
            "name": "Bad",
            "error": {"code": "taken", "message": "It is taken.", "retryable": False},
        }
        results: list[Any] = [
            {
                "location_ids": ids,
                "failed": [failed, {"error": "as text"}, 7, {"index": -1, "error": {"message": 5}}],
            },
            {"locations": [{"id": ids[0]}, {"location_id": ids[1]}, ids[2], "loc-gone"], "note": "é"},
            {"created": [], "failed": []},
            {"location_ids": [ids[0], {}]},
            {},
            None,
        ]
        error = {"code": "boom", "message": "It failed.", "step": "create", "param": None, "retryable": True}
        for n, state in enumerate(JOB_STATES * 2):
            yield {
                "cpo": "101" if n < 9 else "102",
                "job_id": self.uuid(n),
                "job_type": "locations",
                "status": state,
                "workflow_run_id": f"wfr_{n}",
                "error": error if state == "FAILED" else None,
                "results": results[n % len(results)] if state in {"READY", "FAILED"} or n > 6 else None,
                "provisioned_at": self._random.choice(_MOMENTS) if state == "READY" else None,
            }

    @staticmethod
    def uuid(n: int) -> str:
        """The id of the nth job."""
        return str(UUID(int=0x4F6B5E0E7D1A4B0A9C2EABC123450000 + n))

    def _cpo_template(self, n: int) -> Row:
        return self._some(
            {"slug": f"small-{n}", "version": n, "description": None, "locations": n, "chargers": 3 * n},
            "slug",
        )

    def _location_template(self, n: int) -> Row:
        group = {
            "brand_slug": "alfen",
            "model_slug": "eve",
            "connector_type": "Type2",
            "ocpp_version": "OCPP1.6" if n % 2 else "OCPP2.0.1",
            "count": n,
            "nominal_kw": self._random.choice([22, 7.4, 11.0001, None, 1e12]),
        }
        return self._some(
            {
                "slug": f"urban-{n}",
                "country": "FR",
                "parking_type": self._random.choice(["ON_STREET", "NEW_KIND"]),
                "type": ["AC", "DC", "AC-DC", "HYDROGEN"][n % 4],
                "charger_groups": [group] * (n % 3),
            },
            "slug",
        )

    def _log(self, charger_id: str) -> list[Row]:
        return [
            self._some(
                {
                    "direction": "cp_to_csms",
                    "action": self._random.choice(_ACTIONS),
                    "message": f'[2,"{n}","{charger_id}",{{}}]',
                    "timestamp": f"2026-04-16T10:{n % 60:02}:00Z",
                }
            )
            for n in range(self._random.choice([0, 3, 75]))
        ]

    def provisioning(self, of: str) -> Row:
        """How a CPO or charger stands: always the same of one, except of those in `SCRIPTS`."""
        state = random.Random(f"{self.seed} {of}").choice([*JOB_STATES, "READY", "READY"])
        return {
            "status": state,
            "workflow_run_id": f"wfr-{of}",
            "error": {"code": "unknown_error", "message": "x" * 40} if state == "FAILED" else None,
            "progress": {"current_step": "wiring"} if state == "PROVISIONING" else None,
            "provisioned_at": _MOMENTS[0] if state == "READY" else None,
        }


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
        self._step = 0
        self._states: list[str] = []
        self._events = 0
        self._event = asyncio.Event()

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See Transport."""
        target = url.removeprefix("http://sandbox")
        self.sent.append(f"{method} {target}")
        if self.scripted and target in _SCRIPTED_TARGETS:
            await self._until_told()
        return self.reply(method, target, headers, body)

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

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """What the contract says of this request."""
        kept = self.world.kept
        if kept is None:
            return self._reply(method, target, headers, body)
        if target not in kept:
            kept[target] = self._reply(method, target, headers, body)
        return kept[target]

    def _reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        split = urlsplit(target)
        query = parse_qs(split.query, keep_blank_values=True)
        for route_method, pattern, answer in _ROUTES:
            found = pattern.fullmatch(split.path)
            if found is not None and method == route_method:
                ids = [unquote(part) for part in found.groups()]
                return answer(self, *ids, query=query, body=body)
        return _refused(404, "No such route.")

    # --------------------------------------------------------------------------------------------- reads

    def _list_cpos(self, *, query: Any, body: Any) -> Reply:
        return _page(list(self.world.cpos.values()), query)

    def _cpo(self, cpo_id: str, *, query: Any, body: Any) -> Reply:
        return _one(self.world.cpos.get(cpo_id))

    def _cpo_status(self, cpo_id: str, *, query: Any, body: Any) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        state = self.world.provisioning(cpo_id)
        if self.scripted and cpo_id == SCRIPTED_CPO:
            return self._script({"cpo_id": cpo_id, **state})
        return _json({"cpo_id": cpo_id, **state})

    def _report(self, cpo_id: str, *, query: Any, body: Any) -> Reply:
        found = {"cpo_id": cpo_id, "markdown": f"# CPO {cpo_id}\n| a | b |\n"}
        return _one(found if cpo_id in self.world.cpos else None)

    def _list_locations(self, cpo_id: str, *, query: Any, body: Any) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        return _page(list(self.world.places.get(cpo_id, {}).values()), query)

    def _location(self, cpo_id: str, location_id: str, *, query: Any, body: Any) -> Reply:
        return _one(self.world.places.get(cpo_id, {}).get(location_id))

    def _job(self, cpo_id: str, job_id: str, *, query: Any, body: Any) -> Reply:
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
                "provisioned_at": _MOMENTS[1] if status == "READY" else None,
            }
        )

    def _cpo_templates(self, *, query: Any, body: Any) -> Reply:
        return _json({"data": self.world.cpo_templates, "total": len(self.world.cpo_templates)})

    def _location_templates(self, *, query: Any, body: Any) -> Reply:
        kind, version = query.get("type", [None])[0], query.get("ocpp_version", [None])[0]
        rows = [
            row
            for row in self.world.location_templates
            if kind in {None, row.get("type")} and version in {None, "OCPP1.6", "OCPP2.0.1"}
        ]
        return _json({"data": rows, "total": len(rows)})

    def _list_chargers(self, *, query: Any, body: Any) -> Reply:
        place = query.get("location_id", [None])[0]
        rows = [row for row in self.world.chargers.values() if place in {None, row.get("location_id")}]
        return _page(rows, query)

    def _charger(self, charger_id: str, *, query: Any, body: Any) -> Reply:
        return _one(self.world.chargers.get(charger_id))

    def _charger_status(self, charger_id: str, *, query: Any, body: Any) -> Reply:
        known = charger_id in self.world.chargers
        return _one({"charger_id": charger_id, **self.world.provisioning(charger_id)} if known else None)

    def _logs(self, charger_id: str, *, query: Any, body: Any) -> Reply:
        limit, offset = int(query["limit"][0]), int(query["offset"][0])
        action = query.get("event", [None])[0]
        rows = [row for row in self.world.logs.get(charger_id, ()) if action in {None, row.get("action")}]
        return _json(
            {"data": rows[offset : offset + limit], "total": len(rows), "limit": limit, "offset": offset}
        )

    def _chargers_of_location(self, place: str, *, query: Any, body: Any) -> Reply:
        there = {key: row for key, row in self.world.chargers.items() if row.get("location_id") == place}
        wanted = query.get("charger_ids", [])
        if not there:
            return _refused(404, "Unknown location.")
        if any(charger_id not in there for charger_id in wanted):
            return _refused(400, "Not all of them are at this location.")
        return _page([there[charger_id] for charger_id in wanted], query)

    # -------------------------------------------------------------------------------------------- writes

    def _create_cpo(self, *, query: Any, body: bytes) -> Reply:
        given = msgspec.json.decode(body)
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

    def _delete_cpo(self, cpo_id: str, *, query: Any, body: Any) -> Reply:
        self.world.cpos.pop(cpo_id, None)
        self.world.places.pop(cpo_id, None)
        return Reply(204, {}, b"")

    def _create_locations(self, cpo_id: str, *, query: Any, body: bytes) -> Reply:
        if cpo_id not in self.world.cpos:
            return _refused(404, "Unknown CPO.")
        given = msgspec.json.decode(body)["locations"]
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

    def _update_location(self, cpo_id: str, location_id: str, *, query: Any, body: bytes) -> Reply:
        row = self.world.places.get(cpo_id, {}).get(location_id)
        if row is None:
            return _refused(404, "Unknown location.")
        given = msgspec.json.decode(body)
        if not given:
            return _refused(400, "Nothing to change.")
        if str(given.get("name", "")).startswith("REFUSE"):
            return _complaint(["body", "name"], "Value error, not this name")
        row = {**row, **{key: value for key, value in given.items() if key != "parking_type"}}
        self.world.places[cpo_id][location_id] = row
        return _json(row)

    def _delete_location(self, cpo_id: str, location_id: str, *, query: Any, body: Any) -> Reply:
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


def _page(rows: list[Row], query: Mapping[str, list[str]]) -> Reply:
    page, limit = int(query["page"][0]), int(query["limit"][0])
    some = rows[(page - 1) * limit : page * limit]
    return _json({"data": some, "total": len(rows), "page": page, "limit": limit})


def _refused(status: int, detail: str) -> Reply:
    return _json({"detail": detail}, status)


def _complaint(loc: list[str | int], message: str) -> Reply:
    return _json({"detail": [{"loc": loc, "msg": message, "type": "value_error", "input": None}]}, 422)
