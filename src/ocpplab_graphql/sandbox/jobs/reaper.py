"""
Self-destruction: CPOs past their expiry, and idempotency keys past theirs, are removed.

No read waits for it: a CPO is gone for everybody at the second of its expiry.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, select

from ocpplab_graphql.sandbox.clock import instant, now
from ocpplab_graphql.sandbox.database import Database
from ocpplab_graphql.sandbox.models import cpos, idempotency_keys

__all__ = ["KEY_LIFETIME", "reap"]

# As common practice has it: a key is remembered for a day.
KEY_LIFETIME = timedelta(hours=24)

_OVER = select(cpos.c.id).where(cpos.c.expires_at <= bindparam("moment")).limit(100)
_OLD_KEY = select(idempotency_keys.c.key).where(idempotency_keys.c.created_at < bindparam("since")).limit(1)


async def reap(database: Database) -> None:
    """Remove what is over, a CPO at a time. Writes nothing when nothing is."""
    async with database.reading() as connection:
        over = (await connection.scalars(_OVER, {"moment": now()})).all()
    for cpo in over:
        async with database.writing() as connection:
            await connection.execute(delete(cpos).where(cpos.c.id == cpo))
    since = instant(datetime.now(UTC) - KEY_LIFETIME)
    if await database.first(_OLD_KEY, {"since": since}) is not None:
        async with database.writing() as connection:
            await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < since))
