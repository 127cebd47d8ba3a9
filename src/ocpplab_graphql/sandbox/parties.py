"""
Party ids: one CPO per party in an organization.

A party id that is taken is altered: counted on in base 36, from the one that was asked for, to the next that
is free. `ABC` becomes `ABD`, `ABZ` becomes `AC0`.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.models import cpos

__all__ = ["free_party", "next_party"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


async def free_party(connection: AsyncConnection, organization: str, country_code: str, wanted: str) -> str:
    """The party id asked for, or the next one that the organization does not use in this country."""
    mine = (cpos.c.organization_id == organization, cpos.c.country_code == country_code)
    taken = set((await connection.scalars(select(cpos.c.party_id).where(*mine))).all())
    party = wanted
    for _ in range(len(taken)):
        if party not in taken:
            break
        party = next_party(party)
    return party


def next_party(party: str) -> str:
    """The next of the 36³ party ids; after `ZZZ` comes `000`."""
    number = (int(party, 36) + 1) % 36**3
    return _DIGITS[number // 1296] + _DIGITS[number // 36 % 36] + _DIGITS[number % 36]
