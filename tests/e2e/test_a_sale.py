"""One charge through real processes: every way it may end, and the button pressed twice (Must show 8, S3–S12)."""

from typing import Any

import pytest

STILL_CHECKING = (
    "Checking with Safaricom. Do not charge again yet: this sale may already be paid. Wait, or take the next customer."
)
ENDS = {
    "approve": "PAID",
    "decline": "FAILED",
    "wrong_pin": "FAILED",
    "no_money": "FAILED",
    "fuliza_debt": "FAILED",
    "expired": "FAILED",
    "unreachable": "FAILED",
    "ignore": "FAILED",
    "callback_lost": "PAID",
    "callback_lost+confirmation_lost": "PAID",
    "callback_lost+confirmation_lost+pending_alternating": "PAID",
    "callback_lost+confirmation_lost+query_unlucky": "PAID",
    "callback_before_reply": "PAID",
    "all_shapes": "PAID",
    "reply_lost": "PAID",
    "gateway_timeout_accepted": "PAID",
    "internal_error_accepted": "PAID",
    "token_invalidated": "PAID",
    "token_invalidated_401": "PAID",
    "token_invalidated_400": "PAID",
    "waf_html": "FAILED",
    "waf_html_503": "FAILED",
    "lock_subscriber": "FAILED",
    "request_lost": "UNKNOWN",
    "gateway_timeout": "UNKNOWN",
    "paid_late": "PAID_LATE",
}


def opened(world: Any, kind: str = "paybill", **credentials: str) -> Any:
    till = world.till(kind, **credentials)
    till.start()
    till.wait_live()
    return till


@pytest.mark.parametrize("kind", ["paybill", "buy_goods"])
def test_an_approved_charge_is_paid_once_with_its_receipt(world: Any, kind: str) -> None:
    till, phone = opened(world, kind), world.phone()
    assert till.sell(150, phone)["state"] == "PENDING"
    till.becomes(phone, "PAID")
    (truth,) = world.simulator.paid(phone)
    world.until(lambda: till.attempt(phone)["receipt"] == truth["receipt"], "the receipt")
    till.judge()


def test_every_charge_ends_as_the_ledger_says(world: Any) -> None:
    """Each is another customer of one till; the next is charged while those before are still open."""
    till = opened(world)
    phones = {scenario: world.phone() for scenario in ENDS}
    for scenario, phone in phones.items():
        world.simulator.behave(phone, scenario)
        till.sell(100, phone)
    till.judge()
    for scenario, phone in phones.items():
        till.becomes(phone, ENDS[scenario])
    till.judge()
    sources = till.rows("SELECT source FROM evidence WHERE attempt_id = ?", till.attempt(phones["unreachable"])["id"])
    assert {"source": "query"} in sources


def test_a_lost_callback_is_paid_by_the_first_query_on_the_real_ladder(world: Any, figure: Any) -> None:
    """The ladder of the product itself, unhurried: the first rung is at 20 s (F11: truth within 30 s)."""
    till, phone = world.till(), world.phone()
    till.hurry = 1.0
    till.start()
    till.wait_live()
    world.simulator.behave(phone, "callback_lost+confirmation_lost")
    till.sell(80, phone)
    till.becomes(phone, "PAID", patience=29)
    (row,) = till.rows("SELECT 86400 * (julianday(finished_at) - julianday(submitted_at)) AS took FROM attempt")
    figure(f"lost callback to PAID on the real ladder: {row['took']:.1f} s")
    assert 19.5 < row["took"] < 30
    till.judge()


def test_a_query_that_cashier_asks_for_settles_a_charge_at_once(world: Any) -> None:
    till, phone = world.till(), world.phone()
    till.hurry = 1.0
    till.start()
    till.wait_live()
    world.simulator.behave(phone, "callback_lost+confirmation_lost")
    attempt = till.sell(80, phone)["attempt"]
    world.until(lambda: till.ask("check", attempt=attempt)["state"] == "PAID", "the query says that it is paid")
    till.judge()


def test_a_charge_while_another_is_checked_is_refused(world: Any) -> None:
    till, phone = opened(world), world.phone()
    world.simulator.behave(phone, "request_lost")
    first = till.sell(90, phone)
    assert first["state"] == "UNKNOWN"
    assert till.ask("charge", sale=first["sale"], amount=90, phone=world.phone()) == {"refused": STILL_CHECKING}
    assert len(till.attempts()) == 1
    till.judge()


@pytest.mark.parametrize("presses", [2, 10])
def test_a_double_click_makes_one_attempt_and_one_prompt(world: Any, presses: int) -> None:
    till, phone = opened(world), world.phone()
    sale = till.ask("open", amount=70)["sale"]
    asked = [till.channel.send("charge", sale=sale, amount=70, phone=phone) for _ in range(presses)]
    told = [till.channel.receive(number) for number in asked]
    assert sorted("refused" in answer for answer in told) == [False] + [True] * (presses - 1)
    assert all(answer["refused"] == STILL_CHECKING for answer in told if "refused" in answer)
    till.becomes(phone, "PAID")
    assert len(world.simulator.pushes(phone)) == 1
    till.judge()


def test_a_request_that_could_not_leave_is_sent_again_only_when_asked(world: Any) -> None:
    till, phone = world.till(), world.phone()
    truth, till.daraja_url = till.daraja_url, world.free_address()
    till.start()
    till.wait_live()
    sold = till.sell(60, phone)
    assert sold["state"] == "CREATED"
    till.quit()
    till.daraja_url = truth
    till.start()
    till.wait_live()
    assert till.attempt(phone)["state"] == "FAILED"
    assert till.ask("charge", sale=sold["sale"], amount=60, phone=phone)["state"] == "PENDING"
    world.until(lambda: {found["state"] for found in till.attempts(phone)} == {"FAILED", "PAID"}, "the second is paid")
    till.judge()
