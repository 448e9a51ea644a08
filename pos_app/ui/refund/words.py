"""A refund in words: its state, its way, whose money it is, and each thing that was said of it; pure."""

from datetime import datetime

from pos_app.domain.evidence import Disposition
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.phone_match import PhoneMatch, shown_digits
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_states import RefundState
from pos_app.ui.history.words import (
    DISPOSITIONS,
    Mark,
    TimelineRow,
    Tone,
    exact_time,
    explanation,
    quoted,
    together,
)

LOOKING = "Looking …"
DIFFER = "! The two numbers differ. Ask the customer again."
ROUTES = {
    Route.REVERSAL: "Reverse the payment",
    Route.B2C: "Send by M-Pesa",
    Route.CASH: "Cash from the drawer",
    Route.CREDIT_NOTE: "Credit note",
}
SHORT_ROUTES = {
    Route.REVERSAL: "Reversal",
    Route.B2C: "M-Pesa",
    Route.CASH: "Cash",
    Route.CREDIT_NOTE: "Credit note",
}
ROUTE_HINTS = {
    Route.REVERSAL: "The whole payment goes back to whoever paid it. No number is needed.",
    Route.B2C: "Any part of it goes to a number. Nothing undoes it.",
    Route.CASH: "Hand it over when it is released.",
    Route.CREDIT_NOTE: "The customer buys something else for it.",
}
_ASK = "Ask the customer for the number and type it twice; it is compared."
_NATIONAL = 9
_FITS = {
    PhoneMatch.ANOTHER: "! Not the number that paid: two people must release it.",
    PhoneMatch.UNREADABLE: "? Nobody can tell whether this number paid: two people must release it.",
}
_STATES: dict[RefundState, tuple[str, Tone, str]] = {
    RefundState.REQUESTED: (
        "To be released",
        Tone.WAITING,
        "Nothing was sent yet and no money moved. A supervisor, manager or owner releases it with a PIN.",
    ),
    RefundState.APPROVED: (
        "Released, not sent",
        Tone.WAITING,
        "It certainly did not leave this till and no money moved. It may be sent again.",
    ),
    RefundState.SUBMITTING: ("Sending", Tone.WAITING, "It is on its way to Safaricom. Do not pay it again."),
    RefundState.PENDING: (
        "On its way",
        Tone.WAITING,
        "Safaricom has it. The result comes within seconds, at times within minutes. Do not pay it again.",
    ),
    RefundState.COMPLETED: ("Given back", Tone.PAID, "The money was given back."),
    RefundState.FAILED: ("Failed", Tone.FAILED, "No money moved. It may be refunded anew."),
    RefundState.UNKNOWN: (
        "Not known",
        Tone.CHECKING,
        "Nobody knows yet whether it was paid. Do not pay it again, by any way: the till keeps asking Safaricom.",
    ),
    RefundState.DISPUTED: (
        "Disputed",
        Tone.CHECKING,
        "What Safaricom says does not fit. Do not pay it again. Two people compare it with the M-Pesa statement.",
    ),
    RefundState.DECLINED: ("Declined", Tone.QUIET, "A person declined it. No money moved."),
}
SOURCES = {
    RefundSource.REPLY: "The request to Safaricom",
    RefundSource.RESULT: "Safaricom’s result message",
    RefundSource.QUEUE_TIMEOUT: "Safaricom’s queue",
    RefundSource.STATUS: "Safaricom, when asked",
    RefundSource.CLOCK: "This till’s clock",
    RefundSource.RESTART: "This till, after a restart",
    RefundSource.PERSON: "People at this till",
}
FACTS = {
    RefundFact.APPROVED: "Released.",
    RefundFact.DECLINED: "Declined.",
    RefundFact.HANDED_OVER: "Handed over.",
    RefundFact.SUBMITTED: "Saved, and sent to Safaricom.",
    RefundFact.ACCEPTED: "Taken; the result is still to come.",
    RefundFact.REJECTED: "Refused; nothing was paid.",
    RefundFact.NOT_SENT: "It did not leave this till.",
    RefundFact.REPLY_LOST: "No clear answer came; it may have arrived.",
    RefundFact.COMPLETED: "Paid.",
    RefundFact.FAILED: "Not paid.",
    RefundFact.UNCLEAR: "An answer that says neither paid nor not paid.",
    RefundFact.QUEUE_TIMEOUT: "It waited too long; it may still be paid.",
    RefundFact.STILL_OPEN: "Still being worked on.",
    RefundFact.NO_ANSWER: "The question was not answered; that proves nothing.",
    RefundFact.SILENCE: "No result came.",
    RefundFact.INTERRUPTED: "The till stopped while it was on its way.",
    RefundFact.ATTESTED_PAID: "Two people: the statement shows it as paid.",
    RefundFact.ATTESTED_NOT_PAID: "Two people: the statement does not show it.",
}
Told = tuple[RefundEvidence, Disposition, datetime]
_ENDS = frozenset({RefundFact.COMPLETED, RefundFact.FAILED})
_WITH_REASON = frozenset({RefundFact.FAILED, RefundFact.REJECTED})


def mark(refund: Refund) -> Mark:
    words, tone, _ = _STATES[refund.state]
    return Mark(tone, words, needs_a_person=refund.state is RefundState.DISPUTED)


def explained(refund: Refund) -> str:
    """What it means for the money, and why where Safaricom said so."""
    sentence = _STATES[refund.state][2]
    if refund.state is RefundState.FAILED and refund.reason is not None:
        return f"{sentence} {refund.reason.english}"
    if refund.state is RefundState.COMPLETED and refund.receipt:
        return f"{sentence} M-Pesa code {refund.receipt}."
    return sentence


def is_in_doubt(refund: Refund) -> bool:
    """Somebody could be tempted to pay it again."""
    return refund.state.may_be_paid or refund.state is RefundState.DISPUTED


def payer_words(payer: str) -> str:
    """What M-Pesa shows of who paid: the whole number only where this till asked that phone for the money."""
    shown = shown_digits(payer)
    if len(shown) == _NATIONAL:
        return f"It was paid from {Msisdn(f'254{shown}').masked}. {_ASK}"
    if shown:
        return f"M-Pesa shows only the last digits of who paid, •••{shown}. {_ASK}"
    told = "only a code made from the number" if payer else "no number"
    return f"M-Pesa shows {told} of who paid. {_ASK}"


def payee_words(fit: PhoneMatch | None, payer: str) -> str:
    """Beside the number that was typed; empty until it is there twice. Some digits prove less than all of them."""
    if fit is PhoneMatch.SAME:
        shown = shown_digits(payer)
        is_whole = not shown or len(shown) == _NATIONAL
        return "✓ It is the number that paid." if is_whole else f"✓ It ends in {shown}, as the number that paid does."
    return _FITS[fit] if fit is not None else ""


def to_words(refund: Refund) -> str:
    """By which way, and to whom; of a number the last digits only."""
    payee = f" to {refund.payee.masked}" if refund.payee else ""
    other = ", not the number that paid" if refund.other_number else ""
    return f"{ROUTES[refund.route]}{payee}{other}"


def disputed_words(told: tuple[Told, ...]) -> str:
    """What Safaricom said last of its end: it is what two people compare with the statement."""
    ends = (evidence for evidence, _, _ in reversed(told) if evidence.fact in _ENDS)
    return _said(end) if (end := next(ends, None)) is not None else ""


def story(told: tuple[Told, ...], now: datetime) -> tuple[TimelineRow, ...]:
    """All that was said of it, by whom, and whether it was believed; oldest first."""
    return together(
        ((evidence.fact, evidence.source, evidence.code, disposition), _row(evidence, disposition, recorded_at, now))
        for evidence, disposition, recorded_at in told
    )


def _row(evidence: RefundEvidence, disposition: Disposition, recorded_at: datetime, now: datetime) -> TimelineRow:
    return TimelineRow(
        time=exact_time(recorded_at, now),
        source=SOURCES[evidence.source],
        said=_said(evidence),
        detail=quoted(evidence.text, evidence.code),
        outcome=DISPOSITIONS[disposition],
        explanation=explanation(disposition, trusted=evidence.trusted),
    )


def _said(evidence: RefundEvidence) -> str:
    if evidence.fact is RefundFact.COMPLETED:
        parts = ("Paid", str(evidence.amount) if evidence.amount else "", evidence.receipt)
        return ", ".join(part for part in parts if part) + "."
    says_why = evidence.fact in _WITH_REASON and evidence.reason is not None
    return f"{FACTS[evidence.fact]} {evidence.reason.english}" if says_why and evidence.reason else FACTS[evidence.fact]
