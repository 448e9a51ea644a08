"""Where a charge stands for the cashier: a pure reading of the attempt and the clock, which changes nothing."""

from datetime import datetime, timedelta
from enum import StrEnum

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Sale
from pos_app.ui.sounds import Sound

CHECKING_AFTER = timedelta(seconds=75)
UNRESOLVED_AFTER = timedelta(minutes=5)
HINT_AFTER = timedelta(seconds=20)
BUSY_SECONDS = 120
"""The contract’s sentence for a busy line says two minutes, and rule 17 means two; the countdown says the same."""
TWIN_CODE = "17"
"""Rule limited: the same amount asked of the same customer within two minutes (contract §5.1)."""


class Stage(StrEnum):
    SENDING = "sending"
    ON_PHONE = "on_phone"
    CHECKING = "checking"
    UNRESOLVED = "unresolved"
    PAID = "paid"
    PAID_LATE = "paid_late"
    GIVEN_UP = "given_up"
    """48 h without a word from Safaricom."""
    CANCELLED = "cancelled"
    NO_FUNDS = "no_funds"
    WRONG_PIN = "wrong_pin"
    NOT_REACHED = "not_reached"
    EXPIRED = "expired"
    LIMIT = "limit"
    BUSY = "busy"
    DOWN = "down"
    SETUP = "setup"
    BAD_PHONE = "bad_phone"
    NOT_SENT = "not_sent"

    @property
    def is_open(self) -> bool:
        """Money may still move, so nobody may be charged again for the sale."""
        return self in {Stage.SENDING, Stage.ON_PHONE, Stage.CHECKING, Stage.UNRESOLVED}

    @property
    def is_unclear(self) -> bool:
        """Shown amber: neither paid nor failed, or paid in a way somebody must look at."""
        return self in {Stage.CHECKING, Stage.UNRESOLVED, Stage.PAID_LATE, Stage.GIVEN_UP}


_OF_REASON = {
    Reason.CANCEL: Stage.CANCELLED,
    Reason.LOWBAL: Stage.NO_FUNDS,
    Reason.WRONGPIN: Stage.WRONG_PIN,
    Reason.NOANSWER: Stage.NOT_REACHED,
    Reason.EXPIRED: Stage.EXPIRED,
    Reason.LIMIT: Stage.LIMIT,
    Reason.DAILY: Stage.LIMIT,
    Reason.PINLOCK: Stage.LIMIT,
    Reason.NOPAY: Stage.LIMIT,
    Reason.BUSYLINE: Stage.BUSY,
    Reason.DOWN: Stage.DOWN,
    Reason.BADPHONE: Stage.BAD_PHONE,
    Reason.NOT_SENT: Stage.NOT_SENT,
}


_FIXED = {
    AttemptState.SUBMITTING: Stage.SENDING,
    AttemptState.PAID_LATE: Stage.PAID_LATE,
    AttemptState.EXPIRED: Stage.GIVEN_UP,
}


def stage_of(attempt: Attempt, now: datetime, sale: Sale | None, started: datetime | None = None) -> Stage:
    """`started` is when this program started: a charge that is older is being checked, whatever its age."""
    state = attempt.state
    if state is AttemptState.CREATED:
        return Stage.NOT_SENT if attempt.reason is Reason.NOT_SENT else Stage.SENDING
    if state is AttemptState.FAILED:
        return _of_failure(attempt)
    if state is AttemptState.PENDING or state is AttemptState.UNKNOWN:
        return _of_silence(attempt, now, started)
    if state is AttemptState.PAID:
        return Stage.PAID_LATE if sale is not None and sale.overpaid else Stage.PAID
    return _FIXED[state]


def age(attempt: Attempt, now: datetime) -> timedelta:
    return max(now - (attempt.submitted_at or attempt.created_at), timedelta())


def _of_silence(attempt: Attempt, now: datetime, started: datetime | None) -> Stage:
    waited = age(attempt, now)
    if waited >= UNRESOLVED_AFTER:
        return Stage.UNRESOLVED
    interrupted = started is not None and (attempt.submitted_at or attempt.created_at) < started
    checking = attempt.state is AttemptState.UNKNOWN or interrupted or waited >= CHECKING_AFTER
    return Stage.CHECKING if checking else Stage.ON_PHONE


def _of_failure(attempt: Attempt) -> Stage:
    if attempt.code == TWIN_CODE:
        return Stage.BUSY
    return _OF_REASON.get(attempt.reason, Stage.SETUP) if attempt.reason else Stage.SETUP


def sound_of(stage: Stage) -> Sound | None:
    if stage is Stage.PAID:
        return Sound.PAID
    if stage.is_unclear:
        return Sound.ATTENTION
    return None if stage.is_open else Sound.FAILED
