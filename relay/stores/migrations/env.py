"""Runs the steps on the connection it is given, which is in a transaction that its owner commits."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
