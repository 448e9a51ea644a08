"""Who works here, what their PINs are worth without the key store, wrong tries, and the record of what was done."""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    """CREATE TABLE person (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL COLLATE NOCASE CHECK (name <> ''),
        role TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'supervisor', 'cashier', 'auditor')),
        pin_salt BLOB NOT NULL CHECK (length(pin_salt) = 16),
        pin_hash BLOB NOT NULL CHECK (length(pin_hash) = 32),
        active INTEGER NOT NULL CHECK (active IN (0, 1)),
        added_at TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX one_active_person_per_name ON person(name) WHERE active = 1",
    """CREATE TRIGGER person_is_kept BEFORE DELETE ON person
        BEGIN SELECT RAISE(ABORT, 'a person is never deleted: the record names them'); END""",
    """CREATE TRIGGER somebody_owns_the_till BEFORE UPDATE OF active, role ON person
        WHEN OLD.role = 'owner' AND OLD.active = 1 AND (NEW.role <> 'owner' OR NEW.active = 0)
          AND (SELECT count(*) FROM person WHERE role = 'owner' AND active = 1) = 1
        BEGIN SELECT RAISE(ABORT, 'the last owner stays'); END""",
    """CREATE TABLE lockout (
        person_id INTEGER PRIMARY KEY REFERENCES person(id),
        tries INTEGER NOT NULL CHECK (tries BETWEEN 0 AND 10),
        waits_ms INTEGER NOT NULL CHECK (waits_ms >= 0)
    ) STRICT""",
    """CREATE TABLE recovery (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        key_sha256 BLOB NOT NULL CHECK (length(key_sha256) = 32),
        made_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE audit_entry (
        seq INTEGER PRIMARY KEY CHECK (seq > 0),
        at TEXT NOT NULL,
        event TEXT NOT NULL,
        actor TEXT NOT NULL,
        approver TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        previous TEXT NOT NULL CHECK (length(previous) = 64),
        mac TEXT NOT NULL CHECK (length(mac) = 64)
    ) STRICT""",
    """CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the record of what was done is never deleted'); END""",
    """CREATE TRIGGER audit_is_fixed BEFORE UPDATE ON audit_entry
        BEGIN SELECT RAISE(ABORT, 'the record of what was done is never changed'); END""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
