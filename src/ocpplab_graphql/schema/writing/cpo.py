"""Creating a CPO. Source: gateway contract, section 3, C2."""

import re
from collections.abc import Iterator
from typing import Any

from ocpplab_graphql.gateway.errors import Complaint
from ocpplab_graphql.schema.errors import UserError
from ocpplab_graphql.schema.inputs import CPOOverridesInput, CreateCPOInput
from ocpplab_graphql.schema.writing import checks
from ocpplab_graphql.schema.writing.checks import camel, error, fields

TTL_MIN_S, TTL_MAX_S = 60, 604_800
_PARTY_ID = re.compile(r"[A-Z0-9]{3}", re.ASCII)
# Null: no seed, never destroyed, no override.
_NULLABLE = frozenset({"seed", "ttl_seconds", "overrides", "idempotency_key"})
_KNOWN = frozenset(
    camel(n) for kind in (CreateCPOInput, CPOOverridesInput) for n in kind.__dataclass_fields__
)


def mistakes(given: CreateCPOInput) -> list[UserError]:
    """Everything that is wrong with an input, as far as it can be known without asking the gateway."""
    return list(_mistakes(given))


def body(given: CreateCPOInput) -> dict[str, Any]:
    """The body of C2: only the fields that the client set."""
    sent = fields(given, without=frozenset({"idempotency_key", "overrides"}))
    return {**sent, "overrides": fields(given.overrides)} if given.overrides else sent


def rejection(complaint: Complaint) -> UserError:
    """A complaint of the gateway, in its own words, led back to the input it is about."""
    return checks.rejection(complaint, checks.path_of(complaint.loc, _KNOWN))


def unknown_template(template: str, known: set[str]) -> UserError:
    """The row for a template that is not among `known`."""
    there_are = ", ".join(sorted(known)) or "unknown"
    message = f"There is no CPO template {template!r}. There are: {there_are}."
    return error("NOT_FOUND", message, ("input", "template"))


def _mistakes(given: CreateCPOInput) -> Iterator[UserError]:
    here = ("input",)
    yield from checks.idempotency_key(given.idempotency_key)
    yield from checks.nulls(given, here, nullable=_NULLABLE)
    for name in ("template", "name_prefix", "ocpi_version"):
        yield from checks.blank(camel(name), getattr(given, name), here)
    yield from checks.country("countryCode", given.country_code, here)
    if not _PARTY_ID.fullmatch(given.party_id):
        message = f"A party id is three upper-case letters or digits, got {given.party_id!r}."
        yield error("INVALID", message, (*here, "partyId"))
    if isinstance(given.ttl_seconds, int) and not TTL_MIN_S <= given.ttl_seconds <= TTL_MAX_S:
        message = f"ttlSeconds is {TTL_MIN_S} to {TTL_MAX_S}, or null for never, got {given.ttl_seconds}."
        yield error("OUT_OF_RANGE", message, (*here, "ttlSeconds"))
    if given.overrides:
        for name, value in vars(given.overrides).items():
            if isinstance(value, int) and value < 1:
                path = (*here, "overrides", camel(name))
                yield error("OUT_OF_RANGE", f"{camel(name)} is at least 1, got {value}.", path)
