"""
Changing and deleting what is there, with the counts above it.

The CPO's row is locked first, so that counts are right however many change the same network at once.
"""

from typing import Any

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import chargers, cpos, locations
from ocpplab_graphql.sandbox.store import live_cpo, live_values

__all__ = ["Changes"]

_LOCK = select(cpos.c.id).where(live_cpo, cpos.c.id == bindparam("cpo")).with_for_update(key_share=True)


class Changes:
    """The writes of C5, L5 and L6. Each answers whether there was something of the caller's to write to."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def delete_cpo(self, organization: str, cpo: int) -> bool:
        """Delete a CPO with everything under it, jobs included. Source: gateway contract, C5."""
        async with self._database.writing() as connection:
            gone = await connection.execute(
                delete(cpos).where(cpos.c.id == cpo, cpos.c.organization_id == organization)
            )
        return gone.rowcount > 0

    async def delete_location(self, organization: str, cpo: int, location: int) -> bool:
        """Delete a location with its chargers. Source: gateway contract, L5."""
        async with self._database.writing() as connection:
            if not await _locked(connection, organization, cpo):
                return False
            inside = select(func.count(), func.coalesce(func.sum(chargers.c.number_of_connectors), 0))
            units, connectors = (
                await connection.execute(inside.where(chargers.c.location_id == location))
            ).one()
            gone = await connection.execute(delete(locations).where(_this(cpo, location)))
            if not gone.rowcount:
                return False
            await connection.execute(
                update(cpos)
                .where(cpos.c.id == cpo)
                .values(
                    location_count=cpos.c.location_count - 1,
                    charger_count=cpos.c.charger_count - units,
                    evse_count=cpos.c.evse_count - connectors,
                    connector_count=cpos.c.connector_count - connectors,
                    updated_at=now(),
                )
            )
            return True

    async def update_location(
        self, organization: str, cpo: int, location: int, changed: dict[str, Any]
    ) -> bool:
        """Change columns of a location, and nothing else of it. Source: gateway contract, L6."""
        async with self._database.writing() as connection:
            if not await _locked(connection, organization, cpo):
                return False
            done = await connection.execute(
                update(locations).where(_this(cpo, location)).values(**changed, updated_at=now())
            )
            return done.rowcount > 0


def _this(cpo: int, location: int) -> Any:
    return and_(locations.c.id == location, locations.c.cpo_id == cpo)


async def _locked(connection: AsyncConnection, organization: str, cpo: int) -> bool:
    return await connection.scalar(_LOCK, live_values(organization, cpo=cpo)) is not None
