"""
What a finished job says, read tolerantly: the gateway does not document the keys of `results`.

Pure. Source: gateway contract, section 4, L3.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from ocpplab_graphql.gateway.errors import GatewayInvalidResponse
from ocpplab_graphql.gateway.records import ErrorRecord, Id

Results = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be created."""

    index: int | None
    name: str | None
    error: ErrorRecord | None


def locations(results: Results) -> list[str | GatewayInvalidResponse] | None:
    """
    Ids of the locations created: from `location_ids`, or `locations` or `created`; None before the end.

    An entry that holds no id is the exception that says so.

    Raises:
        GatewayInvalidResponse: what should be a list is none.
    """
    if results is None:
        return None
    return [_id_of(entry) for entry in _entries(results, "location_ids", "locations", "created")]


def location_ids(results: Results) -> list[str] | None:
    """
    The same, when each can be read.

    Raises:
        GatewayInvalidResponse: one cannot, or there is no list of them.
    """
    found = locations(results)
    return None if found is None else [_read(entry) for entry in found]


def failures(results: Results) -> list[Failure] | None:
    """
    The failed items; none if the gateway names none; None before the end.

    Raises:
        GatewayInvalidResponse: what should be a list is none.
    """
    return None if results is None else [_failure(entry) for entry in _entries(results, "failed")]


def as_text(results: Results) -> str | None:
    """The results as JSON text."""
    return None if results is None else msgspec.json.encode(results).decode()


def _entries(results: dict[str, Any], *keys: str) -> list[Any]:
    """The first list under one of these keys; empty if there is none of them, or only null."""
    there = [results[key] for key in keys if results.get(key) is not None]
    for entries in there:
        if isinstance(entries, list):
            return entries
    if there:
        # An empty list in its place would say that nothing was created, or that nothing failed.
        raise GatewayInvalidResponse(f"The gateway sent job results whose {keys[0]} are no list.")
    return []


def _id_of(entry: Any) -> str | GatewayInvalidResponse:
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("location_id")
    try:
        return msgspec.convert(entry, type=Id)
    except msgspec.ValidationError:
        return GatewayInvalidResponse("The gateway sent job results with a location that has no id.")


def _read(entry: str | GatewayInvalidResponse) -> str:
    if isinstance(entry, GatewayInvalidResponse):
        raise entry
    return entry


def _failure(entry: Any) -> Failure:
    if not isinstance(entry, dict):
        return Failure(index=None, name=None, error=_error(entry))
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
