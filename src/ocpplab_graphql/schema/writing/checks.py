"""What the inputs of several mutations have in common: their checks, their names, their paths."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from strawberry import UNSET

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.enums import UserErrorCode
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import (
    CoordinatesInput,
    LocationOverridesInput,
    NewLocationInput,
    UpdateLocationInput,
)

Path = tuple[str, ...]
Place = NewLocationInput | LocationOverridesInput | UpdateLocationInput

# Input field to the gateway's, where it is more than another case. `role` and the like are the same.
_OTHER_WORDS = {"isPublic": "public", "chargerGroups": "charges", "locationCount": "locations"}
_THEIR_WORDS = {theirs: ours for ours, theirs in _OTHER_WORDS.items()}
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)
# Null has a meaning for the gateway only here.
NULLABLE = frozenset({"timezone", "owner_name", "template_name"})


def error(code: str, message: str, path: Path) -> UserError:
    """A row of `userErrors`."""
    return UserError(code=UserErrorCode[code], message=message, path=list(path))


def blank(name: str, value: Any, here: Path) -> Iterator[UserError]:
    """A text that was given, and is empty."""
    if isinstance(value, str) and not value.strip():
        yield error("BLANK", f"{name} must not be empty.", (*here, name))


def nulls(given: Any, here: Path, *, nullable: frozenset[str] = NULLABLE) -> Iterator[UserError]:
    """Explicit nulls where the gateway has no meaning for them."""
    for name, value in vars(given).items():
        if value is None and name not in nullable:
            ours = camel(name)
            yield error("NULL_NOT_ALLOWED", f"{ours} cannot be null; leave it out instead.", (*here, ours))


def country(name: str, value: Any, here: Path) -> Iterator[UserError]:
    """A country that is no alpha-2 code."""
    if isinstance(value, str) and not _COUNTRY.fullmatch(value):
        yield error(
            "INVALID", f"A country is two upper-case letters such as FR, got {value!r}.", (*here, name)
        )


def idempotency_key(value: Any) -> Iterator[UserError]:
    """A key that could not be sent as a header."""
    if isinstance(value, str) and not _KEY.fullmatch(value):
        message = "An idempotency key is 1 to 255 printable ASCII characters."
        yield error("INVALID", message, ("input", "idempotencyKey"))


def place(given: Place, here: Path) -> Iterator[UserError]:
    """What is wrong with the fields that describe a site."""
    yield from nulls(given, here, nullable=NULLABLE | {"cpo_id"})
    for name in ("name", "address", "city"):
        yield from blank(name, getattr(given, name), here)
    yield from blank("ownerName", given.owner_name, here)
    yield from country("country", given.country, here)
    if isinstance(given.timezone, str) and given.timezone not in _timezones():
        message = f"A time zone is an IANA name such as Europe/Paris, got {given.timezone!r}."
        yield error("INVALID", message, (*here, "timezone"))
    if given.coordinates:
        yield from _point(given.coordinates, (*here, "coordinates"))


def fields(given: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields that the client set, under the gateway's names."""
    return {
        _OTHER_WORDS.get(camel(name), name): _plain(value)
        for name, value in vars(given).items()
        if value is not UNSET and name not in without
    }


def rejection(complaint: Complaint, path: Path) -> UserError:
    """A complaint of the gateway, in its own words, led back to the input it is about."""
    return error("REJECTED", complaint.message, path)


def path_of(loc: Sequence[str | int], known: frozenset[str]) -> Path:
    """
    `["body", "coordinates", "latitude"]` as a path of the input, as far as the input has it.

    Args:
        known: names of input fields, at any depth.
    """
    parts = [str(part) for part in loc]
    if parts[:1] == ["header"]:
        return ("input", "idempotencyKey")
    return ("input", *names_of(parts[1:], known)) if parts[:1] == ["body"] else ("input",)


def names_of(parts: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """The gateway's names as the input's, up to the first that the input has not."""
    for part in parts:
        ours = part if is_index(part) else _THEIR_WORDS.get(part, camel(part))
        if not is_index(part) and ours not in known:
            return
        yield ours


def is_index(part: str) -> bool:
    """Whether this part of a path counts items."""
    return part.isascii() and part.isdecimal() and len(part) <= 10


def camel(python_name: str) -> str:
    """`owner_name` to `ownerName`."""
    head, *tail = python_name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _point(point: CoordinatesInput, here: Path) -> Iterator[UserError]:
    for name, value, bound in (("latitude", point.latitude, 90), ("longitude", point.longitude, 180)):
        if not -bound <= value <= bound:
            message = f"A {name} is -{bound} to {bound} degrees, got {value}."
            yield error("OUT_OF_RANGE", message, (*here, name))


def _plain(value: Any) -> Any:
    if isinstance(value, CoordinatesInput):
        return {"latitude": value.latitude, "longitude": value.longitude}
    return getattr(value, "value", value)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
