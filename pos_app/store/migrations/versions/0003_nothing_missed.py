"""What keeps payments from being missed: how far Pull has asked, its rows, holes, balances, doubts, registrations."""

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    """CREATE TABLE pull_coverage (
        short_code TEXT PRIMARY KEY,
        covered_until TEXT NOT NULL,
        swept INTEGER NOT NULL CHECK (swept IN (0, 1))
    ) STRICT""",
    """CREATE TABLE pulled_row (
        id INTEGER PRIMARY KEY,
        short_code TEXT NOT NULL,
        receipt TEXT NOT NULL,
        told TEXT NOT NULL,
        UNIQUE (short_code, receipt)
    ) STRICT""",
    """CREATE TABLE statement_task (
        id INTEGER PRIMARY KEY,
        short_code TEXT NOT NULL,
        since TEXT NOT NULL,
        until TEXT NOT NULL,
        resolved_at TEXT,
        note TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX open_statement_task ON statement_task(short_code) WHERE resolved_at IS NULL",
    """CREATE TRIGGER statement_task_is_kept BEFORE DELETE ON statement_task
        BEGIN SELECT RAISE(ABORT, 'a hole in the records is resolved, never forgotten'); END""",
    """CREATE TABLE told_balance (
        id INTEGER PRIMARY KEY,
        receipt TEXT NOT NULL,
        paid_at TEXT NOT NULL,
        balance_cents INTEGER NOT NULL,
        UNIQUE (receipt, balance_cents)
    ) STRICT""",
    """CREATE TABLE balance_gap (
        id INTEGER PRIMARY KEY,
        short_code TEXT NOT NULL,
        since TEXT NOT NULL,
        until TEXT NOT NULL,
        difference_cents INTEGER NOT NULL CHECK (difference_cents <> 0)
    ) STRICT""",
    """CREATE TABLE gap_explanation (
        id INTEGER PRIMARY KEY,
        short_code TEXT NOT NULL,
        since TEXT NOT NULL,
        until TEXT NOT NULL,
        difference_cents INTEGER NOT NULL,
        note TEXT NOT NULL CHECK (note <> ''),
        at TEXT NOT NULL
    ) STRICT""",
    """CREATE TRIGGER gap_explanation_is_kept BEFORE DELETE ON gap_explanation
        BEGIN SELECT RAISE(ABORT, 'what a person said of a gap is never deleted'); END""",
    """CREATE TABLE held_back (
        id INTEGER PRIMARY KEY,
        event_key TEXT NOT NULL UNIQUE,
        receipt TEXT NOT NULL,
        amount_cents INTEGER NOT NULL,
        short_code TEXT NOT NULL,
        doubt TEXT NOT NULL CHECK (doubt IN ('sender', 'account')),
        received_at TEXT NOT NULL,
        paid_at TEXT,
        payer_name TEXT NOT NULL,
        payer_phone TEXT NOT NULL,
        bill_reference TEXT NOT NULL,
        listed_at TEXT,
        asked_at TEXT,
        put_aside_at TEXT,
        note TEXT NOT NULL,
        CHECK ((put_aside_at IS NULL) = (note = ''))
    ) STRICT""",
    "CREATE INDEX held_back_now ON held_back(receipt) WHERE put_aside_at IS NULL",
    """CREATE TRIGGER held_back_is_kept BEFORE DELETE ON held_back
        BEGIN SELECT RAISE(ABORT, 'a message that was held back is never deleted'); END""",
    "CREATE INDEX untrusted_evidence ON evidence(attempt_id) WHERE trusted = 0 AND attempt_id IS NOT NULL",
    """CREATE TABLE registration (
        id INTEGER PRIMARY KEY,
        product TEXT NOT NULL CHECK (product IN ('c2b', 'pull')),
        short_code TEXT NOT NULL,
        style TEXT NOT NULL,
        address TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL,
        sentence TEXT NOT NULL,
        code TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
