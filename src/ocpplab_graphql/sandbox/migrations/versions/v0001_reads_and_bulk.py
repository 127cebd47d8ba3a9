"""The tables of the first version: where every database begins that is older than the record of its steps."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing: a database of version 1 was made whole."""
