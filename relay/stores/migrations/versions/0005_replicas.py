"""What the relays of one database tell each other. Nothing of it has to outlive a crash of the database."""

from alembic import op

revision = "0005"
down_revision = "0004"

_POSTGRESQL = (
    """CREATE UNLOGGED TABLE replica (
        name text COLLATE "C" PRIMARY KEY,
        seen_at timestamptz NOT NULL
    )""",
    """CREATE UNLOGGED TABLE till_session (
        till_id text COLLATE "C" PRIMARY KEY,
        session text COLLATE "C" NOT NULL,
        began_at timestamptz NOT NULL,
        noted_at timestamptz NOT NULL
    )""",
    "CREATE INDEX till_session_noted ON till_session(noted_at)",
    """CREATE UNLOGGED TABLE question (
        id text COLLATE "C" PRIMARY KEY,
        stream text COLLATE "C" NOT NULL,
        body text NOT NULL,
        asked_by text COLLATE "C" NOT NULL,
        until timestamptz NOT NULL
    )""",
    """CREATE UNLOGGED TABLE verdict (
        question_id text COLLATE "C",
        replica text COLLATE "C",
        code text COLLATE "C" NOT NULL,
        PRIMARY KEY (question_id, replica)
    )""",
)


def upgrade() -> None:
    """A file has one relay."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)
