"""A refund in words: its state, its way, and each thing that was said of it; pure."""

from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_evidence import RefundFact
from pos_app.domain.refund_states import RefundState
from pos_app.ui.history.words import Mark, Tone

ROUTES = {
    Route.REVERSAL: "Reverse the payment",
    Route.B2C: "Send by M-Pesa",
    Route.CASH: "Cash from the drawer",
    Route.CREDIT_NOTE: "Credit note",
}
ROUTE_HINTS = {
    Route.REVERSAL: "The whole payment goes back to whoever paid it. No number is needed.",
    Route.B2C: "Any part of it goes to a number. Nothing undoes it.",
    Route.CASH: "Hand it over when it is released.",
    Route.CREDIT_NOTE: "The customer buys something else for it.",
}
_STATES: dict[RefundState, tuple[str, Tone, str]] = {
    RefundState.REQUESTED: (
        "To be released",
        Tone.WAITING,
        "Nothing was sent yet. Somebody who may releases it with a PIN.",
    ),
    RefundState.APPROVED: (
        "Released, not sent",
        Tone.WAITING,
        "It certainly did not leave this till. It may be sent again.",
    ),
    RefundState.SUBMITTING: ("Sending", Tone.WAITING, "It is on its way to Safaricom."),
    RefundState.PENDING: (
        "On its way",
        Tone.WAITING,
        "Safaricom has it. The result comes within seconds, at times within minutes.",
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
_FACTS = {
    RefundFact.APPROVED: "Released",
    RefundFact.DECLINED: "Declined",
    RefundFact.HANDED_OVER: "Handed over",
    RefundFact.SUBMITTED: "Sent to Safaricom",
    RefundFact.ACCEPTED: "Accepted by Safaricom",
    RefundFact.REJECTED: "Refused by Safaricom",
    RefundFact.NOT_SENT: "Did not leave this till",
    RefundFact.REPLY_LOST: "No clear answer came",
    RefundFact.COMPLETED: "Paid",
    RefundFact.FAILED: "Not paid",
    RefundFact.UNCLEAR: "Safaricom does not know",
    RefundFact.QUEUE_TIMEOUT: "Waited too long at Safaricom",
    RefundFact.STILL_OPEN: "Still being worked on",
    RefundFact.NO_ANSWER: "The question was not answered",
    RefundFact.SILENCE: "No result came",
    RefundFact.INTERRUPTED: "The till stopped meanwhile",
    RefundFact.ATTESTED_PAID: "Two people: the statement shows it as paid",
    RefundFact.ATTESTED_NOT_PAID: "Two people: the statement does not show it",
}


def mark(refund: Refund) -> Mark:
    words, tone, _ = _STATES[refund.state]
    return Mark(tone, words)


def explained(refund: Refund) -> str:
    """What it means for the money, and why where Safaricom said so."""
    sentence = _STATES[refund.state][2]
    if refund.state is RefundState.FAILED and refund.reason is not None:
        return f"{sentence} {refund.reason.english}"
    if refund.state is RefundState.COMPLETED and refund.receipt:
        return f"{sentence} M-Pesa code {refund.receipt}."
    return sentence


def fact_words(fact: RefundFact) -> str:
    return _FACTS[fact]


def to_words(refund: Refund) -> str:
    """By which way, and to whom; of a number the last digits only."""
    payee = f" to {refund.payee.masked}" if refund.payee else ""
    other = ", not the number that paid" if refund.other_number else ""
    return f"{ROUTES[refund.route]}{payee}{other}"
