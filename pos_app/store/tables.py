"""The schema as the migrations know it; the rules stand in the domain and as constraints in the migrations.

Nothing that a sale waits for may import this: it takes longer to load than the rest of the till.
"""

from sqlmodel import Field, SQLModel


class SaleRow(SQLModel, table=True):
    __tablename__ = "sale"
    id: int | None = Field(default=None, primary_key=True)
    number: int
    opened_at: str
    closed_at: str | None = None
    voided_at: str | None = None
    total_cents: int
    printed: int = 0


class SaleLineRow(SQLModel, table=True):
    __tablename__ = "sale_line"
    id: int | None = Field(default=None, primary_key=True)
    sale_id: int = Field(foreign_key="sale.id")
    position: int
    name: str
    price_cents: int
    quantity: int


class CashTenderRow(SQLModel, table=True):
    __tablename__ = "cash_tender"
    id: int | None = Field(default=None, primary_key=True)
    sale_id: int = Field(foreign_key="sale.id")
    amount_cents: int
    received_cents: int
    at: str


class AttemptRow(SQLModel, table=True):
    __tablename__ = "attempt"
    id: int | None = Field(default=None, primary_key=True)
    sale_id: int = Field(foreign_key="sale.id")
    nonce: str
    amount_cents: int
    msisdn: str
    kind: str
    short_code: str
    till_number: str
    account_reference: str
    created_at: str
    state: str
    reason: str = ""
    code: str = ""
    merchant_request_id: str = ""
    checkout_request_id: str = ""
    receipt: str = ""
    submitted_at: str | None = None
    finished_at: str | None = None


class PaymentRow(SQLModel, table=True):
    __tablename__ = "payment"
    id: str = Field(primary_key=True)
    receipt: str = ""
    amount_cents: int
    short_code: str
    received_at: str
    paid_at: str | None = None
    payer_name: str = ""
    payer_phone: str = ""
    bill_reference: str = ""
    sale_id: int | None = Field(default=None, foreign_key="sale.id")
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    likely_attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    superseded_by: str | None = Field(default=None, foreign_key="payment.id")
    from_customer: int = 1
    taken_by: int | None = Field(default=None, foreign_key="claim.id")


class ClaimRow(SQLModel, table=True):
    __tablename__ = "claim"
    id: int | None = Field(default=None, primary_key=True)
    receipt: str
    said: str
    generation: int
    till_id: str
    till: str
    sale: str
    cashier: str
    nonce: str
    reason: str
    at: str | None = None
    answered_at: str | None = None


class EvidenceRecord(SQLModel, table=True):
    __tablename__ = "evidence"
    id: int | None = Field(default=None, primary_key=True)
    attempt_id: int | None = Field(default=None, foreign_key="attempt.id")
    payment_id: str | None = Field(default=None, foreign_key="payment.id")
    event_key: str | None = None
    fact: str
    source: str
    at: str
    recorded_at: str
    reason: str = ""
    code: str = ""
    text: str = ""
    merchant_request_id: str = ""
    checkout_request_id: str = ""
    receipt: str = ""
    amount_cents: int | None = None
    short_code: str = ""
    paid_at: str | None = None
    trusted: int = 1
    disposition: str


class RelayCursorRow(SQLModel, table=True):
    __tablename__ = "relay_cursor"
    stream: str = Field(primary_key=True)
    epoch: str
    seq: int
    chain: str


class ParkedEventRow(SQLModel, table=True):
    __tablename__ = "parked_event"
    id: int | None = Field(default=None, primary_key=True)
    event_key: str
    kind: str
    why: str
    received_at: str


class ProductRow(SQLModel, table=True):
    __tablename__ = "product"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    price_cents: int
    barcode: str = ""
    removed_at: str | None = None


class PullCoverageRow(SQLModel, table=True):
    __tablename__ = "pull_coverage"
    short_code: str = Field(primary_key=True)
    covered_until: str
    swept: int


class PulledRowRecord(SQLModel, table=True):
    __tablename__ = "pulled_row"
    id: int | None = Field(default=None, primary_key=True)
    short_code: str
    receipt: str
    told: str


class StatementTaskRow(SQLModel, table=True):
    __tablename__ = "statement_task"
    id: int | None = Field(default=None, primary_key=True)
    short_code: str
    since: str
    until: str
    resolved_at: str | None = None
    note: str = ""


class ToldBalanceRow(SQLModel, table=True):
    __tablename__ = "told_balance"
    id: int | None = Field(default=None, primary_key=True)
    receipt: str
    paid_at: str
    balance_cents: int


class BalanceGapRow(SQLModel, table=True):
    __tablename__ = "balance_gap"
    id: int | None = Field(default=None, primary_key=True)
    short_code: str
    since: str
    until: str
    difference_cents: int


class GapExplanationRow(SQLModel, table=True):
    __tablename__ = "gap_explanation"
    id: int | None = Field(default=None, primary_key=True)
    short_code: str
    since: str
    until: str
    difference_cents: int
    note: str
    at: str


class HeldBackRow(SQLModel, table=True):
    __tablename__ = "held_back"
    id: int | None = Field(default=None, primary_key=True)
    event_key: str
    receipt: str
    amount_cents: int
    short_code: str
    doubt: str
    received_at: str
    paid_at: str | None = None
    payer_name: str
    payer_phone: str
    bill_reference: str
    listed_at: str | None = None
    asked_at: str | None = None
    put_aside_at: str | None = None
    note: str = ""


class RegistrationRow(SQLModel, table=True):
    __tablename__ = "registration"
    id: int | None = Field(default=None, primary_key=True)
    product: str
    short_code: str
    style: str
    address: str
    fingerprint: str
    state: str
    sentence: str
    code: str
    at: str


class ValidationRulesRow(SQLModel, table=True):
    __tablename__ = "validation_rules"
    stream: str = Field(primary_key=True)
    version: int
    document: str
    told: int


class PersonRow(SQLModel, table=True):
    __tablename__ = "person"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    role: str
    pin_salt: bytes
    pin_hash: bytes
    active: int
    added_at: str


class LockoutRow(SQLModel, table=True):
    __tablename__ = "lockout"
    person_id: int | None = Field(default=None, primary_key=True, foreign_key="person.id")
    tries: int
    waits_ms: int


class RecoveryRow(SQLModel, table=True):
    __tablename__ = "recovery"
    id: int | None = Field(default=None, primary_key=True)
    key_sha256: bytes
    made_at: str


class AuditEntryRow(SQLModel, table=True):
    __tablename__ = "audit_entry"
    seq: int | None = Field(default=None, primary_key=True)
    at: str
    event: str
    actor: str
    approver: str
    subject: str
    detail: str
    previous: str
    mac: str


class RefundRow(SQLModel, table=True):
    __tablename__ = "refund"
    id: int | None = Field(default=None, primary_key=True)
    number: int
    sale_id: int = Field(foreign_key="sale.id")
    payment_id: str | None = Field(default=None, foreign_key="payment.id")
    original_receipt: str
    route: str
    amount_cents: int
    payee: str | None = None
    other_number: int
    why: str
    note: str
    requested_by: int = Field(foreign_key="person.id")
    requested_at: str
    nonce: str
    originator_id: str
    conversation_id: str
    state: str
    reason: str
    code: str
    receipt: str
    submitted_at: str | None = None
    finished_at: str | None = None


class RefundApprovalRow(SQLModel, table=True):
    __tablename__ = "refund_approval"
    refund_id: int = Field(primary_key=True, foreign_key="refund.id")
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    at: str


class RefundLineRow(SQLModel, table=True):
    __tablename__ = "refund_line"
    refund_id: int = Field(primary_key=True, foreign_key="refund.id")
    position: int = Field(primary_key=True)
    quantity: int


class RefundEvidenceRow(SQLModel, table=True):
    __tablename__ = "refund_evidence"
    id: int | None = Field(default=None, primary_key=True)
    refund_id: int = Field(foreign_key="refund.id")
    event_key: str | None = None
    fact: str
    source: str
    at: str
    recorded_at: str
    reason: str
    code: str
    text: str
    receipt: str
    amount_cents: int | None = None
    trusted: int
    disposition: str


class QuestionRow(SQLModel, table=True):
    __tablename__ = "question"
    nonce: str = Field(primary_key=True)
    about: str
    refund_id: int | None = Field(default=None, foreign_key="refund.id")
    asked_at: str


class RefundsOffRow(SQLModel, table=True):
    __tablename__ = "refunds_off"
    id: int | None = Field(default=None, primary_key=True)
    since: str
    code: str
    mended_at: str | None = None
    mended_by: int | None = Field(default=None, foreign_key="person.id")


class AccountToldRow(SQLModel, table=True):
    __tablename__ = "account_told"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    current_cents: int
    available_cents: int
    reserved_cents: int
    uncleared_cents: int
    at: str
