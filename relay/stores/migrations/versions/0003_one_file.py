"""The log in one SQLite file. Files of this shape have no mark of Alembic's yet: their `user_version` is 3."""

from alembic import op

revision = "0003"
down_revision = None

_SQLITE = (
    """CREATE TABLE stream (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        epoch TEXT NOT NULL,
        floor INTEGER NOT NULL DEFAULT 0,
        rules TEXT
    ) STRICT""",
    # The head of a stream is its last row: nothing else can disagree with it.
    """CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        stream_id INTEGER NOT NULL REFERENCES stream(id),
        key_end TEXT NOT NULL,
        key_start TEXT NOT NULL,
        rev INTEGER NOT NULL,
        kind TEXT NOT NULL,
        receipt TEXT,
        trust TEXT NOT NULL,
        src TEXT NOT NULL,
        at INTEGER NOT NULL,
        nonce TEXT,
        short_code TEXT,
        body_sha256 BLOB NOT NULL,
        money BLOB NOT NULL,
        chain BLOB NOT NULL,
        encoding INTEGER NOT NULL,
        body TEXT,
        CONSTRAINT event_identity UNIQUE (key_end, key_start, stream_id, rev),
        CONSTRAINT event_place CHECK (id >> 40 = stream_id AND id & 1099511627775 > 0)
    ) STRICT""",
    # Nothing but a claim asks for a receipt, and a confirmation's stands in its key already.
    "CREATE INDEX event_stk_receipt ON event(receipt) WHERE kind = 'stk' AND receipt IS NOT NULL",
    """CREATE TABLE shop (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        stream_id INTEGER NOT NULL UNIQUE REFERENCES stream(id),
        callback_key TEXT NOT NULL,
        callback_key_sha256 TEXT NOT NULL UNIQUE,
        nonce_key TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE till (
        id TEXT NOT NULL PRIMARY KEY,
        shop_id INTEGER NOT NULL REFERENCES shop(id),
        name TEXT NOT NULL,
        token_sha256 TEXT NOT NULL UNIQUE,
        paired_at INTEGER NOT NULL,
        revoked_at INTEGER,
        acked_seq INTEGER,
        acked_at INTEGER
    ) STRICT""",
    "CREATE INDEX till_revoked ON till(revoked_at)",
    """CREATE TABLE seat (
        till_id TEXT NOT NULL PRIMARY KEY REFERENCES till(id),
        shop_id INTEGER NOT NULL REFERENCES shop(id),
        device TEXT NOT NULL,
        code TEXT NOT NULL,
        CONSTRAINT seat_device UNIQUE (shop_id, device),
        CONSTRAINT seat_code UNIQUE (shop_id, code)
    ) STRICT""",
    """CREATE TABLE invite (
        first_half TEXT NOT NULL PRIMARY KEY,
        shop_id INTEGER NOT NULL REFERENCES shop(id),
        code_sha256 TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE:
            op.execute(statement)
