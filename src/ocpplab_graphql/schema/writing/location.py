"""Changing one location. Source: gateway contract, section 4, L6."""

from collections.abc import Iterator
from typing import Any

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import UpdateLocationInput
from ocpplab_graphql.schema.writing import checks
from ocpplab_graphql.schema.writing.checks import camel, error, fields

_IDS = frozenset({"cpo_id", "location_id"})
_KNOWN = frozenset(camel(name) for name in UpdateLocationInput.__dataclass_fields__) | {
    "latitude",
    "longitude",
}


def mistakes(given: UpdateLocationInput) -> list[UserError]:
    """Everything that is wrong with an input, as far as it can be known without asking the gateway."""
    return list(_mistakes(given))


def body(given: UpdateLocationInput) -> dict[str, Any]:
    """The body of L6: only the fields that the client set."""
    return fields(given, without=_IDS)


def rejection(complaint: Complaint) -> UserError:
    """A complaint of the gateway, in its own words, led back to the input it is about."""
    return checks.rejection(complaint, checks.path_of(complaint.loc, _KNOWN))


def _mistakes(given: UpdateLocationInput) -> Iterator[UserError]:
    if not body(given):
        yield error("BLANK", "Give at least one field to change.", ("input",))
    yield from checks.place(given, ("input",))
