"""
Public ids and the row numbers behind them.

Every id a client sees is a word and the row's number, given by the database, so that two processes never
give the same one. Reading is exact: `loc-042` or `loc-42 ` is nobody's id, and a number too large for a
row is simply unknown.
"""

import re
import uuid

__all__ = [
    "charger_row",
    "cpo_row",
    "location_row",
    "ocpp_location_row",
    "organization_named",
]

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def _row(prefix: str, text: str) -> int | None:
    if not text.startswith(prefix):
        return None
    digits = text[len(prefix) :]
    return int(digits) if _NUMBER.fullmatch(digits) else None


def cpo_row(cpo_id: str) -> int | None:
    """The row of `101`."""
    return _row("", cpo_id)


def location_row(location_id: str) -> int | None:
    """The row of `loc-42`."""
    return _row("loc-", location_id)


def ocpp_location_row(ocpp_location_id: str) -> int | None:
    """The row of `ocpp-loc-42`: the same location, seen from its chargers."""
    return _row("ocpp-loc-", ocpp_location_id)


def charger_row(charger_id: str) -> int | None:
    """The row of `dep-7`."""
    return _row("dep-", charger_id)


def organization_named(name: str) -> str:
    """The organization of the token `org-NAME`: uuid5 of the name in the DNS namespace."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
