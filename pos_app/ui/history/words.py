"""How the history puts times, states and evidence into words; pure, so that every word has a test."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.clock import EAT, MONTHS
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.sale import SaleState

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Tone(StrEnum):
    PAID = "paid"
    WAITING = "waiting"
    CHECKING = "checking"
    FAILED = "failed"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign and a word, so that colour is never alone."""

    tone: Tone
    words: str
    needs_a_person: bool = False

    @property
    def sign(self) -> str:
        return "!" if self.needs_a_person else _SIGNS[self.tone]

    def __str__(self) -> str:
        return f"{self.sign} {self.words}".strip()


_SIGNS = {Tone.PAID: "✓", Tone.WAITING: "…", Tone.CHECKING: "?", Tone.FAILED: "!", Tone.QUIET: "–"}


def time_of(at: datetime, now: datetime) -> str:
    """`14:02` today, `Yesterday 14:02`, `Mon 12 Oct 14:02` this year, `12 Oct 2025` before."""
    local, today = at.astimezone(EAT), now.astimezone(EAT).date()
    day = local.date()
    if day == today:
        return f"{local:%H:%M}"
    if day == today - timedelta(days=1):
        return f"Yesterday {local:%H:%M}"
    date = f"{day.day} {MONTHS[day.month - 1]}"
    return f"{_DAYS[day.weekday()]} {date} {local:%H:%M}" if day.year == today.year else f"{date} {day.year}"


def full_time(at: datetime) -> str:
    local = at.astimezone(EAT)
    return f"{_DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local:%Y, %H:%M}"


def exact_time(at: datetime, now: datetime) -> str:
    """To the second, and with the date unless it is today's."""
    local = at.astimezone(EAT)
    if local.date() == now.astimezone(EAT).date():
        return f"{local:%H:%M:%S}"
    return f"{local.day} {MONTHS[local.month - 1]} {local:%H:%M:%S}"


def sale_mark(state: SaleState, total: Money, paid: Money) -> Mark:
    match state:
        case SaleState.PAID | SaleState.CLOSED:
            return Mark(Tone.PAID, "Paid")
        case SaleState.OVERPAID:
            return Mark(Tone.CHECKING, f"{paid - total} over", needs_a_person=True)
        case SaleState.AWAITING:
            return Mark(Tone.CHECKING, "Not known yet")
        case SaleState.PART_PAID:
            return Mark(Tone.WAITING, f"{total - paid} to pay")
        case SaleState.OPEN:
            return Mark(Tone.WAITING, "Not paid")
        case SaleState.VOID:
            return Mark(Tone.QUIET, "Cancelled")


_ATTEMPT_MARKS = {
    AttemptState.CREATED: Mark(Tone.WAITING, "Not sent"),
    AttemptState.SUBMITTING: Mark(Tone.WAITING, "Sending"),
    AttemptState.PENDING: Mark(Tone.WAITING, "Waiting for the customer"),
    AttemptState.UNKNOWN: Mark(Tone.CHECKING, "Not known yet"),
    AttemptState.PAID: Mark(Tone.PAID, "Paid"),
    AttemptState.FAILED: Mark(Tone.FAILED, "Not paid"),
    AttemptState.EXPIRED: Mark(Tone.CHECKING, "Never answered", needs_a_person=True),
    AttemptState.PAID_LATE: Mark(Tone.CHECKING, "Paid late", needs_a_person=True),
}


def attempt_mark(attempt: Attempt) -> Mark:
    return _ATTEMPT_MARKS[attempt.state]


SOURCES = {
    Source.REPLY: "The request to Safaricom",
    Source.CALLBACK: "Safaricom’s result message",
    Source.QUERY: "Safaricom, when asked",
    Source.CONFIRMATION: "Safaricom’s payment confirmation",
    Source.PULL: "Safaricom’s list of payments",
    Source.CLOCK: "This till’s clock",
    Source.RESTART: "This till, after a restart",
    Source.CASHIER: "The cashier",
}
FACTS = {
    Fact.SUBMITTED: "The request was saved and sent.",
    Fact.ACCEPTED: "Taken; the phone is being asked.",
    Fact.REJECTED: "Refused; the customer was not asked.",
    Fact.NOT_SENT: "The request did not leave this till; the customer was not asked.",
    Fact.REPLY_LOST: "No answer came; the request may have arrived.",
    Fact.PAID: "Paid.",
    Fact.FAILED: "Not paid.",
    Fact.FAILED_IN_DOUBT: "Not paid, so far; asked again to be sure.",
    Fact.STILL_OPEN: "Still waiting for the customer.",
    Fact.NO_ANSWER: "No usable answer.",
    Fact.UNCLEAR: "A final answer with a code that is not in the list.",
    Fact.SILENCE: "No answer for three minutes.",
    Fact.INTERRUPTED: "The till stopped while the request was on its way.",
    Fact.WITHDRAWN: "Given up before it was sent.",
    Fact.GIVEN_UP: "Nothing found in 48 hours.",
}
DISPOSITIONS = {
    Disposition.APPLIED: "✓ Acted on",
    Disposition.NOTED: "Noted",
    Disposition.QUARANTINED: "! Held back",
    Disposition.CONFLICT: "! Contradicts",
}
_UNCONFIRMED = (
    "Not believed yet: its sender could not be confirmed. It changes nothing until Safaricom confirms it when asked."
)
_MISFIT = (
    "Not believed: it does not fit this request (another request, amount or shop). "
    "It is kept for the owner and changes nothing."
)
_CONFLICT = "It contradicts what was settled before. What was settled stands. Show this to the owner."


@dataclass(frozen=True, slots=True)
class TimelineRow:
    time: str
    source: str
    said: str
    detail: str
    outcome: str
    explanation: str = ""
    """Why it was not acted on; empty for ordinary rows."""


Told = tuple[Evidence, Disposition, datetime]


def timeline(told: tuple[Told, ...], now: datetime) -> tuple[TimelineRow, ...]:
    return together(
        (
            (evidence.fact, evidence.source, evidence.code, evidence.receipt, evidence.trusted, disposition),
            _row(evidence, disposition, recorded_at, now),
        )
        for evidence, disposition, recorded_at in told
    )


def together(told: Iterable[tuple[object, TimelineRow]]) -> tuple[TimelineRow, ...]:
    """One row for each message, with what it is known by; the same again, however often, adds only a count."""
    rows: list[TimelineRow] = []
    repeats = 0
    previous: object = None
    for same, row in told:
        if same == previous and row.outcome != DISPOSITIONS[Disposition.APPLIED]:
            repeats += 1
            rows[-1] = _again(rows[-1], row, repeats)
            continue
        rows.append(row)
        repeats, previous = 0, same
    return tuple(rows)


def _again(first: TimelineRow, last: TimelineRow, repeats: int) -> TimelineRow:
    times = "once more" if repeats == 1 else f"{repeats} times more"
    outcome = f"{last.outcome}, {times}"
    return TimelineRow(first.time, first.source, first.said, first.detail, outcome, first.explanation)


def _row(evidence: Evidence, disposition: Disposition, recorded_at: datetime, now: datetime) -> TimelineRow:
    return TimelineRow(
        time=exact_time(recorded_at, now),
        source=SOURCES[evidence.source],
        said=_said(evidence),
        detail=quoted(evidence.text, evidence.code),
        outcome=DISPOSITIONS[disposition],
        explanation=explanation(disposition, trusted=evidence.trusted),
    )


def _said(evidence: Evidence) -> str:
    if evidence.fact is Fact.PAID:
        parts = ("Paid", str(evidence.amount) if evidence.amount else "", evidence.receipt)
        return ", ".join(part for part in parts if part) + "."
    reason = evidence.reason
    says_why = evidence.fact in {Fact.FAILED, Fact.FAILED_IN_DOUBT, Fact.REJECTED} and reason is not None
    return f"{FACTS[evidence.fact]} {reason.english}" if says_why and reason else FACTS[evidence.fact]


def quoted(text: str, code: str) -> str:
    """What Safaricom wrote, for whoever is asked for help."""
    told = (f"“{text}”" if text else "", f"code {code}" if code else "")
    return " · ".join(part for part in told if part)


def explanation(disposition: Disposition, *, trusted: bool) -> str:
    """Why it was not acted on; empty for ordinary messages."""
    if disposition is Disposition.CONFLICT:
        return _CONFLICT
    if disposition is Disposition.QUARANTINED:
        return _MISFIT if trusted else _UNCONFIRMED
    return ""
