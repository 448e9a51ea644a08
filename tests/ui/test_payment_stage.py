"""Stage and words of a charge, over every state and reason: amber while unknown, and no promise too early."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.tender import Tender, TenderKind
from pos_app.ui.payment.stage import Stage, age
from pos_app.ui.payment.view_model import stage_of
from pos_app.ui.payment.words import (
    DO_NOT_CHARGE_AGAIN,
    LABELS,
    Act,
    Tone,
    is_resend,
    lost_panel,
    panel_of,
    sending_panel,
)

THEN = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
EVERY = [(state, reason) for state in AttemptState for reason in (*Reason, None)]
AGES = (0, 74, 75, 299, 300, 200_000)
SALE = Sale(7, 7, Cart((SaleLine("Milk", Money.shillings(350)),)), THEN)


def charge(state: AttemptState, reason: Reason | None = None, code: str = "") -> Attempt:
    return Attempt(
        id=1,
        sale_id=7,
        nonce="0" * 32,
        amount=Money.shillings(350),
        msisdn=Msisdn.parse("0712345678"),
        account=ShopAccount(AccountKind.BUY_GOODS, "174379", "123456"),
        account_reference="1-7-1",
        created_at=THEN,
        state=state,
        reason=reason,
        code=code,
        submitted_at=THEN,
    )


def after(seconds: float) -> datetime:
    return THEN + timedelta(seconds=seconds)


def tendered(sale: Sale, *shillings: int) -> Sale:
    return replace(sale, tenders=tuple(Tender(TenderKind.MPESA, Money.shillings(one), THEN) for one in shillings))


@pytest.mark.parametrize(
    ("state", "reason", "code", "seconds", "stage"),
    [
        (AttemptState.CREATED, None, "", 0, Stage.SENDING),
        (AttemptState.CREATED, Reason.NOT_SENT, "", 0, Stage.NOT_SENT),
        (AttemptState.SUBMITTING, None, "", 0, Stage.SENDING),
        (AttemptState.PENDING, Reason.WAIT, "", 0, Stage.ON_PHONE),
        (AttemptState.PENDING, Reason.WAIT, "", 74.9, Stage.ON_PHONE),
        (AttemptState.PENDING, Reason.WAIT, "", 75, Stage.CHECKING),
        (AttemptState.PENDING, Reason.WAIT, "", 300, Stage.UNRESOLVED),
        (AttemptState.UNKNOWN, Reason.UNKNOWN, "", 0, Stage.CHECKING),
        (AttemptState.UNKNOWN, Reason.UNKNOWN, "", 299, Stage.CHECKING),
        (AttemptState.UNKNOWN, Reason.UNKNOWN, "", 300, Stage.UNRESOLVED),
        (AttemptState.PAID, Reason.PAID, "", 0, Stage.PAID),
        (AttemptState.PAID_LATE, Reason.PAID, "", 0, Stage.PAID_LATE),
        (AttemptState.EXPIRED, Reason.UNKNOWN, "", 200_000, Stage.GIVEN_UP),
        (AttemptState.FAILED, Reason.CANCEL, "1032", 0, Stage.CANCELLED),
        (AttemptState.FAILED, Reason.LOWBAL, "1", 0, Stage.NO_FUNDS),
        (AttemptState.FAILED, Reason.WRONGPIN, "2001", 0, Stage.WRONG_PIN),
        (AttemptState.FAILED, Reason.NOANSWER, "1037", 0, Stage.NOT_REACHED),
        (AttemptState.FAILED, Reason.EXPIRED, "1019", 0, Stage.EXPIRED),
        (AttemptState.FAILED, Reason.LIMIT, "3", 0, Stage.LIMIT),
        (AttemptState.FAILED, Reason.DAILY, "4", 0, Stage.LIMIT),
        (AttemptState.FAILED, Reason.PINLOCK, "8006", 0, Stage.LIMIT),
        (AttemptState.FAILED, Reason.NOPAY, "E3008", 0, Stage.LIMIT),
        (AttemptState.FAILED, Reason.BUSYLINE, "1001", 0, Stage.BUSY),
        (AttemptState.FAILED, Reason.UNKNOWN, "17", 0, Stage.BUSY),
        (AttemptState.FAILED, Reason.DOWN, "26", 0, Stage.DOWN),
        (AttemptState.FAILED, Reason.SETUP, "2028", 0, Stage.SETUP),
        (AttemptState.FAILED, Reason.BADPHONE, "", 0, Stage.BAD_PHONE),
        (AttemptState.FAILED, Reason.NOT_SENT, "", 0, Stage.NOT_SENT),
        (AttemptState.FAILED, Reason.FLOAT, "", 0, Stage.SETUP),
        (AttemptState.FAILED, None, "", 0, Stage.SETUP),
    ],
)
def test_each_state_reason_and_age_has_its_stage(
    state: AttemptState, reason: Reason | None, code: str, seconds: float, stage: Stage
) -> None:
    assert stage_of(charge(state, reason, code), after(seconds), SALE) is stage


@pytest.mark.parametrize(("state", "reason"), EVERY)
def test_every_state_and_reason_has_a_stage_words_and_a_way_on(state: AttemptState, reason: Reason | None) -> None:
    for seconds in AGES:
        attempt = charge(state, reason)
        stage = stage_of(attempt, after(seconds), SALE)
        panel = panel_of(stage, attempt, SALE, timedelta(seconds=seconds))
        assert panel.word
        assert panel.sign
        assert panel.sentence or stage is Stage.PAID
        assert {panel.primary, panel.secondary, *panel.more} - {None}
        assert stage.is_open == (state.is_live and stage is not Stage.NOT_SENT)


@pytest.mark.parametrize(("state", "reason"), EVERY)
def test_nothing_says_that_no_money_was_taken_before_it_is_final(state: AttemptState, reason: Reason | None) -> None:
    for seconds in AGES:
        attempt = charge(state, reason)
        stage = stage_of(attempt, after(seconds), SALE)
        panel = panel_of(stage, attempt, SALE, timedelta(seconds=seconds))
        certain = state is AttemptState.FAILED or (state, reason) == (AttemptState.CREATED, Reason.NOT_SENT)
        assert bool(panel.money) is certain


@pytest.mark.parametrize(("state", "reason"), EVERY)
def test_only_what_is_known_is_green_or_red(state: AttemptState, reason: Reason | None) -> None:
    attempt = charge(state, reason)
    stage = stage_of(attempt, after(400), SALE)
    tone = panel_of(stage, attempt, None, timedelta()).tone
    assert (tone is Tone.PAID) == (state is AttemptState.PAID)
    assert panel_of(stage, attempt, SALE, timedelta()).tone is not Tone.PAID, "of this sale nothing has come yet"
    if state in {AttemptState.PENDING, AttemptState.UNKNOWN, AttemptState.EXPIRED, AttemptState.PAID_LATE}:
        assert tone is Tone.CHECKING


@pytest.mark.parametrize(("state", "reason"), EVERY)
def test_while_money_may_move_nothing_offers_another_charge(state: AttemptState, reason: Reason | None) -> None:
    for seconds in AGES:
        attempt = charge(state, reason)
        stage = stage_of(attempt, after(seconds), SALE)
        panel = panel_of(stage, attempt, SALE, timedelta(seconds=seconds))
        if stage.is_open:
            offered = {panel.primary, panel.secondary, *panel.more}
            assert not offered & {Act.SEND_AGAIN, Act.OTHER_NUMBER, Act.SPLIT, Act.MPESA}


def test_after_a_restart_a_young_charge_is_being_checked() -> None:
    pending = charge(AttemptState.PENDING, Reason.WAIT)
    assert stage_of(pending, after(10), SALE, started=after(5)) is Stage.CHECKING
    assert stage_of(pending, after(10), SALE, started=after(-5)) is Stage.ON_PHONE
    assert stage_of(replace(pending, submitted_at=None), after(10), SALE, started=after(5)) is Stage.CHECKING


def test_a_clock_that_stepped_back_gives_no_negative_age() -> None:
    assert age(charge(AttemptState.PENDING), after(-60)) == timedelta()


def test_money_for_a_sale_settled_otherwise_is_late() -> None:
    over = tendered(SALE, 350, 350)
    paid = charge(AttemptState.PAID, Reason.PAID)
    assert stage_of(paid, after(0), over) is Stage.PAID_LATE
    panel = panel_of(Stage.PAID_LATE, paid, over, timedelta())
    assert panel.sentence == "KES 350 extra received."
    assert panel_of(Stage.PAID_LATE, paid, tendered(SALE, 350), timedelta()).sentence == "The payment came late."
    assert stage_of(paid, after(0), None) is Stage.PAID


def test_a_part_payment_says_what_remains_and_offers_both_ways() -> None:
    panel = panel_of(Stage.PAID, charge(AttemptState.PAID), tendered(SALE, 230), timedelta())
    assert panel.sentence == "KES 120 remaining."
    assert (panel.primary, panel.secondary) == (Act.CASH, Act.MPESA)


@pytest.mark.parametrize("reason", [Reason.CANCEL, Reason.LOWBAL, Reason.WRONGPIN, Reason.NOANSWER, Reason.EXPIRED,
                                    Reason.LIMIT, Reason.DAILY, Reason.PINLOCK, Reason.NOPAY, Reason.BUSYLINE,
                                    Reason.DOWN, Reason.SETUP, Reason.BADPHONE, Reason.NOT_SENT])  # fmt: skip
def test_a_failure_says_the_contracts_sentence_and_a_small_code(reason: Reason) -> None:
    failed = charge(AttemptState.FAILED, reason, "99")
    panel = panel_of(stage_of(failed, after(0), SALE), failed, SALE, timedelta())
    assert panel.sentence == reason.english
    assert panel.code == f"1-7-1 · {reason} · 99"
    assert "No money taken" in panel.money


@pytest.mark.parametrize(
    ("reason", "primary", "secondary"),
    [
        (Reason.CANCEL, Act.SEND_AGAIN, Act.CASH),
        (Reason.LOWBAL, Act.SPLIT, Act.CASH),
        (Reason.WRONGPIN, Act.SEND_AGAIN, Act.CASH),
        (Reason.NOANSWER, Act.TILL, Act.SEND_AGAIN),
        (Reason.EXPIRED, Act.SEND_AGAIN, Act.CASH),
        (Reason.LIMIT, Act.SPLIT, Act.CASH),
        (Reason.PINLOCK, Act.CASH, Act.OTHER_NUMBER),
        (Reason.BUSYLINE, Act.SEND_AGAIN, Act.TILL),
        (Reason.BADPHONE, Act.OTHER_NUMBER, Act.CASH),
    ],
)
def test_each_failure_offers_the_next_act(reason: Reason, primary: Act, secondary: Act) -> None:
    failed = charge(AttemptState.FAILED, reason)
    panel = panel_of(stage_of(failed, after(0), SALE), failed, SALE, timedelta())
    assert (panel.primary, panel.secondary) == (primary, secondary)
    assert Act.BACK in panel.more


def test_a_prompt_that_did_not_arrive_shows_the_shops_number() -> None:
    failed = charge(AttemptState.FAILED, Reason.NOANSWER)
    panel = panel_of(Stage.NOT_REACHED, failed, SALE, timedelta())
    assert panel.shows_number
    assert panel.money == "No money taken so far."


def test_the_hint_comes_after_twenty_seconds() -> None:
    pending = charge(AttemptState.PENDING, Reason.WAIT)
    assert not panel_of(Stage.ON_PHONE, pending, SALE, timedelta(seconds=19)).advice
    assert "unlock" in panel_of(Stage.ON_PHONE, pending, SALE, timedelta(seconds=20)).advice


def test_checking_says_do_not_charge_again_and_is_announced() -> None:
    panel = panel_of(Stage.CHECKING, charge(AttemptState.UNKNOWN), SALE, timedelta())
    assert panel.sentence == DO_NOT_CHARGE_AGAIN == "Checking with Safaricom. Do not charge again yet."
    assert panel.announcement.startswith("Checking Checking with Safaricom.")


def test_a_request_nobody_can_vouch_for_is_amber_and_only_parks() -> None:
    panel = lost_panel()
    assert panel.tone is Tone.CHECKING
    assert (panel.primary, panel.secondary, panel.more) == (Act.PARK, None, ())
    assert "0712 345 678" in sending_panel(Msisdn.parse("0712345678")).sentence


def test_only_a_request_that_never_left_is_sent_as_it_is() -> None:
    assert is_resend(charge(AttemptState.CREATED, Reason.NOT_SENT))
    assert not is_resend(charge(AttemptState.CREATED))
    assert not is_resend(charge(AttemptState.FAILED, Reason.NOT_SENT))


def test_every_act_has_a_label() -> None:
    assert set(LABELS) == set(Act)
