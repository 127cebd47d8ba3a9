"""Writing a world into an empty database, once."""

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ocpplab_graphql.sandbox.database import Database, one_at_a_time
from ocpplab_graphql.sandbox.models import chargers, cpos, locations, meta, organizations
from ocpplab_graphql.sandbox.seed import demo_world

__all__ = ["sow_demo"]


async def sow_demo(database: Database) -> None:
    """
    Write the demo world, all of it or nothing, unless the database has or ever had a world.

    One transaction that starts with a lock: of two processes that start together one writes, and a
    process killed in the middle leaves an empty database.
    """
    async with database.reading() as connection:
        if await connection.scalar(_sown):
            return
    async with database.writing() as connection:
        await one_at_a_time(connection)
        if await connection.scalar(_sown):
            return
        await connection.execute(insert(meta), {"key": "seed", "value": "demo"})
        if await connection.scalar(select(func.count()).select_from(cpos)):
            return
        world = demo_world()
        await connection.execute(insert(organizations), world.organizations)
        await connection.execute(insert(cpos), world.cpos)
        await connection.execute(insert(locations), world.locations)
        await connection.execute(insert(chargers), world.chargers)
        await count_on(connection)


async def count_on(connection: AsyncConnection) -> None:
    """Let PostgreSQL's numbers go on after rows that brought their own. SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in (cpos, locations, chargers):
        last = select(func.max(table.c.id)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, "id")
        await connection.execute(select(func.setval(sequence, last)))


_sown = select(meta.c.value).where(meta.c.key == "seed")
