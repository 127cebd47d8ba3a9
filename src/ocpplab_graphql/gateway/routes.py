"""
Pure: what to send. One function per route of the contract, in its order.

An id becomes a path segment only after it was found to be able to be one, so that no id, however
it looks, reaches another route.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlencode

from ocpplab_graphql.errors import BadUserInput

_CPO_ID = re.compile(r"[1-9][0-9]*", re.ASCII)
_ID_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Request:
    """
    One REST call, without host or credentials. Equal requests have equal answers.

    Attributes:
        route: the template, as in `GET /ocpi/cpos/{cpo_id}`; it names the call in traces.
        target: path and query, encoded, below the base URL.
        idempotency_key: sent as `Idempotency-Key`; only on writes.
        repeatable: whether doing it twice is the same as doing it once.
    """

    method: str
    route: str
    target: str
    body: bytes | None = None
    idempotency_key: str | None = None
    repeatable: bool = False

    @property
    def name(self) -> str:
        """Method and template: what a trace and a log may say."""
        return f"{self.method} {self.route}"

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, and may therefore be repeated."""
        return self.method == "GET"


def list_cpos(page: int, limit: int) -> Request:
    """C1."""
    return _get("/ocpi/cpos", query=_paged(page, limit))


def create_cpo(body: bytes, idempotency_key: str | None) -> Request:
    """C2."""
    route = "/ocpi/cpos"
    return Request("POST", route, route, body=body, idempotency_key=idempotency_key)


def cpo_status(cpo_id: str) -> Request:
    """C3."""
    return _get("/ocpi/cpos/{cpo_id}/status", cpo_id=cpo_id)


def cpo(cpo_id: str) -> Request:
    """C4."""
    return _get("/ocpi/cpos/{cpo_id}", cpo_id=cpo_id)


def delete_cpo(cpo_id: str) -> Request:
    """C5. Deleting what is gone succeeds."""
    route = "/ocpi/cpos/{cpo_id}"
    return Request("DELETE", route, _path(route, {"cpo_id": cpo_id}), repeatable=True)


def cpo_report(cpo_id: str) -> Request:
    """C6."""
    return _get("/ocpi/cpos/{cpo_id}/report", cpo_id=cpo_id)


def list_locations(cpo_id: str, page: int, limit: int) -> Request:
    """L1."""
    return _get("/ocpi/cpos/{cpo_id}/locations", query=_paged(page, limit), cpo_id=cpo_id)


def create_locations(cpo_id: str, body: bytes, idempotency_key: str | None) -> Request:
    """L2."""
    route = "/ocpi/cpos/{cpo_id}/locations"
    target = _path(route, {"cpo_id": cpo_id})
    return Request("POST", route, target, body=body, idempotency_key=idempotency_key)


def location_job(cpo_id: str, job_id: str) -> Request:
    """L3."""
    return _get("/ocpi/cpos/{cpo_id}/locations/jobs/{job_id}", cpo_id=cpo_id, job_id=job_id)


def location(cpo_id: str, location_id: str) -> Request:
    """L4."""
    return _get("/ocpi/cpos/{cpo_id}/locations/{location_id}", cpo_id=cpo_id, location_id=location_id)


def delete_location(cpo_id: str, location_id: str) -> Request:
    """L5. Deleting what is gone is a 404."""
    route = "/ocpi/cpos/{cpo_id}/locations/{location_id}"
    return Request("DELETE", route, _path(route, {"cpo_id": cpo_id, "location_id": location_id}))


def update_location(cpo_id: str, location_id: str, body: bytes) -> Request:
    """L6. Only the fields in the body change."""
    route = "/ocpi/cpos/{cpo_id}/locations/{location_id}"
    target = _path(route, {"cpo_id": cpo_id, "location_id": location_id})
    return Request("PATCH", route, target, body=body, repeatable=True)


def cpo_templates() -> Request:
    """T1."""
    return _get("/ocpi/templates/cpos")


def location_templates(current_type: str | None, ocpp_version: str | None) -> Request:
    """T2. `current_type` is AC, DC or AC-DC."""
    query = [("type", current_type), ("ocpp_version", ocpp_version)]
    return _get("/ocpp/templates/locations", query=[(k, v) for k, v in query if v is not None])


def list_chargers(ocpp_location_id: str | None, page: int, limit: int) -> Request:
    """H1."""
    of_location = [("location_id", ocpp_location_id)] if ocpp_location_id is not None else []
    return _get("/ocpp/chargers", query=[*of_location, *_paged(page, limit)])


def charger(charger_id: str) -> Request:
    """H2."""
    return _get("/ocpp/chargers/{charger_id}", charger_id=charger_id)


def charger_status(charger_id: str) -> Request:
    """H3."""
    return _get("/ocpp/chargers/{charger_id}/status", charger_id=charger_id)


def charger_logs(
    charger_id: str, offset: int, limit: int, start: datetime | None, end: datetime | None, event: str | None
) -> Request:
    """H5. `start` and `end` are inclusive; limit is at most 1000."""
    filters = [("start_date", _timestamp(start)), ("end_date", _timestamp(end)), ("event", event)]
    query = [(k, v) for k, v in filters if v is not None]
    return _get(
        "/ocpp/chargers/{charger_id}/logs",
        query=[*query, ("limit", str(limit)), ("offset", str(offset))],
        charger_id=charger_id,
    )


def location_chargers(ocpp_location_id: str, charger_ids: Sequence[str]) -> Request:
    """P3, for at most 100 ids."""
    return _get(
        "/ocpp/locations/{ocpp_location_id}/chargers",
        query=[*_paged(1, 100), *(("charger_ids", charger_id) for charger_id in charger_ids)],
        ocpp_location_id=ocpp_location_id,
    )


def check_cpo_id(cpo_id: str) -> str:
    """
    The id itself.

    Raises:
        BadUserInput: not a positive decimal number in ASCII, without leading zeros.
    """
    if not _CPO_ID.fullmatch(cpo_id) or len(cpo_id) > _ID_LENGTH_MAX:
        raise BadUserInput(f"A CPO id is a positive whole number such as 101, got {_shown(cpo_id)}.")
    return cpo_id


def check_id(value: str, what: str) -> str:
    """
    The id itself.

    Raises:
        BadUserInput: it could not be one path segment: empty, ".", "..", too long, or with a slash,
            backslash or control character.
    """
    bad = not value or value in {".", ".."} or len(value) > _ID_LENGTH_MAX
    if bad or not value.isprintable() or "/" in value or "\\" in value:
        raise BadUserInput(
            f"A {what} is 1 to {_ID_LENGTH_MAX} printable characters without slashes, got {_shown(value)}."
        )
    return value


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _get(route: str, *, query: Sequence[tuple[str, str | int]] = (), **ids: str) -> Request:
    target = _path(route, ids)
    return Request("GET", route, f"{target}?{_query(query)}" if query else target)


def _query(query: Sequence[tuple[str, str | int]]) -> str:
    if all(isinstance(value, int) for _, value in query):
        return "&".join([f"{name}={value}" for name, value in query])
    return urlencode(query, quote_via=quote)


def _path(route: str, ids: dict[str, str]) -> str:
    return _path_of(route, tuple(ids.items()))


# The same objects are read again and again.
@lru_cache(maxsize=4096)
def _path_of(route: str, ids: tuple[tuple[str, str], ...]) -> str:
    """
    The path of a route, for ids that can be its segments.

    A client's ids are checked where they come in, by whoever knows which argument they are; checked again here,
    no id of whatever origin reaches another route.
    """
    for name, value in ids:
        if name == "cpo_id":
            check_cpo_id(value)
    segments = {name: quote(check_id(value, name.replace("_", " ")), safe="") for name, value in ids}
    return route.format(**segments)


def _paged(page: int, limit: int) -> list[tuple[str, int]]:
    return [("page", page), ("limit", limit)]


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
