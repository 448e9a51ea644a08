"""By which keys bodies were ever encrypted, with a word by which each is known again."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    text = {"sqlite": "TEXT", "postgresql": 'text COLLATE "C"'}[op.get_bind().dialect.name]
    strict = " STRICT" if op.get_bind().dialect.name == "sqlite" else ""
    op.execute(f"CREATE TABLE body_key (id {text} PRIMARY KEY, proof {text} NOT NULL){strict}")
