"""
What a gateway holds, made from a seed: equal seeds make equal worlds, byte for byte.

Optional values are left out or null here and there, as the contract allows.
"""

import copy
import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from ocpplab_graphql.gateway.transport import Reply

Row = dict[str, Any]
_ORGANIZATION = "1f8d2d8e-0c43-4c2a-9b0a-6d6b4f5c2a11"
_CITIES = ["Paris", "Köln", "Łódź", 'Saint-"Denis"', "Zürich\\West", "Praha\u2028", "東京"]
_ACTIONS = ["BootNotification", "Heartbeat", "StatusNotification", "MeterValues"]
MOMENTS = [
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
        self._random = random.Random(f"world {seed}")  # noqa: S311  # made to be predicted
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
            "created_at": self._random.choice(MOMENTS),
            "updated_at": self._random.choice(MOMENTS),
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
                "expires_at": pick.choice([None, *MOMENTS]),
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
                "provisioned_at": self._random.choice(MOMENTS) if state == "READY" else None,
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
        pick = random.Random(f"{self.seed} {of}")  # noqa: S311  # made to be predicted
        state = pick.choice([*JOB_STATES, "READY", "READY"])
        return {
            "status": state,
            "workflow_run_id": f"wfr-{of}",
            "error": {"code": "unknown_error", "message": "x" * 40} if state == "FAILED" else None,
            "progress": {"current_step": "wiring"} if state == "PROVISIONING" else None,
            "provisioned_at": MOMENTS[0] if state == "READY" else None,
        }
