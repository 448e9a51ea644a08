"""Who holds a receipt: claims and releases of all tills, what a payment is of them, and change given for M-Pesa."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    """CREATE TABLE claim (
        id INTEGER PRIMARY KEY,
        receipt TEXT NOT NULL CHECK (receipt <> ''),
        said TEXT NOT NULL CHECK (said IN ('asked', 'held', 'released')),
        generation INTEGER NOT NULL CHECK (generation >= 0),
        till_id TEXT NOT NULL,
        till TEXT NOT NULL,
        sale TEXT NOT NULL,
        cashier TEXT NOT NULL,
        nonce TEXT NOT NULL,
        reason TEXT NOT NULL,
        at TEXT,
        answered_at TEXT
    ) STRICT""",
    "CREATE INDEX claim_of_receipt ON claim(receipt)",
    "CREATE UNIQUE INDEX one_claim_per_generation ON claim(receipt, said, generation) WHERE said <> 'asked'",
    "CREATE UNIQUE INDEX one_open_wish_per_receipt ON claim(receipt) WHERE said = 'asked' AND answered_at IS NULL",
    "CREATE INDEX unanswered_claim ON claim(said) WHERE answered_at IS NULL",
    """CREATE TRIGGER claim_is_kept BEFORE DELETE ON claim
        BEGIN SELECT RAISE(ABORT, 'a claim is never deleted'); END""",
    """CREATE TRIGGER claim_is_fixed BEFORE UPDATE ON claim
        WHEN OLD.answered_at IS NOT NULL OR NEW.answered_at IS NULL
          OR (NEW.id, NEW.receipt, NEW.said, NEW.generation, NEW.till_id, NEW.till, NEW.sale, NEW.cashier, NEW.nonce,
              NEW.reason, NEW.at)
          IS NOT (OLD.id, OLD.receipt, OLD.said, OLD.generation, OLD.till_id, OLD.till, OLD.sale, OLD.cashier,
              OLD.nonce, OLD.reason, OLD.at)
        BEGIN SELECT RAISE(ABORT, 'a claim is never changed, only answered, once'); END""",
    "ALTER TABLE payment ADD COLUMN from_customer INTEGER NOT NULL DEFAULT 1 CHECK (from_customer IN (0, 1))",
    """ALTER TABLE payment ADD COLUMN taken_by INTEGER REFERENCES claim(id)
        CHECK (taken_by IS NULL OR sale_id IS NULL)""",
    """CREATE TRIGGER payment_pays_one_sale BEFORE UPDATE OF sale_id ON payment
        WHEN OLD.sale_id IS NOT NULL AND NEW.sale_id IS NOT NULL AND NEW.sale_id IS NOT OLD.sale_id
        BEGIN SELECT RAISE(ABORT, 'a payment leaves its sale before another has it'); END""",
    "CREATE INDEX closed_sale ON sale(closed_at) WHERE voided_at IS NULL",
    # A charge has held its receipt since its callback came; the address of the callback says whose charge it is.
    """INSERT INTO claim (receipt, said, generation, till_id, till, sale, cashier, nonce, reason, at, answered_at)
        SELECT receipt, 'held', 0, '', '', '', '', substr(event_key, 5, 32), '', min(at), min(recorded_at)
        FROM evidence WHERE source = 'callback' AND fact = 'paid' AND trusted = 1 AND receipt <> ''
            AND disposition IN ('applied', 'noted') AND event_key LIKE 'stk:%'
        GROUP BY receipt""",
    """UPDATE payment SET taken_by = (SELECT id FROM claim WHERE receipt = payment.receipt)
        WHERE sale_id IS NULL AND attempt_id IS NULL AND receipt <> ''""",
    # Change that is given for what M-Pesa paid too much is cash that settles less than nothing.
    """CREATE TABLE cash_tender_new (
        id INTEGER PRIMARY KEY,
        sale_id INTEGER NOT NULL REFERENCES sale(id),
        amount_cents INTEGER NOT NULL CHECK (amount_cents <> 0),
        received_cents INTEGER NOT NULL CHECK (received_cents >= amount_cents AND received_cents >= 0),
        at TEXT NOT NULL,
        CHECK (amount_cents > 0 OR received_cents = 0)
    ) STRICT""",
    "INSERT INTO cash_tender_new SELECT id, sale_id, amount_cents, received_cents, at FROM cash_tender",
    "DROP TABLE cash_tender",
    "ALTER TABLE cash_tender_new RENAME TO cash_tender",
    "CREATE INDEX cash_of_sale ON cash_tender(sale_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
