"""What alembic runs: the steps, on the connection it is given, in the transaction that is open there."""

from alembic import context

from ocpplab_graphql.sandbox.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
