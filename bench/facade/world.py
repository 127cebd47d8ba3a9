"""
What an honest gateway says, from nothing but the request: a small world in which every text tells whose it is.

Ids are the same for every tenant, so that whatever is kept under an id alone would be mixed up; texts and
numbers are each tenant's own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

JOB = "4f6b5e0e-7d1a-4b0a-9c2e-abc123456789"
_AT = "2026-04-16T10:15:30.000Z"


@dataclass(frozen=True)
class World:
    """
    One tenant's world.

    Attributes:
        mark: stands in every text.
        number: is added to numbers.
        job_status: what L3 and C3 say.
    """

    mark: str = ""
    number: int = 0
    cpos: int = 3
    locations: int = 7
    chargers: int = 3
    job_status: str = "READY"

    def reply(self, method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
        """Status and body of an answer; None is no body."""
        parts = urlsplit(target)
        path = [unquote(part) for part in parts.path.strip("/").split("/")]
        asked = dict(parse_qs(parts.query).items())
        route: Callable[..., Any] | None = getattr(self, f"_{method.lower()}_{path[0]}", None)
        found = route(path[1:], asked, body) if route else None
        return found if found is not None else (404, {"detail": self._text("unknown")})

    def _text(self, *what: object) -> str:
        return " ".join([*map(str, what), self.mark]).strip()

    def _get_health(self, *_: Any) -> Any:
        return 200, {"status": "ok"}

    def _get_ocpi(self, path: list[str], asked: dict[str, list[str]], _body: bytes) -> Any:
        match path:
            case ["templates", "cpos"]:
                return 200, {"data": [self._cpo_template(n) for n in range(2)], "total": 2}
            case ["cpos"]:
                return 200, _page([self._cpo(str(101 + n)) for n in range(self.cpos)], asked)
            case ["cpos", cpo, *rest] if self._has_cpo(cpo):
                return self._below_cpo(cpo, rest, asked)
        return None

    def _below_cpo(self, cpo: str, rest: list[str], asked: dict[str, list[str]]) -> Any:
        match rest:
            case []:
                return 200, self._cpo(cpo)
            case ["status"]:
                return 200, {"cpo_id": cpo, **self._provisioning("cpo", cpo)}
            case ["report"]:
                return 200, {"cpo_id": cpo, "markdown": self._text("report", cpo)}
            case ["locations"]:
                rows = [self._location(cpo, n) for n in range(self.locations)]
                return 200, _page(rows, asked)
            case ["locations", "jobs", job]:
                return 200, self._job(job)
            case ["locations", location] if location in {f"loc-{n}" for n in range(self.locations)}:
                return 200, self._location(cpo, int(location[4:]))
        return None

    def _get_ocpp(self, path: list[str], asked: dict[str, list[str]], _body: bytes) -> Any:
        match path:
            case ["templates", "locations"]:
                return 200, {"data": [self._location_template(n) for n in range(2)], "total": 2}
            case ["chargers"]:
                of = asked.get("location_id", [None])[0]
                rows = [c for c in self._all_chargers() if of in {None, c["location_id"]}]
                return 200, _page(rows, asked)
            case ["locations", place, "chargers"]:
                ids = asked.get("charger_ids", [])
                rows = [c for c in self._all_chargers() if c["location_id"] == place and c["id"] in ids]
                return (200, _page(rows, asked)) if len(rows) == len(ids) else None
            case ["chargers", charger, *rest]:
                found = next((c for c in self._all_chargers() if c["id"] == charger), None)
                return None if found is None else self._below_charger(found, rest, asked)
        return None

    def _below_charger(self, charger: dict[str, Any], rest: list[str], asked: dict[str, list[str]]) -> Any:
        match rest:
            case []:
                return 200, charger
            case ["status"]:
                return 200, {"charger_id": charger["id"], **self._provisioning("charger", charger["id"])}
            case ["logs"]:
                offset, limit = (int(asked[name][0]) for name in ("offset", "limit"))
                rows = [self._log(charger["id"], n) for n in range(5)]
                envelope = {"total": len(rows), "limit": limit, "offset": offset}
                return 200, {"data": rows[offset : offset + limit], **envelope}
        return None

    def _post_ocpi(self, path: list[str], _asked: Any, _body: bytes) -> Any:
        match path:
            case ["cpos"]:
                secrets = {"credentials_payload": self._text("payload"), "curl_snippet": self._text("curl")}
                run = {"status": "PENDING", "workflow_run_id": self._text("run")}
                return 202, {**self._cpo("101"), "token_a": self._text("A"), "roam_helper": secrets, **run}
            case ["cpos", cpo, "locations"] if self._has_cpo(cpo):
                run = {"status": "PROVISIONING", "workflow_run_id": self._text("run")}
                return 202, {"job_id": JOB, **run}
        return None

    def _patch_ocpi(self, path: list[str], _asked: Any, _body: bytes) -> Any:
        match path:
            case ["cpos", cpo, "locations", location] if self._has_cpo(cpo):
                return 200, self._location(cpo, int(location[4:]))
        return None

    def _delete_ocpi(self, *_: Any) -> Any:
        return 204, None

    def _has_cpo(self, cpo: str) -> bool:
        return cpo in {str(101 + n) for n in range(self.cpos)}

    def _cpo(self, cpo: str) -> dict[str, Any]:
        says = self._text
        return {
            "cpo_id": cpo,
            "party": {name: says(name, cpo) for name in ("country_code", "party_id", "role")},
            **{name: says(name, cpo) for name in ("name_prefix", "template", "ocpi_peer_url")},
            "template_version": self.number + 1,
            "topology": {
                name: self.number + n
                for n, name in enumerate(("locations", "chargers", "evses", "connectors"))
            },
            "expires_at": _AT,
            "created_at": _AT,
            "updated_at": _AT,
        }

    def _provisioning(self, of: str, key: str) -> dict[str, Any]:
        error = {name: self._text(name, of, key) for name in ("code", "message", "step", "param", "doc_url")}
        return {
            "status": self.job_status,
            "workflow_run_id": self._text("run", of, key),
            "error": {**error, "retryable": True},
            "progress": {"current_step": self._text("step now", of, key)},
            "provisioned_at": _AT,
        }

    def _job(self, job: str) -> dict[str, Any]:
        error = {"code": self._text("code"), "message": self._text("message")}
        failed = [{"index": 1, "name": self._text("failed"), "error": error}]
        ids = [f"loc-{n}" for n in range(min(4, self.locations))]
        told = {key: value for key, value in self._provisioning("job", job).items() if key != "progress"}
        return {"job_id": job, **told, "results": {"location_ids": ids, "failed": failed}}

    def _location(self, cpo: str, at: int) -> dict[str, Any]:
        texts = ["organization_id", "slug", "name", "address", "city", "country", "timezone", "owner_name"]
        return {
            "id": f"loc-{at}",
            "ocpp_location_id": f"ol-{cpo}-{at}",
            **{name: self._text(name, cpo, at) for name in texts},
            "coordinates": {"latitude": self.number + 0.25, "longitude": self.number + 0.5},
            "public": True,
            "chargers": [self._summary(cpo, at, n) for n in range(self.chargers)],
            "created_at": _AT,
            "updated_at": _AT,
        }

    def _summary(self, cpo: str, at: int, nth: int) -> dict[str, Any]:
        own = f"dep-{cpo}-{at}-{nth}"
        evse = {
            name: self._text(name, own)
            for name in ("evse_uid", "ocpi_evse_id", "ocpi_connector_id", "topology_id")
        }
        told = {name: self._text(name, own) for name in ("identity", "connector_type", "ocpp_version")}
        return {"id": own, **told, "charge_point_id": self._text("cp", own), "evses": [evse]}

    def _all_chargers(self) -> list[dict[str, Any]]:
        return [
            self._charger(str(101 + cpo), at, nth)
            for cpo in range(self.cpos)
            for at in range(self.locations)
            for nth in range(self.chargers)
        ]

    def _charger(self, cpo: str, at: int, nth: int) -> dict[str, Any]:
        own = f"dep-{cpo}-{at}-{nth}"
        texts = ["identity", "name", "vendor_name", "model", "image_url", "ocpp_version", "connector_type"]
        return {
            "id": own,
            **{name: self._text(name, own) for name in texts},
            "number_of_connectors": self.number + 2,
            "max_charging_power": self.number + 22_000,
            "location_id": f"ol-{cpo}-{at}",
            "created_at": _AT,
            "updated_at": _AT,
        }

    def _log(self, charger: str, nth: int) -> dict[str, Any]:
        told = {name: self._text(name, charger, nth) for name in ("direction", "action", "message")}
        return {**told, "timestamp": _AT}

    def _cpo_template(self, nth: int) -> dict[str, Any]:
        counts = {"version": self.number + 1, "locations": self.number + 2, "chargers": self.number + 3}
        return {"slug": f"small-{nth}", "description": self._text("template", nth), **counts}

    def _location_template(self, nth: int) -> dict[str, Any]:
        texts = ("brand_slug", "model_slug", "connector_type", "ocpp_version")
        group = {name: self._text(name, nth) for name in texts}
        return {
            "slug": f"hub-{nth}",
            "country": self._text("country", nth),
            "parking_type": self._text("parking", nth),
            "type": "AC",
            "charger_groups": [{**group, "count": self.number + 1, "nominal_kw": self.number + 22.5}],
        }


def _page(rows: list[Any], asked: dict[str, list[str]]) -> dict[str, Any]:
    page, limit = (int(asked[name][0]) for name in ("page", "limit"))
    return {
        "data": rows[(page - 1) * limit : page * limit],
        "total": len(rows),
        "page": page,
        "limit": limit,
    }


def as_bytes(body: Any) -> bytes:
    """A body as it is sent."""
    return b"" if body is None else json.dumps(body).encode()
