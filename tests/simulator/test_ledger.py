"""The books: whatever happens, they balance, and no receipt is used twice."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.ledger import Ledger, Payment, ReceiptUsedTwiceError, customer, shop
from pos_app.simulator.scenarios import PRESETS, scenario

RECEIPT = re.compile(r"[A-Z][A-L][1-9A-V][A-Z0-9]{7}")


def payment(receipt: str = "UJE7K2M9QX", amount: int = 150) -> Payment:
    return Payment(receipt, amount, "254712345678", "174379", "174379", "INV-1042", "ws_CO_1", 0.0)


def test_a_payment_is_a_debit_and_a_credit() -> None:
    ledger = Ledger()
    ledger.pay(payment())
    assert [(entry.account, entry.amount) for entry in ledger.entries] == [
        ("customer:254712345678", -150),
        ("shop:174379", 150),
    ]
    assert ledger.balance(customer("254712345678")) == -150
    assert ledger.balance(shop("174379")) == 150
    assert ledger.payment("UJE7K2M9QX") == payment()
    assert ledger.find(reference="other") == ()


def test_a_receipt_used_twice_breaks_the_simulator() -> None:
    ledger = Ledger()
    ledger.pay(payment())
    with pytest.raises(ReceiptUsedTwiceError):
        ledger.pay(payment())


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_payment(amount: int) -> None:
    with pytest.raises(ValueError, match="one shilling"):
        Ledger().pay(payment(amount=amount))


@given(st.integers(0, 2**32), st.floats(1.0e9, 4.0e9))
def test_receipts_have_the_shape_of_the_contract(seed: int, when: float) -> None:
    assert RECEIPT.fullmatch(Identifiers(seed).receipt(when))


def test_the_date_letters_of_a_receipt_are_of_nairobi() -> None:
    new_year_in_nairobi = ManualClock(1798750800.0)  # 2026-12-31 21:00 UTC
    assert Identifiers(0).receipt(new_year_in_nairobi.now()).startswith("VA1")


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("push"), st.sampled_from(sorted(PRESETS)), st.integers(1, 3), st.sampled_from([100, 200, 250000])
        ),
        st.tuples(st.just("wait"), st.floats(0, 300)),
        st.tuples(st.just("act"), st.sampled_from(["approve", "decline", "ignore", "wrong_pin", "code:E3008"])),
        st.tuples(st.just("query")),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), story=steps)
def test_any_story_keeps_the_books(caller: Any, seed: int, story: list[tuple[Any, ...]]) -> None:
    caller.core = core = Daraja(ManualClock(), seed=seed)
    for step in story:
        caller.token()
        match step:
            case ("push", name, phone, amount):
                core.script.default = scenario(name)
                number = 254712345670 + phone
                caller.push(PhoneNumber=number, PartyA=number, Amount=amount)
            case ("wait", seconds):
                caller.after(seconds)
            case ("act", action) if core.prompts():
                core.act(core.prompts()[0].checkout_request_id, action)
            case ("query",) if core.pushes:
                assert caller.query(core.pushes[-1].checkout_request_id).body
    core.clock.advance(10_000)
    settled(core)


def settled(core: Daraja) -> None:
    """Every paid push has its one payment, every payment its push, and the sum is nothing."""
    payments = core.ledger.payments
    assert core.ledger.total() == 0
    assert sum(core.ledger.balances.values()) == 0
    assert len({payment.receipt for payment in payments}) == len(payments)
    assert {push.receipt for push in core.pushes if push.code == "0"} == {payment.receipt for payment in payments}
    assert all(push.code for push in core.pushes if push.scenario.outcome != "4999" or not push.rings)
    paid = [json.loads(c.body)["Body"]["stkCallback"] for c in core.due() if c.kind == "stk"]
    claimed = {item["CallbackMetadata"]["Item"][1]["Value"] for item in paid if item["ResultCode"] == 0}
    assert claimed <= {payment.receipt for payment in payments}
