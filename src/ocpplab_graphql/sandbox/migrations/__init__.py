"""
Bringing an older database up to date, forward only.

The step N is the file `versions/vNNNN_….py`; `SCHEMA_VERSION` is the number of the newest. A new database is
made whole from `models` and never comes here, so alembic is imported only when there is something to do. A
test holds the two ways to the same tables.
"""

from pathlib import Path

from sqlalchemy import Connection

__all__ = ["revision", "upgrade"]


def revision(version: int) -> str:
    """Alembic's name for a schema version."""
    return f"{version:04d}"


def upgrade(connection: Connection, found: int) -> None:
    """Run every step after version `found`, inside the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - seldom needed, slow to import
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.stamp(config, revision(found), purge=True)
    command.upgrade(config, "head")
