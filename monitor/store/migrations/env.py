"""Alembic's entry: runs the migrations on the connection that `store.migrate` hands over. Not for the alembic command alone."""

from alembic import context

from monitor.store.tables.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
    transactional_ddl=True,
)
context.run_migrations()
