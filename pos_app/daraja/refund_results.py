"""What Safaricom's later messages prove: of a B2C payment, of a reversal, of a status query, of a balance query.

It must not know which refund they are about: the address they came to says that.
"""

from datetime import datetime

from pos_app.daraja.initiator_codes import DONE, initiator_meaning, is_certain_failure
from pos_app.daraja.results import InitiatorResult, completed_at, initiator_result, queue_timeout
from pos_app.daraja.values import money_of
from pos_app.domain.account import AccountBalances, AccountFunds
from pos_app.domain.money import Money
from pos_app.domain.payment import parse_receipt
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource

# Contract §2.9: the fate of a payment, as a status query tells it. Whatever else stands there says nothing.
_FATES = {
    "completed": RefundFact.COMPLETED,
    "cancelled": RefundFact.FAILED,
    "declined": RefundFact.FAILED,
    "expired": RefundFact.FAILED,
    "initiated": RefundFact.STILL_OPEN,
    "authorized": RefundFact.STILL_OPEN,
    "pending authorized": RefundFact.STILL_OPEN,
}
_FIGURES = 4


def result_evidence(body: object, at: datetime, *, trusted: bool) -> RefundEvidence | None:
    """Of a B2C payment or a reversal (contract §2.7, §2.8); None where it cannot be read as a result."""
    told = initiator_result(body)
    if told is None:
        return None
    fact = _fact(told)
    paid = fact is RefundFact.COMPLETED
    return RefundEvidence(
        fact,
        RefundSource.RESULT,
        at,
        reason=initiator_meaning(told.code).reason,
        code=told.code,
        text=told.text,
        originator_id=told.originator_id,
        conversation_id=told.conversation_id,
        # A failure may carry a code that looks real (trap 20).
        receipt=parse_receipt(told.text_of("transactionreceipt") or told.transaction_id) if paid else "",
        original=parse_receipt(told.text_of("originaltransactionid")),
        amount=money_of(told.text_of("transactionamount", "amount")),
        receiver=told.text_of("receiverpartypublicname", "creditpartypublicname"),
        completed_at=completed_at(told.text_of("transactioncompleteddatetime", "transcompletedtime")),
        trusted=trusted,
    )


def _fact(told: InitiatorResult) -> RefundFact:
    if told.code == DONE:
        return RefundFact.COMPLETED if told.is_last else RefundFact.STILL_OPEN
    return RefundFact.FAILED if is_certain_failure(told.code) else RefundFact.UNCLEAR


def timeout_evidence(body: object, at: datetime, *, trusted: bool) -> RefundEvidence:
    """Never final: it may still be paid (contract §2)."""
    return RefundEvidence(
        RefundFact.QUEUE_TIMEOUT,
        RefundSource.QUEUE_TIMEOUT,
        at,
        reason=Reason.UNKNOWN,
        text="It waited too long at Safaricom.",
        originator_id=queue_timeout(body).originator_id,
        trusted=trusted,
    )


def status_evidence(body: object, at: datetime, *, trusted: bool) -> RefundEvidence | None:
    """Of a status query: code 0 says that the query worked, the fate stands elsewhere (contract §2.9, trap 19).

    The ids are those of the payment asked about, as the answer names it, and never those of the query.
    """
    told = initiator_result(body)
    if told is None:
        return None
    answered = told.code == DONE
    fate = told.text_of("transactionstatus").casefold() if answered else ""
    fact = _FATES.get(fate, RefundFact.NO_ANSWER)
    return RefundEvidence(
        fact,
        RefundSource.STATUS,
        at,
        reason=_reason_of(fact, told),
        code="" if answered else told.code,
        text=told.text_of("transactionstatus") if answered else told.text,
        originator_id=told.text_of("originatorconversationid"),
        conversation_id=told.text_of("conversationid"),
        receipt=parse_receipt(told.text_of("receiptno")) if fact is RefundFact.COMPLETED else "",
        amount=money_of(told.text_of("amount")),
        receiver=told.text_of("creditpartyname"),
        completed_at=completed_at(told.text_of("finalisedtime")),
        trusted=trusted,
    )


def _reason_of(fact: RefundFact, told: InitiatorResult) -> Reason:
    if fact is RefundFact.COMPLETED:
        return Reason.PAID
    if fact is RefundFact.STILL_OPEN:
        return Reason.WAIT
    return Reason.UNKNOWN if told.code == DONE else initiator_meaning(told.code).reason


def account_balances(body: object, at: datetime) -> AccountBalances | None:
    """None where no account can be read; `at` where Safaricom does not say when it looked (contract §2.10)."""
    told = initiator_result(body)
    if told is None or told.code != DONE:
        return None
    pieces = told.text_of("accountbalance").split("&")
    accounts = tuple(account for piece in pieces if (account := _account(piece)) is not None)
    return AccountBalances(accounts, completed_at(told.text_of("bocompletedtime")) or at) if accounts else None


def _account(piece: str) -> AccountFunds | None:
    """`Name|KES|current|available|reserved|uncleared`; the second figure is what can be spent (trap 18)."""
    name, _currency, *rest = [*(part.strip() for part in piece.split("|")), "", ""][: _FIGURES + 2]
    figures = [money for text in rest if (money := Money.from_wire(text)) is not None]
    return AccountFunds(name, *figures) if name and len(figures) == _FIGURES else None
