"""Runs the steps on the connection it is given: one exclusive transaction, foreign keys off inside, checked after."""

from alembic import context
from sqlmodel import SQLModel

import pos_app.store.tables  # noqa: F401 — declares them to SQLModel

connection = context.config.attributes["connection"]
context.configure(connection=connection, transactional_ddl=True, target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
        raise RuntimeError(f"a step left {len(broken)} rows without their parent")
