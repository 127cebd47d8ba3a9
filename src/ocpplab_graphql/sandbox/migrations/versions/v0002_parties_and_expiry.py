"""CPOs that are created and expire: one per party, found by their expiry; idempotency keys by their age."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the OCPI version of a CPO, and the indexes."""
    op.add_column("cpos", sa.Column("ocpi_version", sa.String(16), nullable=False, server_default="2.2.1"))
    op.create_index("cpos_by_expiry", "cpos", ["expires_at"])
    op.create_index("one_cpo_per_party", "cpos", ["organization_id", "country_code", "party_id"], unique=True)
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["created_at"])
