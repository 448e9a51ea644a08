"""What the cashier reads and may press at each stage: pure words, the contract's sentence first, then what to do."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Sale
from pos_app.ui.payment.stage import HINT_AFTER, Stage

DO_NOT_CHARGE_AGAIN = "Checking with Safaricom. Do not charge again yet."
STILL_ASKED = "The M-Pesa request is still open. If the customer pays both, the till shows the extra money."
CODE_TO_FOLLOW = "M-Pesa code to follow"
HINT = "No prompt yet? Ask the customer to unlock the phone and close any open menu such as *334#."


class Tone(StrEnum):
    WAITING = "waiting"
    PAID = "paid"
    PART = "part"
    """Money came, but not all of it: never in the dress of PAID, or goods are handed over too early."""
    CHECKING = "checking"
    FAILED = "failed"


class Act(StrEnum):
    SEND_AGAIN = "send_again"
    OTHER_NUMBER = "other_number"
    CASH = "cash"
    TILL = "till"
    SPLIT = "split"
    PARK = "park"
    CHECK_NOW = "check_now"
    MPESA = "mpesa"
    RECEIPT = "receipt"
    NEXT = "next"
    BACK = "back"
    GIVE_CHANGE = "give_change"


LABELS = {
    Act.SEND_AGAIN: "Send again",
    Act.OTHER_NUMBER: "Other number",
    Act.CASH: "Cash",
    Act.TILL: "Pay to till",
    Act.SPLIT: "Split",
    Act.PARK: "Park sale",
    Act.CHECK_NOW: "Check now",
    Act.MPESA: "M-Pesa",
    Act.RECEIPT: "Receipt",
    Act.NEXT: "Next sale",
    Act.BACK: "Back to sale",
    Act.GIVE_CHANGE: "Give change",
}
KEYS = {Act.CASH: "F2", Act.TILL: "F3", Act.SPLIT: "F4", Act.MPESA: "F1", Act.PARK: "F9", Act.BACK: "Esc"}


@dataclass(frozen=True, slots=True)
class Panel:
    """`primary` is what Enter does; `money` is said only when it is certain."""

    tone: Tone
    sign: str
    word: str
    sentence: str
    advice: str = ""
    money: str = ""
    primary: Act | None = None
    secondary: Act | None = None
    more: tuple[Act, ...] = ()
    shows_number: bool = False
    code: str = ""

    @property
    def goes_on(self) -> bool:
        """To the next sale by itself: nobody has to do or to read anything first."""
        return self.tone is Tone.PAID and self.primary is Act.NEXT

    @property
    def announcement(self) -> str:
        return " ".join(filter(None, (self.word, self.sentence, self.money, self.advice)))


def panel_of(stage: Stage, attempt: Attempt, sale: Sale | None, waited: timedelta) -> Panel:
    """`waited` is the time since the request left."""
    if stage is Stage.SENDING:
        return sending_panel(attempt.msisdn)
    if stage is Stage.ON_PHONE:
        return _on_phone(waited)
    if stage in {Stage.CHECKING, Stage.UNRESOLVED, Stage.GIVEN_UP}:
        return _unclear(stage, attempt)
    if stage is Stage.PAID:
        return _paid(sale)
    if stage is Stage.PAID_LATE:
        return _paid_late(sale)
    return _failed(stage, attempt)


def lost_panel() -> Panel:
    """The till itself failed in the middle of a charge, so nobody knows whether the request left."""
    return Panel(
        Tone.CHECKING,
        "question",
        "Not known",
        "It is not known if the customer was asked.",
        "Do not charge again yet. Park the sale, and see in the history what became of it.",
        primary=Act.PARK,
    )


def sending_panel(msisdn: Msisdn) -> Panel:
    return Panel(Tone.WAITING, "dots", "Sending", f"Sending to {msisdn.grouped}…", secondary=Act.PARK)


def _on_phone(waited: timedelta) -> Panel:
    advice = HINT if waited >= HINT_AFTER else ""
    return Panel(
        Tone.WAITING,
        "phone",
        "On the phone",
        "Ask the customer to enter the PIN.",
        advice,
        primary=None,
        secondary=Act.CASH,
        more=(Act.PARK,),
    )


def _unclear(stage: Stage, attempt: Attempt) -> Panel:
    if stage is Stage.GIVEN_UP:
        return Panel(
            Tone.CHECKING,
            "question",
            "Never answered",
            "Safaricom knew nothing of this charge for two days.",
            "Ask to see the customer’s M-Pesa message before you charge again.",
            primary=Act.CASH,
            secondary=Act.SEND_AGAIN,
            more=(Act.BACK,),
            code=_code(attempt),
        )
    if stage is Stage.UNRESOLVED:
        return Panel(
            Tone.CHECKING,
            "question",
            "Not known yet",
            Reason.UNKNOWN.english,
            "The till goes on asking Safaricom. Look at the customer’s M-Pesa message, and tell the owner.",
            primary=Act.PARK,
            secondary=Act.CHECK_NOW,
            code=_code(attempt),
        )
    return Panel(
        Tone.CHECKING,
        "question",
        "Checking",
        DO_NOT_CHARGE_AGAIN,
        "It may still be paid. You can serve the next customer: the till goes on asking.",
        primary=Act.PARK,
        secondary=Act.CHECK_NOW,
        code=_code(attempt),
    )


def _paid(sale: Sale | None) -> Panel:
    if sale is not None and sale.remaining:
        return part_panel(f"{sale.remaining} remaining.", "Take the rest in cash or by M-Pesa.")
    return Panel(Tone.PAID, "tick", "PAID", "", primary=Act.NEXT, secondary=Act.RECEIPT)


def part_panel(sentence: str, advice: str = "") -> Panel:
    return Panel(
        Tone.PART,
        "exclamation",
        "PAID IN PART",
        sentence,
        advice,
        primary=Act.CASH,
        secondary=Act.MPESA,
        more=(Act.PARK,),
    )


def change_not_given(sale: Sale) -> str:
    return (
        f"Sale {sale.number}: the customer paid {sale.overpaid} too much, and no change was given. "
        "It is kept with the sale: give it from the history, F6."
    )


def _paid_late(sale: Sale | None) -> Panel:
    if sale is not None and sale.overpaid:
        sentence = f"{sale.overpaid} extra received."
        advice = "The sale was settled already. Give the extra money back from the history, or tell your supervisor."
    else:
        sentence = "The payment came late."
        advice = "The money is here and counts for this sale. Do not charge again."
    return Panel(Tone.CHECKING, "exclamation", "Paid late", sentence, advice, primary=Act.NEXT, secondary=Act.RECEIPT)


@dataclass(frozen=True, slots=True)
class _Failure:
    word: str
    advice: str
    primary: Act
    secondary: Act
    money: str = "No money taken."
    shows_number: bool = False


_SO_FAR = "No money taken so far."
_FAILURES = {
    Stage.CANCELLED: _Failure("Cancelled", "Ask if they still want to pay by M-Pesa.", Act.SEND_AGAIN, Act.CASH),
    Stage.NO_FUNDS: _Failure("Not paid", "Say it softly. Take part in cash, or all of it.", Act.SPLIT, Act.CASH),
    Stage.WRONG_PIN: _Failure("Wrong PIN", "Too many wrong PINs lock the line.", Act.SEND_AGAIN, Act.CASH),
    Stage.NOT_REACHED: _Failure(
        "Prompt did not arrive", "The customer can pay from the M-Pesa menu.", Act.TILL, Act.SEND_AGAIN, _SO_FAR, True
    ),
    Stage.EXPIRED: _Failure("Too slow", "Have the phone unlocked and ready first.", Act.SEND_AGAIN, Act.CASH, _SO_FAR),
    Stage.LIMIT: _Failure("Not paid", "Take cash, or part of it from another number.", Act.SPLIT, Act.CASH),
    Stage.BUSY: _Failure(
        "Line is busy",
        "Wait for the countdown, or let the customer pay from the M-Pesa menu.",
        Act.SEND_AGAIN,
        Act.TILL,
        "No money taken by this request.",
        True,
    ),
    Stage.DOWN: _Failure("M-Pesa is down", "Cash always works.", Act.CASH, Act.SEND_AGAIN, _SO_FAR),
    Stage.SETUP: _Failure("Set-up problem", "Take cash, or let the customer pay to the till.", Act.CASH, Act.TILL),
    Stage.BAD_PHONE: _Failure("Number refused", "Read the number back to the customer.", Act.OTHER_NUMBER, Act.CASH),
    Stage.NOT_SENT: _Failure("Not sent", "", Act.SEND_AGAIN, Act.CASH),
}
_CANNOT_PAY = frozenset({Reason.DAILY, Reason.PINLOCK, Reason.NOPAY})


def _failed(stage: Stage, attempt: Attempt) -> Panel:
    known = _FAILURES[stage]
    primary, secondary = known.primary, known.secondary
    if attempt.reason in _CANNOT_PAY:
        # Splitting does not help a line that cannot pay at all.
        primary, secondary = Act.CASH, Act.OTHER_NUMBER
    more = tuple(act for act in (Act.OTHER_NUMBER, Act.BACK) if act not in {primary, secondary})
    return Panel(
        Tone.FAILED,
        "exclamation",
        known.word,
        _sentence(stage, attempt),
        known.advice,
        known.money,
        primary,
        secondary,
        more,
        known.shows_number,
        _code(attempt),
    )


def _sentence(stage: Stage, attempt: Attempt) -> str:
    if stage is Stage.BUSY:
        return Reason.BUSYLINE.english
    if stage is Stage.SETUP or attempt.reason is None:
        return Reason.SETUP.english
    return attempt.reason.english


def _code(attempt: Attempt) -> str:
    """Small and grey, for the person on the phone with support."""
    parts = (attempt.account_reference, attempt.reason or "", attempt.code)
    return " · ".join(filter(None, parts))


def is_resend(attempt: Attempt) -> bool:
    """The very request may leave again: it certainly never did."""
    return attempt.state is AttemptState.CREATED and attempt.reason is Reason.NOT_SENT
