"""
Every read of the sandbox, from SQL straight to the reply's JSON.

A reply is built from row tuples and encoded once; pydantic is not asked again about what came out of our own
database. A list reads the ids of its window from an index first, so that rows before the window are never
touched, and takes its total from the count kept on the row above. Statements are built once, with names for
what changes: building one costs more than running it.

Every method takes the caller's organization and answers None for what is not there or is somebody else's.
"""

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.clock import now
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import organizations
from ocpplab_graphql.sandbox.store.charger import ChargerHistory, ChargerReads, LocationScope
from ocpplab_graphql.sandbox.store.cpo import CpoReads, live_cpo, live_values, versions_url
from ocpplab_graphql.sandbox.store.job import BULK_LOCATIONS, JobReads
from ocpplab_graphql.sandbox.store.location import LocationReads
from ocpplab_graphql.sandbox.store.window import Window

__all__ = [
    "BULK_LOCATIONS",
    "ChargerHistory",
    "LocationScope",
    "Store",
    "Window",
    "add_organization",
    "live_cpo",
    "live_values",
    "versions_url",
]


class Store(CpoReads, LocationReads, ChargerReads, JobReads):
    """The reads, and the one write that a read may cause: an organization seen for the first time."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        super().__init__(database)
        self._seen: set[str] = set()

    async def see_organization(self, organization_id: str, name: str) -> None:
        """Create the organization of a token when it is seen first."""
        if organization_id in self._seen:
            return
        async with self._database.writing() as connection:
            await add_organization(connection, organization_id, name)
        # Bounded: what is forgotten is only looked up once more.
        if len(self._seen) > 10_000:
            self._seen.clear()
        self._seen.add(organization_id)


async def add_organization(connection: AsyncConnection, organization_id: str, name: str) -> None:
    """Add an organization unless it is there."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"id": organization_id, "name": name, "created_at": now()}
    await connection.execute(insert(organizations).values(row).on_conflict_do_nothing())
