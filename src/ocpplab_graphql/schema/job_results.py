"""
What a finished job says, read tolerantly: the gateway does not document the keys of `results`.

Pure. Source: gateway contract, section 4, L3.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.records import ErrorRecord

Results = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be created."""

    index: int | None
    name: str | None
    error: ErrorRecord | None


def location_ids(results: Results) -> list[str] | None:
    """
    Ids of the locations created: from `location_ids`, or `locations` or `created`; None before the end.

    Raises:
        GatewayInvalidResponse: an entry that holds no id.
    """
    if results is None:
        return None
    for key in ("location_ids", "locations", "created"):
        entries = results.get(key)
        if isinstance(entries, list):
            return [_id_of(entry) for entry in entries]
    return []


def failures(results: Results) -> list[Failure] | None:
    """The failed items; none if the gateway names none; None before the end."""
    if results is None:
        return None
    entries = results.get("failed")
    return (
        [_failure(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def as_text(results: Results) -> str | None:
    """The results as JSON text."""
    return None if results is None else msgspec.json.encode(results).decode()


def _id_of(entry: Any) -> str:
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("location_id")
    if not isinstance(entry, str) or not entry:
        raise GatewayInvalidResponse("The gateway sent job results with a location that has no id.")
    return entry


def _failure(entry: dict[str, Any]) -> Failure:
    index, name, error = entry.get("index"), entry.get("name"), entry.get("error")
    return Failure(
        index=index if type(index) is int and 0 <= index < 2**31 else None,
        name=name if isinstance(name, str) else None,
        error=_error(error),
    )


def _error(error: Any) -> ErrorRecord | None:
    if isinstance(error, str):
        return ErrorRecord(code="unknown_error", message=error)
    if not isinstance(error, dict):
        return None
    try:
        return msgspec.convert({"code": "unknown_error", "message": "", **error}, type=ErrorRecord)
    except msgspec.ValidationError:
        return ErrorRecord(code="unknown_error", message=msgspec.json.encode(error).decode()[:2000])
