"""
Pure: what to send. One function per route of the contract, in its order.

An id becomes a path segment only after it was found to be able to be one, so that no id, however
it looks, reaches another route.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from msgspec import Struct

from ocpplab_graphql.errors import BadUserInput

_CPO_ID = re.compile(r"[1-9][0-9]*", re.ASCII)
_ID_LENGTH_MAX = 200


class Request(Struct, frozen=True, gc=False):
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
    return Request("GET", "/ocpi/cpos", f"/ocpi/cpos?page={page}&limit={limit}")


def create_cpo(body: bytes, idempotency_key: str | None) -> Request:
    """C2."""
    route = "/ocpi/cpos"
    return Request("POST", route, route, body=body, idempotency_key=idempotency_key)


def cpo_status(cpo_id: str) -> Request:
    """C3."""
    return Request("GET", "/ocpi/cpos/{cpo_id}/status", f"{_of_cpo(cpo_id)}/status")


def cpo(cpo_id: str) -> Request:
    """C4."""
    return Request("GET", "/ocpi/cpos/{cpo_id}", _of_cpo(cpo_id))


def delete_cpo(cpo_id: str) -> Request:
    """C5. Deleting what is gone succeeds."""
    return Request("DELETE", "/ocpi/cpos/{cpo_id}", _of_cpo(cpo_id), repeatable=True)


def cpo_report(cpo_id: str) -> Request:
    """C6."""
    return Request("GET", "/ocpi/cpos/{cpo_id}/report", f"{_of_cpo(cpo_id)}/report")


def list_locations(cpo_id: str, page: int, limit: int) -> Request:
    """L1."""
    return Request(
        "GET", "/ocpi/cpos/{cpo_id}/locations", f"{_of_cpo(cpo_id)}/locations?page={page}&limit={limit}"
    )


def create_locations(cpo_id: str, body: bytes, idempotency_key: str | None) -> Request:
    """L2."""
    route, target = "/ocpi/cpos/{cpo_id}/locations", f"{_of_cpo(cpo_id)}/locations"
    return Request("POST", route, target, body=body, idempotency_key=idempotency_key)


def location_job(cpo_id: str, job_id: str) -> Request:
    """L3."""
    target = f"{_of_cpo(cpo_id)}/locations/jobs/{_segment(job_id, 'job id')}"
    return Request("GET", "/ocpi/cpos/{cpo_id}/locations/jobs/{job_id}", target)


def location(cpo_id: str, location_id: str) -> Request:
    """L4."""
    return Request("GET", "/ocpi/cpos/{cpo_id}/locations/{location_id}", _of_location(cpo_id, location_id))


def delete_location(cpo_id: str, location_id: str) -> Request:
    """L5. Deleting what is gone is a 404."""
    route = "/ocpi/cpos/{cpo_id}/locations/{location_id}"
    return Request("DELETE", route, _of_location(cpo_id, location_id))


def update_location(cpo_id: str, location_id: str, body: bytes) -> Request:
    """L6. Only the fields in the body change."""
    route = "/ocpi/cpos/{cpo_id}/locations/{location_id}"
    return Request("PATCH", route, _of_location(cpo_id, location_id), body=body, repeatable=True)


def cpo_templates() -> Request:
    """T1."""
    return Request("GET", "/ocpi/templates/cpos", "/ocpi/templates/cpos")


def location_templates(current_type: str | None, ocpp_version: str | None) -> Request:
    """T2. `current_type` is AC, DC or AC-DC."""
    query = _query(("type", current_type), ("ocpp_version", ocpp_version))
    return Request("GET", "/ocpp/templates/locations", f"/ocpp/templates/locations{query and f'?{query}'}")


def list_chargers(ocpp_location_id: str | None, page: int, limit: int) -> Request:
    """H1."""
    of_location = "" if ocpp_location_id is None else f"location_id={_quoted(ocpp_location_id)}&"
    return Request("GET", "/ocpp/chargers", f"/ocpp/chargers?{of_location}page={page}&limit={limit}")


def charger(charger_id: str) -> Request:
    """H2."""
    return Request("GET", "/ocpp/chargers/{charger_id}", _of_charger(charger_id))


def charger_status(charger_id: str) -> Request:
    """H3."""
    return Request("GET", "/ocpp/chargers/{charger_id}/status", f"{_of_charger(charger_id)}/status")


def charger_logs(
    charger_id: str, offset: int, limit: int, start: datetime | None, end: datetime | None, event: str | None
) -> Request:
    """H5. `start` and `end` are inclusive; limit is at most 1000."""
    query = _query(
        ("start_date", _timestamp(start)),
        ("end_date", _timestamp(end)),
        ("event", event),
        ("limit", str(limit)),
        ("offset", str(offset)),
    )
    return Request("GET", "/ocpp/chargers/{charger_id}/logs", f"{_of_charger(charger_id)}/logs?{query}")


def location_chargers(ocpp_location_id: str, charger_ids: Sequence[str]) -> Request:
    """P3, for at most 100 ids."""
    segment = _segment(ocpp_location_id, "ocpp location id")
    ids = "".join([f"&charger_ids={_quoted(charger_id)}" for charger_id in charger_ids])
    target = f"/ocpp/locations/{segment}/chargers?page=1&limit=100{ids}"
    return Request("GET", "/ocpp/locations/{ocpp_location_id}/chargers", target)


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


def _of_location(cpo_id: str, location_id: str) -> str:
    return f"{_of_cpo(cpo_id)}/locations/{_segment(location_id, 'location id')}"


def _of_charger(charger_id: str) -> str:
    return f"/ocpp/chargers/{_segment(charger_id, 'charger id')}"


# A client's ids are checked where they come in, by whoever knows which argument they are; checked again here, no id
# of whatever origin reaches another route. The same ones are read again and again.


@lru_cache(maxsize=4096)
def _of_cpo(cpo_id: str) -> str:
    return f"/ocpi/cpos/{check_cpo_id(cpo_id)}"


@lru_cache(maxsize=4096)
def _segment(value: str, what: str) -> str:
    return quote(check_id(value, what), safe="")


def _quoted(value: str) -> str:
    # A filter may be any text of a client: what is longer than an id is not kept.
    return _quoted_and_kept(value) if len(value) <= _ID_LENGTH_MAX else quote(value, safe="")


@lru_cache(maxsize=4096)
def _quoted_and_kept(value: str) -> str:
    return quote(value, safe="")


def _query(*said: tuple[str, str | None]) -> str:
    return "&".join([f"{name}={_quoted(value)}" for name, value in said if value is not None])


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
