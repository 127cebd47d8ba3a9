"""
The sandbox's tables.

Core tables, no mapped classes: the hot reads go from row to JSON without an object between. Columns are
plain enough for SQLite and PostgreSQL alike. Instants are text in the contract's own spelling (see
`clock`), leases are seconds since 1970.

Counts of locations, chargers, EVSEs and connectors are kept on the row above and change in the transaction
that adds or removes a row, so that no list has to count to tell its total.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement

__all__ = [
    "SCHEMA_VERSION",
    "chargers",
    "cpos",
    "database_time",
    "idempotency_keys",
    "job_items",
    "jobs",
    "locations",
    "meta",
    "metadata",
    "organizations",
]

# The version of the tables below, and the number of the newest step under `migrations`. A database that says
# a higher one is left alone.
SCHEMA_VERSION = 2

metadata = MetaData()

meta = Table(
    "sandbox_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)


# Row numbers of 64 bits. SQLite numbers rows by itself only under this very name.
_Number = BigInteger().with_variant(Integer, "sqlite")


class database_time(ColumnElement[float]):  # noqa: N801 - it is written like a function
    """
    Seconds since 1970 by the clock of the database: the one clock that all its processes share.

    It moves on inside a transaction.
    """

    inherit_cache = True
    type = Float()


@compiles(database_time)
def _sqlite_time(_element: database_time, _compiler: Any, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_time, "postgresql")
def _postgresql_time(_element: database_time, _compiler: Any, **_options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


def _row_number() -> Column[int]:
    """A number that is never given twice, even after its row is gone."""
    return Column("id", _Number, primary_key=True, autoincrement=True)


def _organization() -> Column[str]:
    return Column("organization_id", ForeignKey("organizations.id"), nullable=False)


cpos = Table(
    "cpos",
    metadata,
    _row_number(),
    _organization(),
    Column("country_code", String(2), nullable=False),
    Column("party_id", String(3), nullable=False),
    Column("role", String(8), nullable=False),
    Column("name_prefix", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("template_version", Integer, nullable=False),
    Column("ocpi_version", String(16), nullable=False, server_default="2.2.1"),
    Column("token_a", Text, nullable=False),
    Column("location_count", Integer, nullable=False, default=0),
    Column("charger_count", Integer, nullable=False, default=0),
    Column("evse_count", Integer, nullable=False, default=0),
    Column("connector_count", Integer, nullable=False, default=0),
    Column("status", String(16), nullable=False),
    Column("current_step", Text),
    Column("workflow_run_id", Text),
    Column("error", Text),
    Column("provisioned_at", String(32)),
    Column("expires_at", String(32)),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32)),
    Index("cpos_of_organization", "organization_id", "id"),
    Index("cpos_by_expiry", "expires_at"),
    # An OCPI party is met once in an organization.
    Index("one_cpo_per_party", "organization_id", "country_code", "party_id", unique=True),
    sqlite_autoincrement=True,
)

locations = Table(
    "locations",
    metadata,
    _row_number(),
    Column("cpo_id", ForeignKey("cpos.id", ondelete="CASCADE"), nullable=False),
    _organization(),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("country", String(2), nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("timezone", Text),
    Column("owner_name", Text),
    Column("public", Boolean),
    Column("parking_type", Text),
    Column("charger_count", Integer, nullable=False, default=0),
    # True: its embedded chargers also tell charge_point_id and evses, as some of the gateway's replies do.
    Column("detailed", Boolean, nullable=False, default=False),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32)),
    Index("locations_of_cpo", "cpo_id", "id"),
    sqlite_autoincrement=True,
)

chargers = Table(
    "chargers",
    metadata,
    _row_number(),
    Column("location_id", ForeignKey("locations.id", ondelete="CASCADE"), nullable=False),
    _organization(),
    Column("identity", Text, nullable=False),
    Column("name", Text),
    Column("vendor_name", Text),
    Column("model", Text),
    Column("image_url", Text),
    Column("ocpp_version", Text),
    Column("number_of_connectors", Integer, nullable=False),
    Column("max_charging_power", Integer),
    Column("connector_type", Text),
    Column("status", String(16), nullable=False),
    Column("workflow_run_id", Text),
    Column("provisioned_at", String(32)),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32)),
    Index("chargers_of_location", "location_id", "id"),
    Index("chargers_of_organization", "organization_id", "id"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("cpo_id", ForeignKey("cpos.id", ondelete="CASCADE"), nullable=False),
    _organization(),
    Column("job_type", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("workflow_run_id", Text, nullable=False),
    Column("error", Text),
    Column("results", Text),
    Column("created_at", String(32), nullable=False),
    Column("provisioned_at", String(32)),
    Index("jobs_by_status", "status", "created_at"),
    Index("jobs_of_cpo", "cpo_id"),
)

job_items = Table(
    "job_items",
    metadata,
    _row_number(),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("item_index", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("payload", Text, nullable=False),
    # PENDING, then DONE or FAILED for good.
    Column("state", String(8), nullable=False),
    Column("error", Text),
    Column("location_id", _Number),
    # Who works on it, and until when that is believed without a sign of life.
    Column("lease_owner", String(36)),
    Column("lease_until", Float),
    UniqueConstraint("job_id", "item_index", name="one_row_per_item"),
    Index("job_items_by_state", "job_id", "state", "id"),
    Index("job_items_by_owner", "lease_owner", "state"),
    sqlite_autoincrement=True,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("organization_id", String(36), primary_key=True),
    Column("route", String(128), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Index("idempotency_keys_by_age", "created_at"),
)
