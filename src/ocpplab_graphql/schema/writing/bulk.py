"""Bulk creation. Source: gateway contract, section 4, L2."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import (
    BulkCreateLocationsInput,
    BulkLocationInput,
    ChargerGroupInput,
    LocationFromTemplateInput,
    LocationOverridesInput,
    NewLocationInput,
)
from ocpplab_graphql.schema.writing import checks
from ocpplab_graphql.schema.writing.checks import Path, camel, error, fields

_WS_URL = re.compile(r"wss?://[^\s/]+\S*", re.ASCII)
_KNOWN = frozenset(
    camel(name)
    for kind in (NewLocationInput, LocationFromTemplateInput, LocationOverridesInput, ChargerGroupInput)
    for name in kind.__dataclass_fields__
) | {"latitude", "longitude"}


def mistakes(given: BulkCreateLocationsInput, *, items_max: int) -> list[UserError]:
    """Everything that is wrong with an input, as far as it can be known without asking the gateway."""
    return list(_mistakes(given, items_max))


def body(locations: Sequence[BulkLocationInput]) -> dict[str, Any]:
    """The body of L2. Fields that the client left out are left out."""
    return {"locations": [_item_body(item) for item in locations]}


def rejection(complaint: Complaint, locations: Sequence[BulkLocationInput]) -> UserError:
    """A complaint of the gateway, in its own words, led back to the input it is about."""
    return checks.rejection(complaint, _path_of(complaint.loc, locations))


def unknown_templates(locations: Sequence[BulkLocationInput], known: set[str]) -> list[UserError]:
    """A row for each item whose template is not among `known`."""
    there_are = ", ".join(sorted(known)) or "none"
    return [
        error(
            "NOT_FOUND",
            f"There is no location template {item.from_template.template!r}. There are: {there_are}.",
            ("input", "locations", str(index), "fromTemplate", "template"),
        )
        for index, item in enumerate(locations)
        if item.from_template and item.from_template.template not in known
    ]


def _mistakes(given: BulkCreateLocationsInput, items_max: int) -> Iterator[UserError]:
    yield from checks.idempotency_key(given.idempotency_key)
    here = ("input", "locations")
    count = len(given.locations)
    if not count:
        yield error("BLANK", "Give at least one location.", here)
    if count > items_max:
        yield error("TOO_MANY", f"At most {items_max} locations in one request, got {count}.", here)
        return
    for index, item in enumerate(given.locations):
        yield from _item_mistakes(item, (*here, str(index)))
    yield from _identity_collisions(given.locations)


def _item_mistakes(item: BulkLocationInput, here: Path) -> Iterator[UserError]:
    if item.location:
        yield from checks.place(item.location, (*here, "location"))
        for index, group in enumerate(item.location.charger_groups or ()):
            yield from _group_mistakes(group, (*here, "location", "chargerGroups", str(index)))
    elif item.from_template:
        here = (*here, "fromTemplate")
        yield from checks.blank("template", item.from_template.template, here)
        overrides = item.from_template.overrides
        if overrides:
            yield from checks.place(overrides, (*here, "overrides"))
            yield from checks.blank("ocppVersion", overrides.ocpp_version, (*here, "overrides"))


def _group_mistakes(group: ChargerGroupInput, here: Path) -> Iterator[UserError]:
    for name in ("brand_slug", "model_slug", "connector_type", "ocpp_version"):
        yield from checks.blank(camel(name), getattr(group, name), here)
    if not _WS_URL.fullmatch(group.ws_url):
        yield error("INVALID", f"wsUrl is a ws:// or wss:// URL, got {group.ws_url!r}.", (*here, "wsUrl"))
    if not group.charger_ids:
        yield error("BLANK", "Give at least one charger id.", (*here, "chargerIds"))
    for index, charger_id in enumerate(group.charger_ids):
        if not charger_id.strip():
            yield error("BLANK", "A charger id must not be empty.", (*here, "chargerIds", str(index)))


def _identity_collisions(locations: Sequence[BulkLocationInput]) -> Iterator[UserError]:
    """Each charger identity that stands in the input a second time."""
    seen: set[str] = set()
    for identity, path in _identities(locations):
        if identity in seen:
            yield error("CONFLICT", f"The identity {identity!r} occurs twice in this request.", path)
        seen.add(identity)


def _identities(locations: Sequence[BulkLocationInput]) -> Iterator[tuple[str, Path]]:
    """Each charger identity that raw items will have, and the path to its suffix."""
    for at, item in enumerate(locations):
        groups = (item.location.charger_groups or ()) if item.location else ()
        for nth, group in enumerate(groups):
            here = ("input", "locations", str(at), "location", "chargerGroups", str(nth), "chargerIds")
            for index, charger_id in enumerate(group.charger_ids):
                yield group.identity_prefix + charger_id, (*here, str(index))


def _item_body(item: BulkLocationInput) -> dict[str, Any]:
    if item.location:
        place = fields(item.location, without=frozenset({"charger_groups"}))
        groups = item.location.charger_groups
        return {**place, "charges": [_group_body(g) for g in groups]} if groups else place
    template = item.from_template
    if not template:
        raise TypeError("an item without a location, which @oneOf refuses")
    overrides = {"overrides": fields(template.overrides)} if template.overrides else {}
    return {"template": template.template, **overrides}


def _group_body(group: ChargerGroupInput) -> dict[str, Any]:
    return {"template": fields(group, without=frozenset({"charger_ids"})), "charger_ids": group.charger_ids}


def _path_of(loc: Sequence[str | int], locations: Sequence[BulkLocationInput]) -> Path:
    """
    `["body", "locations", 3, "coordinates", "latitude"]` as a path of the input.

    Ends where the gateway speaks of something that the input has not.
    """
    parts = [str(part) for part in loc]
    if parts[:2] != ["body", "locations"]:
        return checks.path_of(loc, frozenset())
    if len(parts) == 2 or not checks.is_index(parts[2]) or int(parts[2]) >= len(locations):
        return ("input", "locations")
    raw = bool(locations[int(parts[2])].location)
    # A charger group of a raw item is flat here, and nested under `template` there.
    below = [part for part in parts[3:] if not (raw and part == "template")]
    kind = "location" if raw else "fromTemplate"
    return ("input", "locations", parts[2], kind, *checks.names_of(below, _KNOWN))
