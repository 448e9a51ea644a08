"""The rules by which the relay lets a payment in, as this till knows them: its own or those of another till."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE validation_rules (
            stream TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            document TEXT NOT NULL,
            told INTEGER NOT NULL CHECK (told IN (0, 1))
        ) STRICT"""
    )
