"""Alembic's entry: runs a service's revisions on the connection that `clipmill_shared.sql.migrate` holds."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
