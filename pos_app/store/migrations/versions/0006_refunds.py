"""Money given back: each refund from its wish to its end, who released it, what was said of it, what is asked about."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    """CREATE TABLE refund (
        id INTEGER PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        sale_id INTEGER NOT NULL REFERENCES sale(id),
        payment_id TEXT REFERENCES payment(id),
        original_receipt TEXT NOT NULL,
        route TEXT NOT NULL CHECK (route IN ('reversal', 'b2c', 'cash', 'credit_note')),
        amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
        payee TEXT,
        other_number INTEGER NOT NULL CHECK (other_number IN (0, 1)),
        why TEXT NOT NULL,
        note TEXT NOT NULL,
        requested_by INTEGER NOT NULL REFERENCES person(id),
        requested_at TEXT NOT NULL,
        nonce TEXT NOT NULL,
        originator_id TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'SUBMITTING', 'PENDING', 'COMPLETED', 'FAILED',
            'UNKNOWN', 'DISPUTED', 'DECLINED')),
        reason TEXT NOT NULL,
        code TEXT NOT NULL,
        receipt TEXT NOT NULL,
        submitted_at TEXT,
        finished_at TEXT,
        CHECK (route IN ('cash', 'credit_note') OR (payment_id IS NOT NULL AND nonce <> '' AND original_receipt <> '')),
        CHECK (route <> 'b2c' OR (originator_id <> '' AND payee IS NOT NULL AND amount_cents % 100 = 0))
    ) STRICT""",
    "CREATE INDEX refund_of_sale ON refund(sale_id)",
    "CREATE INDEX refund_of_payment ON refund(payment_id) WHERE payment_id IS NOT NULL",
    "CREATE UNIQUE INDEX one_refund_per_nonce ON refund(nonce) WHERE nonce <> ''",
    "CREATE UNIQUE INDEX one_refund_per_originator ON refund(originator_id) WHERE originator_id <> ''",
    """CREATE INDEX open_refund ON refund(id)
        WHERE state IN ('REQUESTED', 'APPROVED', 'SUBMITTING', 'PENDING', 'UNKNOWN', 'DISPUTED')""",
    """CREATE TRIGGER refund_is_kept BEFORE DELETE ON refund
        BEGIN SELECT RAISE(ABORT, 'a refund is never deleted'); END""",
    """CREATE TRIGGER refund_intent_is_fixed BEFORE UPDATE ON refund
        WHEN (NEW.id, NEW.number, NEW.sale_id, NEW.payment_id, NEW.original_receipt, NEW.route, NEW.amount_cents,
              NEW.payee, NEW.other_number, NEW.why, NEW.note, NEW.requested_by, NEW.requested_at, NEW.nonce)
          IS NOT (OLD.id, OLD.number, OLD.sale_id, OLD.payment_id, OLD.original_receipt, OLD.route, OLD.amount_cents,
              OLD.payee, OLD.other_number, OLD.why, OLD.note, OLD.requested_by, OLD.requested_at, OLD.nonce)
          OR (OLD.originator_id <> '' AND NEW.originator_id <> OLD.originator_id)
        BEGIN SELECT RAISE(ABORT, 'the intent of a refund is never changed'); END""",
    """CREATE TRIGGER refund_never_regresses BEFORE UPDATE OF state ON refund
        WHEN NEW.state <> OLD.state AND (OLD.state = 'COMPLETED'
          OR (OLD.state IN ('FAILED', 'DECLINED') AND NEW.state <> 'DISPUTED'))
        BEGIN SELECT RAISE(ABORT, 'a final state never regresses'); END""",
    # The cap is this one rule, whoever writes: what is not certainly unpaid counts as paid back.
    """CREATE TRIGGER payment_is_refunded_once BEFORE INSERT ON refund
        WHEN NEW.payment_id IS NOT NULL AND NEW.amount_cents + (SELECT coalesce(sum(amount_cents), 0) FROM refund
            WHERE payment_id = NEW.payment_id AND state NOT IN ('FAILED', 'DECLINED'))
          > (SELECT amount_cents FROM payment WHERE id = NEW.payment_id)
        BEGIN SELECT RAISE(ABORT, 'more than the payment would be given back'); END""",
    """CREATE TRIGGER payment_is_refunded_once_again BEFORE UPDATE OF state ON refund
        WHEN NEW.payment_id IS NOT NULL
          AND OLD.state IN ('FAILED', 'DECLINED') AND NEW.state NOT IN ('FAILED', 'DECLINED')
          AND NEW.state <> 'DISPUTED'
        BEGIN SELECT RAISE(ABORT, 'what was over does not begin again'); END""",
    """CREATE TABLE refund_approval (
        refund_id INTEGER NOT NULL REFERENCES refund(id),
        person_id INTEGER NOT NULL REFERENCES person(id),
        at TEXT NOT NULL,
        PRIMARY KEY (refund_id, person_id)
    ) STRICT""",
    "CREATE INDEX approval_of_person ON refund_approval(person_id, at)",
    """CREATE TRIGGER approval_is_kept BEFORE DELETE ON refund_approval
        BEGIN SELECT RAISE(ABORT, 'who released a refund is never deleted'); END""",
    """CREATE TRIGGER approval_is_fixed BEFORE UPDATE ON refund_approval
        BEGIN SELECT RAISE(ABORT, 'who released a refund is never changed'); END""",
    """CREATE TABLE refund_line (
        refund_id INTEGER NOT NULL REFERENCES refund(id),
        position INTEGER NOT NULL,
        quantity INTEGER NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (refund_id, position)
    ) STRICT""",
    """CREATE TABLE refund_evidence (
        id INTEGER PRIMARY KEY,
        refund_id INTEGER NOT NULL REFERENCES refund(id),
        event_key TEXT,
        fact TEXT NOT NULL,
        source TEXT NOT NULL,
        at TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        reason TEXT NOT NULL,
        code TEXT NOT NULL,
        text TEXT NOT NULL,
        receipt TEXT NOT NULL,
        amount_cents INTEGER,
        trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)),
        disposition TEXT NOT NULL CHECK (disposition IN ('applied', 'noted', 'quarantined', 'conflict'))
    ) STRICT""",
    "CREATE INDEX evidence_of_refund ON refund_evidence(refund_id)",
    "CREATE UNIQUE INDEX one_refund_evidence_per_event ON refund_evidence(event_key) WHERE event_key IS NOT NULL",
    """CREATE TRIGGER refund_evidence_is_kept BEFORE DELETE ON refund_evidence
        BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END""",
    """CREATE TRIGGER refund_evidence_is_fixed BEFORE UPDATE ON refund_evidence
        BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END""",
    # A question about a refund has an address of its own, so that its answer is never taken for the refund's.
    """CREATE TABLE question (
        nonce TEXT PRIMARY KEY,
        about TEXT NOT NULL CHECK (about IN ('refund', 'balance')),
        refund_id INTEGER REFERENCES refund(id),
        asked_at TEXT NOT NULL,
        CHECK ((about = 'refund') = (refund_id IS NOT NULL))
    ) STRICT""",
    """CREATE TABLE refunds_off (
        id INTEGER PRIMARY KEY,
        since TEXT NOT NULL,
        code TEXT NOT NULL,
        mended_at TEXT,
        mended_by INTEGER REFERENCES person(id),
        CHECK ((mended_at IS NULL) = (mended_by IS NULL))
    ) STRICT""",
    "CREATE UNIQUE INDEX refunds_off_now ON refunds_off((1)) WHERE mended_at IS NULL",
    """CREATE TABLE account_told (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        current_cents INTEGER NOT NULL,
        available_cents INTEGER NOT NULL,
        reserved_cents INTEGER NOT NULL,
        uncleared_cents INTEGER NOT NULL,
        at TEXT NOT NULL,
        UNIQUE (name, at)
    ) STRICT""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
