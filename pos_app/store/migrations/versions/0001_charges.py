"""The first schema: sales, charges, payments, their evidence, the relay's cursor, products."""

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """CREATE TABLE sale (
        id INTEGER PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        opened_at TEXT NOT NULL,
        closed_at TEXT,
        voided_at TEXT,
        total_cents INTEGER NOT NULL CHECK (total_cents >= 0),
        printed INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX unsettled_sale ON sale(id) WHERE closed_at IS NULL AND voided_at IS NULL",
    """CREATE TABLE sale_line (
        id INTEGER PRIMARY KEY,
        sale_id INTEGER NOT NULL REFERENCES sale(id),
        position INTEGER NOT NULL,
        name TEXT NOT NULL CHECK (name <> ''),
        price_cents INTEGER NOT NULL CHECK (price_cents > 0),
        quantity INTEGER NOT NULL CHECK (quantity > 0),
        UNIQUE (sale_id, position)
    ) STRICT""",
    """CREATE TABLE cash_tender (
        id INTEGER PRIMARY KEY,
        sale_id INTEGER NOT NULL REFERENCES sale(id),
        amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
        received_cents INTEGER NOT NULL CHECK (received_cents >= amount_cents),
        at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX cash_of_sale ON cash_tender(sale_id)",
    """CREATE TABLE attempt (
        id INTEGER PRIMARY KEY,
        sale_id INTEGER NOT NULL REFERENCES sale(id),
        nonce TEXT NOT NULL UNIQUE CHECK (length(nonce) = 32),
        amount_cents INTEGER NOT NULL CHECK (amount_cents > 0 AND amount_cents % 100 = 0),
        msisdn TEXT NOT NULL CHECK (length(msisdn) = 12),
        kind TEXT NOT NULL CHECK (kind IN ('paybill', 'buy_goods')),
        short_code TEXT NOT NULL,
        till_number TEXT NOT NULL,
        account_reference TEXT NOT NULL CHECK (length(account_reference) <= 12),
        created_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('CREATED', 'SUBMITTING', 'PENDING', 'UNKNOWN', 'PAID', 'FAILED', 'EXPIRED', 'PAID_LATE')),
        reason TEXT NOT NULL,
        code TEXT NOT NULL,
        merchant_request_id TEXT NOT NULL,
        checkout_request_id TEXT NOT NULL,
        receipt TEXT NOT NULL,
        submitted_at TEXT,
        finished_at TEXT
    ) STRICT""",
    """CREATE UNIQUE INDEX one_live_attempt_per_sale ON attempt(sale_id)
        WHERE state IN ('CREATED', 'SUBMITTING', 'PENDING', 'UNKNOWN')""",
    "CREATE INDEX attempt_of_sale ON attempt(sale_id)",
    """CREATE INDEX live_attempt ON attempt(id)
        WHERE state IN ('CREATED', 'SUBMITTING', 'PENDING', 'UNKNOWN')""",
    "CREATE UNIQUE INDEX attempt_checkout ON attempt(checkout_request_id) WHERE checkout_request_id <> ''",
    "CREATE UNIQUE INDEX attempt_receipt ON attempt(receipt) WHERE receipt <> ''",
    "CREATE INDEX receiptless_attempt ON attempt(created_at) WHERE receipt = ''",
    "CREATE INDEX attempt_reference ON attempt(account_reference)",
    """CREATE TRIGGER attempt_is_kept BEFORE DELETE ON attempt
        BEGIN SELECT RAISE(ABORT, 'a charge attempt is never deleted'); END""",
    """CREATE TRIGGER attempt_intent_is_fixed BEFORE UPDATE ON attempt
        WHEN (NEW.id, NEW.sale_id, NEW.nonce, NEW.amount_cents, NEW.msisdn, NEW.kind, NEW.short_code,
              NEW.till_number, NEW.account_reference, NEW.created_at)
          IS NOT (OLD.id, OLD.sale_id, OLD.nonce, OLD.amount_cents, OLD.msisdn, OLD.kind, OLD.short_code,
              OLD.till_number, OLD.account_reference, OLD.created_at)
        BEGIN SELECT RAISE(ABORT, 'the intent of a charge attempt is never changed'); END""",
    """CREATE TRIGGER attempt_never_regresses BEFORE UPDATE OF state ON attempt
        WHEN NEW.state <> OLD.state AND (OLD.state IN ('PAID', 'PAID_LATE')
          OR (OLD.state IN ('FAILED', 'EXPIRED') AND NEW.state <> 'PAID_LATE'))
        BEGIN SELECT RAISE(ABORT, 'a final state never regresses'); END""",
    """CREATE TABLE payment (
        id TEXT PRIMARY KEY,
        receipt TEXT NOT NULL,
        amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
        short_code TEXT NOT NULL,
        received_at TEXT NOT NULL,
        paid_at TEXT,
        payer_name TEXT NOT NULL,
        payer_phone TEXT NOT NULL,
        bill_reference TEXT NOT NULL,
        sale_id INTEGER REFERENCES sale(id),
        attempt_id INTEGER REFERENCES attempt(id),
        likely_attempt_id INTEGER REFERENCES attempt(id),
        superseded_by TEXT REFERENCES payment(id)
    ) STRICT""",
    "CREATE UNIQUE INDEX one_payment_per_receipt ON payment(receipt) WHERE receipt <> ''",
    """CREATE UNIQUE INDEX one_payment_per_attempt ON payment(attempt_id)
        WHERE attempt_id IS NOT NULL AND superseded_by IS NULL""",
    "CREATE INDEX payment_of_sale ON payment(sale_id) WHERE sale_id IS NOT NULL",
    "CREATE INDEX payment_likely ON payment(likely_attempt_id) WHERE likely_attempt_id IS NOT NULL",
    "CREATE INDEX payment_received ON payment(received_at)",
    """CREATE TRIGGER payment_is_kept BEFORE DELETE ON payment
        BEGIN SELECT RAISE(ABORT, 'a payment is never deleted'); END""",
    """CREATE TRIGGER payment_is_fixed BEFORE UPDATE ON payment
        WHEN NEW.id IS NOT OLD.id OR NEW.amount_cents IS NOT OLD.amount_cents
          OR (OLD.receipt <> '' AND NEW.receipt IS NOT OLD.receipt)
        BEGIN SELECT RAISE(ABORT, 'the identity and amount of a payment never change'); END""",
    """CREATE TABLE evidence (
        id INTEGER PRIMARY KEY,
        attempt_id INTEGER REFERENCES attempt(id),
        payment_id TEXT REFERENCES payment(id),
        event_key TEXT,
        fact TEXT NOT NULL,
        source TEXT NOT NULL,
        at TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        reason TEXT NOT NULL,
        code TEXT NOT NULL,
        text TEXT NOT NULL,
        merchant_request_id TEXT NOT NULL,
        checkout_request_id TEXT NOT NULL,
        receipt TEXT NOT NULL,
        amount_cents INTEGER,
        short_code TEXT NOT NULL,
        paid_at TEXT,
        trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)),
        disposition TEXT NOT NULL CHECK (disposition IN ('applied', 'noted', 'quarantined', 'conflict'))
    ) STRICT""",
    "CREATE INDEX evidence_of_attempt ON evidence(attempt_id) WHERE attempt_id IS NOT NULL",
    "CREATE INDEX evidence_of_payment ON evidence(payment_id) WHERE payment_id IS NOT NULL",
    "CREATE UNIQUE INDEX one_evidence_per_event ON evidence(event_key) WHERE event_key IS NOT NULL",
    """CREATE TRIGGER evidence_is_kept BEFORE DELETE ON evidence
        BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END""",
    """CREATE TRIGGER evidence_is_fixed BEFORE UPDATE ON evidence
        BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END""",
    """CREATE TABLE relay_cursor (
        stream TEXT PRIMARY KEY,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL CHECK (seq >= 0),
        chain TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE parked_event (
        id INTEGER PRIMARY KEY,
        event_key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        why TEXT NOT NULL,
        received_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE product (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL CHECK (name <> ''),
        price_cents INTEGER NOT NULL CHECK (price_cents > 0),
        barcode TEXT NOT NULL,
        removed_at TEXT
    ) STRICT""",
    "CREATE UNIQUE INDEX one_product_per_barcode ON product(barcode) WHERE barcode <> '' AND removed_at IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
