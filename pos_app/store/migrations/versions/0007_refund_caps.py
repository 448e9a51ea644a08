"""A payment's cap counts what was given back before its receipt was known; refunds are off for each reason apart."""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    "CREATE INDEX superseded_payment ON payment(superseded_by) WHERE superseded_by IS NOT NULL",
    "DROP TRIGGER payment_is_refunded_once",
    # The cap is this one rule, whoever writes: what is not certainly unpaid counts as paid back, also what was given
    # back before the receipt was known, of a row that is superseded since.
    """CREATE TRIGGER payment_is_refunded_once BEFORE INSERT ON refund
        WHEN NEW.payment_id IS NOT NULL AND NEW.amount_cents + (SELECT coalesce(sum(amount_cents), 0) FROM refund
            WHERE state NOT IN ('FAILED', 'DECLINED') AND (payment_id = NEW.payment_id
              OR payment_id IN (SELECT id FROM payment WHERE superseded_by = NEW.payment_id)))
          > (SELECT amount_cents FROM payment WHERE id = NEW.payment_id)
        BEGIN SELECT RAISE(ABORT, 'more than the payment would be given back'); END""",
    "DROP INDEX refunds_off_now",
    # Once because of the operator, whatever Safaricom's code, and once for each thing that the records lack.
    """CREATE UNIQUE INDEX refunds_off_now
        ON refunds_off((CASE WHEN substr(code, 1, 8) = 'records:' THEN code ELSE '' END)) WHERE mended_at IS NULL""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
