"""How far each stream is trimmed: `cleared` of its bodies, `forgotten` of what its events are known by."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    number = {"sqlite": "INTEGER", "postgresql": "bigint"}[op.get_bind().dialect.name]
    for name in ("cleared", "forgotten"):
        op.execute(f"ALTER TABLE stream ADD COLUMN {name} {number} NOT NULL DEFAULT 0")
