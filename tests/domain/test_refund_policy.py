"""Who may release how much, and by which way money can go back (features §4; B2, B9, B10)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refund import Approval, Refund, Route
from pos_app.domain.refund_policy import RefundPolicy, Spent
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import Means, Sought, first_open, routes
from pos_app.domain.staff import Person, Role

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
KES = Money.shillings
POLICY = RefundPolicy()
REFUND = Refund(
    1,
    1,
    7,
    "R",
    "R",
    Route.B2C,
    KES(400),
    Msisdn("254712345678"),
    False,
    RefundReason.FAULTY,
    "",
    4,
    NOW,
)
OWNER, MANAGER, SUPERVISOR = (
    Person(at, role, role) for at, role in enumerate((Role.OWNER, Role.MANAGER, Role.SUPERVISOR), 1)
)
CASHIER, AUDITOR = Person(4, "Akinyi", Role.CASHIER), Person(5, "Jane", Role.AUDITOR)


@pytest.mark.parametrize("person", [CASHIER, AUDITOR, replace(MANAGER, active=False)])
def test_who_may_not_release_is_told_so(person: Person) -> None:
    assert "may not release" in POLICY.refusal(REFUND, person, Spent())


@pytest.mark.parametrize("person", [OWNER, MANAGER, SUPERVISOR])
def test_a_small_refund_is_released_by_one_also_by_who_prepared_it(person: Person) -> None:
    assert POLICY.approvals_needed(REFUND) == 1
    assert POLICY.refusal(replace(REFUND, requested_by=person.id), person, Spent()) == ""


@pytest.mark.parametrize("refund", [replace(REFUND, amount=KES(5000)), replace(REFUND, other_number=True)])
def test_b9_b10_much_money_or_another_number_needs_two_others(refund: Refund) -> None:
    assert POLICY.approvals_needed(refund) == 2
    assert "prepared it" in POLICY.refusal(replace(refund, requested_by=MANAGER.id), MANAGER, Spent())
    once = replace(refund, approvals=(Approval(MANAGER.id, NOW),))
    assert "released it already" in POLICY.refusal(once, MANAGER, Spent())
    assert POLICY.refusal(once, OWNER, Spent()) == ""


@pytest.mark.parametrize(
    ("shillings", "spent", "words"),
    [
        (2001, Spent(), "at once"),
        (2000, Spent(hour=KES(3001)), "in an hour"),
        (2000, Spent(hour=KES(1), day=KES(8001)), "in a day"),
        (2000, Spent(hour=KES(3000), day=KES(8000)), ""),
    ],
)
def test_a_supervisors_limits_at_once_in_an_hour_and_in_a_day(shillings: int, spent: Spent, words: str) -> None:
    refusal = POLICY.refusal(replace(REFUND, amount=KES(shillings)), SUPERVISOR, spent)
    assert words in refusal
    assert bool(refusal) is bool(words)


def test_a_role_without_limits_of_its_own_releases_nothing() -> None:
    assert "at once" in RefundPolicy(caps={}).refusal(REFUND, OWNER, Spent())


WHOLE = Sought(KES(1000), KES(1000), "UKO7K2M9QX", NOW, KES(1000))
READY = Means(is_set_up=True)


def refusals(sought: Sought, means: Means = READY) -> dict[Route, str]:
    return {offer.route: offer.refusal for offer in routes(sought, means, NOW)}


def test_a_whole_payment_goes_back_by_reversal_first() -> None:
    offers = routes(WHOLE, READY, NOW)
    assert [offer.route for offer in offers] == [Route.REVERSAL, Route.B2C, Route.CASH, Route.CREDIT_NOTE]
    assert first_open(offers) is Route.REVERSAL


@pytest.mark.parametrize(
    ("sought", "means", "route", "words"),
    [
        (replace(WHOLE, amount=KES(400)), READY, Route.REVERSAL, "as a whole only"),
        (replace(WHOLE, paid_at=NOW - timedelta(days=8)), READY, Route.REVERSAL, "older than 7 days"),
        (replace(WHOLE, amount=KES(9)), READY, Route.B2C, "KES 10 or more"),
        (replace(WHOLE, amount=Money(10_050)), READY, Route.B2C, "whole shillings"),
        (Sought(KES(250_001), KES(300_000), "R", NOW, KES(300_000)), READY, Route.B2C, "at most KES 250,000"),
        (WHOLE, replace(READY, float_available=KES(999)), Route.B2C, "holds KES 999"),
        (WHOLE, Means(is_set_up=False), Route.B2C, "not set up"),
        (WHOLE, replace(READY, switched_off="Off."), Route.REVERSAL, "Off."),
        (replace(WHOLE, receipt=""), READY, Route.B2C, "not paid by M-Pesa"),
        (replace(WHOLE, left=KES(600)), READY, Route.B2C, "Only KES 600"),
        (replace(WHOLE, left=KES(600)), READY, Route.CASH, "Only KES 600"),
        (replace(WHOLE, amount=KES(0)), READY, Route.CASH, "Type what"),
        (Sought(KES(300), cash_left=KES(200)), READY, Route.CASH, "Only KES 200"),
    ],
)
def test_why_a_way_cannot_be_taken_is_said(sought: Sought, means: Means, route: Route, words: str) -> None:
    assert words in refusals(sought, means)[route]


def test_cash_goes_back_as_cash_and_a_missing_time_or_float_hinders_nothing() -> None:
    assert first_open(routes(Sought(KES(200), cash_left=KES(200)), READY, NOW)) is Route.CASH
    assert refusals(replace(WHOLE, paid_at=None))[Route.REVERSAL] == ""
    assert refusals(WHOLE, replace(READY, float_available=KES(1000)))[Route.B2C] == ""
    assert first_open(routes(replace(WHOLE, amount=KES(0)), READY, NOW)) is None
