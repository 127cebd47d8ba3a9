"""
Bulk creation, the pure part: what is wrong with an input, what is sent, and what a refusal is about.

Source: gateway contract, section 4, L2.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from strawberry import UNSET

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.enums import UserErrorCode
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import (
    BulkCreateLocationsInput,
    BulkLocationInput,
    ChargerGroupInput,
    CoordinatesInput,
    LocationOverridesInput,
    NewLocationInput,
)

Path = tuple[str, ...]

# Input field to the gateway's field, as far as they differ by more than camel case. Both ways.
_TO_GATEWAY = {
    "isPublic": "public",
    "chargerGroups": "charges",
    "ownerName": "owner_name",
    "parkingType": "parking_type",
    "ocppVersion": "ocpp_version",
    "identityPrefix": "identity_prefix",
    "chargerIds": "charger_ids",
    "brandSlug": "brand_slug",
    "modelSlug": "model_slug",
    "connectorType": "connector_type",
    "wsUrl": "ws_url",
    "templateName": "template_name",
}
_FROM_GATEWAY = {theirs: ours for ours, theirs in _TO_GATEWAY.items()}
_SAME = {
    "name",
    "address",
    "city",
    "country",
    "coordinates",
    "latitude",
    "longitude",
    "timezone",
    "template",
    "overrides",
}
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_WS_URL = re.compile(r"wss?://[^\s/]+\S*", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)
# Null has a meaning for the gateway only here.
_NULLABLE = {"timezone", "owner_name", "template_name"}


def mistakes(given: BulkCreateLocationsInput, *, items_max: int) -> list[UserError]:
    """Everything that is wrong with an input, as far as it can be known without asking the gateway."""
    return list(_mistakes(given, items_max))


def body(locations: Sequence[BulkLocationInput]) -> dict[str, Any]:
    """The body of L2. Fields that the client left out are left out."""
    return {"locations": [_item_body(item) for item in locations]}


def rejection(complaint: Complaint, locations: Sequence[BulkLocationInput]) -> UserError:
    """A complaint of the gateway, in its own words, led back to the input it is about."""
    return UserError(
        code=UserErrorCode.REJECTED, message=complaint.message, path=list(_path_of(complaint.loc, locations))
    )


def unknown_templates(locations: Sequence[BulkLocationInput], known: set[str]) -> list[UserError]:
    """A row for each item whose template is not among `known`."""
    return [
        UserError(
            code=UserErrorCode.NOT_FOUND,
            message=f"There is no location template {item.from_template.template!r}. "
            f"There are: {', '.join(sorted(known)) or 'none'}.",
            path=["input", "locations", str(index), "fromTemplate", "template"],
        )
        for index, item in enumerate(locations)
        if item.from_template and item.from_template.template not in known
    ]


# ------------------------------------------------------------------------------------------ what is wrong


def _mistakes(given: BulkCreateLocationsInput, items_max: int) -> Iterator[UserError]:
    if isinstance(given.idempotency_key, str) and not _KEY.fullmatch(given.idempotency_key):
        yield _error(
            "INVALID",
            "An idempotency key is 1 to 255 printable ASCII characters.",
            ("input", "idempotencyKey"),
        )
    here = ("input", "locations")
    if not given.locations:
        yield _error("BLANK", "Give at least one location.", here)
    if len(given.locations) > items_max:
        yield _error(
            "TOO_MANY", f"At most {items_max} locations in one request, got {len(given.locations)}.", here
        )
        return
    for index, item in enumerate(given.locations):
        yield from _item_mistakes(item, (*here, str(index)))
    yield from _identity_collisions(given.locations)


def _item_mistakes(item: BulkLocationInput, here: Path) -> Iterator[UserError]:
    if item.location:
        yield from _place_mistakes(item.location, (*here, "location"))
        for index, group in enumerate(item.location.charger_groups or ()):
            yield from _group_mistakes(group, (*here, "location", "chargerGroups", str(index)))
    elif item.from_template:
        template = item.from_template
        yield from _blank("template", template.template, (*here, "fromTemplate"))
        if template.overrides:
            yield from _place_mistakes(template.overrides, (*here, "fromTemplate", "overrides"))
            yield from _blank(
                "ocppVersion", template.overrides.ocpp_version, (*here, "fromTemplate", "overrides")
            )


def _place_mistakes(place: NewLocationInput | LocationOverridesInput, here: Path) -> Iterator[UserError]:
    yield from _nulls(place, here)
    for name in ("name", "address", "city"):
        yield from _blank(name, getattr(place, name), here)
    yield from _blank("ownerName", place.owner_name, here)
    if isinstance(place.country, str) and not _COUNTRY.fullmatch(place.country):
        yield _error(
            "INVALID",
            f"A country is two upper-case letters such as FR, got {place.country!r}.",
            (*here, "country"),
        )
    if isinstance(place.timezone, str) and place.timezone not in _timezones():
        yield _error(
            "INVALID",
            f"A time zone is an IANA name such as Europe/Paris, got {place.timezone!r}.",
            (*here, "timezone"),
        )
    if place.coordinates:
        yield from _coordinate_mistakes(place.coordinates, (*here, "coordinates"))


def _coordinate_mistakes(point: CoordinatesInput, here: Path) -> Iterator[UserError]:
    for name, value, bound in (("latitude", point.latitude, 90), ("longitude", point.longitude, 180)):
        if not -bound <= value <= bound:
            yield _error(
                "OUT_OF_RANGE", f"A {name} is -{bound} to {bound} degrees, got {value}.", (*here, name)
            )


def _group_mistakes(group: ChargerGroupInput, here: Path) -> Iterator[UserError]:
    for ours, value in (
        ("brandSlug", group.brand_slug),
        ("modelSlug", group.model_slug),
        ("connectorType", group.connector_type),
        ("ocppVersion", group.ocpp_version),
    ):
        yield from _blank(ours, value, here)
    if not _WS_URL.fullmatch(group.ws_url):
        yield _error("INVALID", f"wsUrl is a ws:// or wss:// URL, got {group.ws_url!r}.", (*here, "wsUrl"))
    if not group.charger_ids:
        yield _error("BLANK", "Give at least one charger id.", (*here, "chargerIds"))
    for index, charger_id in enumerate(group.charger_ids):
        if not charger_id.strip():
            yield _error("BLANK", "A charger id must not be empty.", (*here, "chargerIds", str(index)))


def _identity_collisions(locations: Sequence[BulkLocationInput]) -> Iterator[UserError]:
    """Each charger identity that stands in the input a second time."""
    seen: set[str] = set()
    for at, item in enumerate(locations):
        groups = (item.location.charger_groups or ()) if item.location else ()
        for nth, group in enumerate(groups):
            for index, charger_id in enumerate(group.charger_ids):
                identity = group.identity_prefix + charger_id
                if identity in seen:
                    path = (
                        "input",
                        "locations",
                        str(at),
                        "location",
                        "chargerGroups",
                        str(nth),
                        "chargerIds",
                        str(index),
                    )
                    yield _error("CONFLICT", f"The identity {identity!r} occurs twice in this request.", path)
                seen.add(identity)


def _nulls(place: NewLocationInput | LocationOverridesInput, here: Path) -> Iterator[UserError]:
    for name, value in vars(place).items():
        if value is None and name not in _NULLABLE:
            ours = _ours(name)
            yield _error("NULL_NOT_ALLOWED", f"{ours} cannot be null; leave it out instead.", (*here, ours))


def _blank(name: str, value: Any, here: Path) -> Iterator[UserError]:
    if isinstance(value, str) and not value.strip():
        yield _error("BLANK", f"{name} must not be empty.", (*here, name))


def _error(code: str, message: str, path: Path) -> UserError:
    return UserError(code=UserErrorCode[code], message=message, path=list(path))


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


# ------------------------------------------------------------------------------------------- what is sent


def _item_body(item: BulkLocationInput) -> dict[str, Any]:
    if item.location:
        place = _fields(item.location, without={"charger_groups"})
        groups = item.location.charger_groups
        return {**place, "charges": [_group_body(g) for g in groups]} if groups else place
    template = item.from_template
    if not template:
        raise TypeError("an item without a location, which @oneOf refuses")
    overrides = {"overrides": _fields(template.overrides)} if template.overrides else {}
    return {"template": template.template, **overrides}


def _group_body(group: ChargerGroupInput) -> dict[str, Any]:
    return {"template": _fields(group, without={"charger_ids"}), "charger_ids": group.charger_ids}


def _fields(given: Any, *, without: set[str] | None = None) -> dict[str, Any]:
    """The fields that the client set, under the gateway's names."""
    return {
        _TO_GATEWAY.get(_ours(name), name): _plain(value)
        for name, value in vars(given).items()
        if value is not UNSET and name not in (without or ())
    }


def _plain(value: Any) -> Any:
    if isinstance(value, CoordinatesInput):
        return {"latitude": value.latitude, "longitude": value.longitude}
    return getattr(value, "value", value)


def _ours(python_name: str) -> str:
    """`owner_name` to `ownerName`."""
    head, *tail = python_name.split("_")
    return head + "".join(part.capitalize() for part in tail)


# ------------------------------------------------------------------------------- what a refusal is about


def _path_of(loc: Sequence[str | int], locations: Sequence[BulkLocationInput]) -> Path:
    """
    `["body", "locations", 3, "coordinates", "latitude"]` as a path of the input.

    Ends where the gateway speaks of something that the input has not.
    """
    parts = [str(part) for part in loc]
    if parts[:1] == ["header"]:
        return ("input", "idempotencyKey")
    if parts[:2] != ["body", "locations"]:
        return ("input",)
    if len(parts) == 2 or not _is_index(parts[2]) or int(parts[2]) >= len(locations):
        return ("input", "locations")
    kind = "location" if locations[int(parts[2])].location else "fromTemplate"
    return ("input", "locations", parts[2], kind, *_below_item(parts[3:], raw=kind == "location"))


def _below_item(parts: Sequence[str], *, raw: bool) -> Iterator[str]:
    for part in parts:
        if raw and part == "template":
            continue  # a charger group is flat here, and nested there
        name = _name_of(part, _FROM_GATEWAY)
        if name is None:
            return
        yield name


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdecimal()


def _name_of(part: str, names: Mapping[str, str]) -> str | None:
    if _is_index(part) or part in _SAME:
        return part
    return names.get(part)
