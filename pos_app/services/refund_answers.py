"""What the relay delivers about refunds and questions: applied to the refund whose address it came to."""

import logging
import sqlite3

from pos_app.daraja import refund_results
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact
from pos_app.relay_link.delivery import KIND_TIMEOUT, Delivery
from pos_app.services.refund_settlement import RefundSettlement
from pos_app.store import payments, refund_evidence, refunds

log = logging.getLogger(__name__)


def is_for_refunds(connection: sqlite3.Connection, nonce: str) -> bool:
    """Whether it is the address of a refund, or of a question, of this till."""
    if not nonce:
        return False
    return refunds.by_nonce(connection, nonce) is not None or refunds.question(connection, nonce) is not None


def apply_answer(settlement: RefundSettlement, delivery: Delivery, till_code: str) -> str:
    """Why nothing came of it, for the record; empty where something did. Known already is nothing new."""
    if refund_evidence.known(settlement.connection, [delivery.event_key]):
        return ""
    refund = refunds.by_nonce(settlement.connection, delivery.nonce)
    if refund is not None:
        told = _of_refund(delivery)
        if told is None:
            return "unreadable"
        settlement.record(refund, told, delivery.event_key)
        return ""
    question = refunds.question(settlement.connection, delivery.nonce)
    if question is None:
        return _of_none_known(settlement, delivery, till_code)
    return _answered(settlement, delivery, question.refund_id)


def _of_refund(delivery: Delivery) -> RefundEvidence | None:
    if delivery.kind == KIND_TIMEOUT:
        return refund_results.timeout_evidence(delivery.body, delivery.received_at, trusted=delivery.trusted)
    return refund_results.result_evidence(delivery.body, delivery.received_at, trusted=delivery.trusted)


def _of_none_known(settlement: RefundSettlement, delivery: Delivery, till_code: str) -> str:
    """Another till's; or one of this till that its records lack, and could give back once more."""
    told = _of_refund(delivery) if delivery.trusted else None
    if told is None or told.fact is not RefundFact.COMPLETED or not _was_ours(settlement, told, till_code):
        return "of no refund or question of this till"
    settlement.lack(f"refund {told.receipt or delivery.nonce}")
    return "a refund that these records lack"


def _was_ours(settlement: RefundSettlement, told: RefundEvidence, till_code: str) -> bool:
    """B2C bears an id that this till made; a reversal names the payment, and only the till that has it reverses it.

    One that is on disk here is not lacking, to whatever address its result went.
    """
    if refunds.is_known(settlement.connection, told.originator_id, told.original):
        return False
    if till_code and told.originator_id.startswith(f"{till_code}-"):
        return True
    reversed_one = payments.by_receipt(settlement.connection, told.original) if told.original else None
    return reversed_one is not None and reversed_one.sale_id is not None


def _answered(settlement: RefundSettlement, delivery: Delivery, refund_id: int | None) -> str:
    """A question that waited too long in the queue is asked again by the ladder; it says nothing."""
    if delivery.kind == KIND_TIMEOUT:
        return "a question that waited too long"
    if refund_id is None:
        return _balance(settlement, delivery)
    told = refund_results.status_evidence(delivery.body, delivery.received_at, trusted=delivery.trusted)
    refund = refunds.by_id(settlement.connection, refund_id)
    if told is None or refund is None:
        return "unreadable"
    settlement.record(refund, told, delivery.event_key)
    return ""


def _balance(settlement: RefundSettlement, delivery: Delivery) -> str:
    """A refusal of the operator counts here too: the next request would be refused as well, and lock it."""
    found = refund_results.account_balances(delivery.body, delivery.received_at)
    if found is not None and delivery.trusted:
        settlement.keep_balances(found)
        return ""
    told = refund_results.result_evidence(delivery.body, delivery.received_at, trusted=delivery.trusted)
    if told is not None:
        settlement.hear_operator(told)
    return "no balance"
