"""What the relay delivers: in any order, twice, forged, late, unreadable: a payment stands once (C5, R3, R7–R9)."""

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.clock import EAT
from pos_app.domain.evidence import Disposition, Fact
from pos_app.domain.held_back import Doubt
from pos_app.domain.money import Money
from pos_app.domain.sale import SaleState
from pos_app.relay_link.delivery import Cursor
from pos_app.services import callbacks as module
from pos_app.services.changes import AttemptChanged, PaymentArrived
from pos_app.simulator.scenarios import Scenario, scenario
from pos_app.store import attempts as attempt_rows
from pos_app.store import evidence as evidence_rows
from pos_app.store import held_back, relay_events
from pos_app.store import payments as payment_rows
from pos_app.store.database import StoreError
from relay.protocol import make_nonce

pytestmark = pytest.mark.anyio
Body = Callable[..., dict[str, Any]]
KES_150 = Money.shillings(150)


class KilledError(BaseException):
    """Nobody catches it, like a kill."""


async def parked(desk: Any) -> list[tuple[str, str]]:
    def read(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return [(kind, why) for kind, why in connection.execute("SELECT kind, why FROM parked_event ORDER BY id")]

    found: list[tuple[str, str]] = await desk.database.read(read)
    return found


async def lasting(desk: Any) -> tuple[object, ...]:
    """Everything about money that must be the same after a second reading of the same messages."""

    def read(connection: sqlite3.Connection) -> tuple[object, ...]:
        tables = ("attempt", "payment", "evidence", "parked_event")
        return tuple(tuple(connection.execute(f"SELECT * FROM {name} ORDER BY id")) for name in tables)

    found: tuple[object, ...] = await desk.database.read(read)
    return found


# The same message, and both messages of one payment.


async def test_r3_one_body_a_hundred_times_shuffled_is_one_event(desk: Any, make_callback: Body) -> None:
    charges = [await desk.charged() for _ in range(5)]
    bodies = [
        (attempt.nonce, make_callback(attempt, receipt=f"TJE{number}A2B3C4"))
        for number, attempt in enumerate(charges, 1)
        for _ in range(100)
    ]
    random.Random(3).shuffle(bodies)
    for nonce, body in bodies:
        desk.log.stk(nonce, body)
    await desk.pump()
    assert len(await desk.standing()) == 5
    for attempt in charges:
        facts = [row.evidence.fact for row in await desk.evidence(attempt.id)]
        assert facts == [Fact.SUBMITTED, Fact.ACCEPTED, Fact.PAID]
    assert sum(isinstance(told, PaymentArrived) for told in desk.told) == 5


@pytest.mark.parametrize("order", ["callback first", "confirmation first"])
async def test_c5_callback_and_confirmation_are_one_payment_and_two_pieces_of_evidence(
    desk: Any, make_callback: Body, make_confirmation: Body, order: str
) -> None:
    attempt = await desk.charged()
    told = [
        lambda: desk.log.stk(attempt.nonce, make_callback(attempt)),
        lambda: desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference)),
    ]
    for tell in told if order == "callback first" else reversed(told):
        tell()
        await desk.pump()
        assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    (payment,) = await desk.standing()
    assert (payment.id, payment.payer_name, payment.sale_id) == ("TJE1A2B3C4", "JANE", attempt.sale_id)
    rows = [row for row in await desk.evidence(attempt.id) if row.evidence.fact is Fact.PAID]
    assert len(rows) == 2
    assert (await desk.sales.get(attempt.sale_id)).paid == KES_150


async def test_at_a_till_number_a_confirmation_before_its_callback_is_likely_ours_and_then_ours(
    counter: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await counter.charged()
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(
        make_confirmation(TransactionType="Customer Merchant Payment", BusinessShortCode="5512345", TransTime=soon)
    )
    await counter.pump()
    (payment,) = await counter.standing()
    assert (payment.sale_id, payment.likely_attempt_id) == (None, attempt.id)
    assert (await counter.attempt(attempt.id)).state is AttemptState.PENDING
    counter.log.stk(attempt.nonce, make_callback(attempt))
    await counter.pump()
    (payment,) = await counter.standing()
    assert (payment.sale_id, payment.attempt_id, payment.likely_attempt_id) == (attempt.sale_id, attempt.id, None)
    assert (await counter.sales.get(attempt.sale_id)).state is SaleState.PAID


async def test_money_for_a_sale_that_was_finished_before_its_charge_was_paid_is_said_once(
    desk: Any, make_callback: Body
) -> None:
    attempt = await desk.charged()
    await desk.sales.pay_cash(attempt.sale_id, KES_150)
    await desk.sales.close(attempt.sale_id)
    desk.core.act(attempt.checkout_request_id, "approve")
    desk.log.losing = True
    await desk.payments.check_now(attempt.id)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.OVERPAID
    (notice,) = desk.notices
    assert notice.startswith("KES 150 extra received: sale 1 was finished before its M-Pesa request was paid.")


async def test_a_slow_clock_does_not_hide_whose_charge_a_payment_may_be_the_money_of(
    counter: Any, make_confirmation: Body
) -> None:
    counter.wall_step = -3600.0
    attempt = await counter.charged()
    soon = (counter.now() + timedelta(hours=4)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(make_confirmation(BusinessShortCode="5512345", TransTime=soon))
    await counter.pump()
    (payment,) = await counter.standing()
    assert payment.likely_attempt_id == attempt.id


async def test_at_a_till_number_query_then_confirmation_then_callback_leave_one_payment(
    counter: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await counter.charged()
    counter.core.act(attempt.checkout_request_id, "approve")
    counter.log.losing = True
    await counter.payments.check_now(attempt.id)
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(make_confirmation(TransactionType="Buy Goods", BusinessShortCode="7654321", TransTime=soon))
    await counter.pump()
    receiptless, likely = sorted(await counter.standing(), key=lambda payment: payment.receipt)
    assert (receiptless.attempt_id, likely.likely_attempt_id) == (attempt.id, attempt.id)
    assert await counter.received() == counter.banked, "the money is told of twice and came once"
    counter.log.stk(attempt.nonce, make_callback(attempt))
    await counter.pump()
    (payment,) = await counter.standing()
    assert (payment.id, payment.sale_id, payment.attempt_id) == ("TJE1A2B3C4", attempt.sale_id, attempt.id)
    assert await counter.received() == counter.banked
    assert (await counter.sales.get(attempt.sale_id)).state is SaleState.PAID


@pytest.mark.parametrize("by", ["callback", "confirmation", "unconfirmed callback"])
async def test_a_payment_known_by_query_gets_its_receipt_later(
    desk: Any, make_callback: Body, make_confirmation: Body, by: str
) -> None:
    attempt = await desk.charged()
    desk.core.act(attempt.checkout_request_id, "approve")
    await desk.payments.check_now(attempt.id)
    (before,) = await desk.standing()
    assert (before.id, before.receipt) == (f"stk:{attempt.checkout_request_id}", "")
    if by == "confirmation":
        desk.log.confirm(make_confirmation(BillRefNumber=f" {attempt.account_reference.lower()} "))
    else:
        desk.log.stk(attempt.nonce, make_callback(attempt), trusted=by == "callback")
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.id, payment.receipt, payment.sale_id) == (before.id, "TJE1A2B3C4", attempt.sale_id)
    assert (await desk.attempt(attempt.id)).receipt == "TJE1A2B3C4"
    (tender,) = (await desk.sales.get(attempt.sale_id)).tenders
    assert (tender.amount, tender.receipt) == (KES_150, "TJE1A2B3C4")


async def test_a_till_code_in_small_letters_counts_no_payment_twice(desk: Any, make_confirmation: Body) -> None:
    desk.payments.charging = replace(desk.payments.charging, till_code="a2")
    attempt = await desk.charged()
    desk.core.act(attempt.checkout_request_id, "approve")
    desk.log.losing = True
    await desk.payments.check_now(attempt.id)
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).receipt == "TJE1A2B3C4"
    assert await desk.received() == desk.banked


# What cannot be believed.


async def test_a_confirmation_from_before_the_charge_is_not_its_money(desk: Any, make_confirmation: Body) -> None:
    """A till set up anew counts its sales from 1 again while it reads what the relay kept of the old one."""
    attempt = await desk.charged()
    old = (attempt.created_at - timedelta(days=3)).astimezone(EAT).strftime("%Y%m%d%H%M%S")
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference, TransTime=old))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    (payment,) = await desk.standing()
    assert (payment.sale_id, payment.attempt_id) == (None, None)


async def test_a_time_that_no_calendar_has_holds_nothing_up(desk: Any, make_callback: Body) -> None:
    first, second = await desk.charged(), await desk.charged()
    desk.log.stk(first.nonce, make_callback(first))
    desk.log.events[-1].at = "0001-01-01T00:00:00+14:00"
    desk.log.stk(second.nonce, make_callback(second, receipt="TJE2A2B3C4"))
    await desk.pump()
    assert {(await desk.attempt(one.id)).state for one in (first, second)} == {AttemptState.PAID}
    assert (await desk.callbacks.cursor()).seq == 2


async def test_r9_what_the_relay_could_not_read_is_read_here_asked_about_or_told(
    desk: Any, make_callback: Body
) -> None:
    """The relay keeps it as `unparsed`; its address still says of which charge, or that money was to be confirmed."""
    readable, garbage = await desk.charged(), await desk.charged()
    body = make_callback(readable)
    del body["Body"]["stkCallback"]["CheckoutRequestID"]
    desk.log.stk(readable.nonce, body)
    desk.log.stk(garbage.nonce, b"<html>")
    desk.log.confirm(b"<html>")
    assert {event.kind for event in desk.log.events} == {"unparsed"}
    await desk.pump()
    assert (await desk.attempt(readable.id)).state is AttemptState.PAID
    assert desk.checks == [garbage.id]
    assert any("could not be read" in notice for notice in desk.notices)
    assert await parked(desk) == [("unparsed", "unreadable")] * 2


@pytest.mark.parametrize("first", ["callback", "confirmation"])
async def test_the_money_of_another_till_with_the_same_code_is_not_taken_unseen(
    desk: Any, make_callback: Body, make_confirmation: Body, first: str
) -> None:
    """Both tills were left at code 1, and both ask for the same amount in their first sale."""
    attempt = await desk.charged()
    theirs = make_callback(attempt, checkout="ws_CO_of_the_other_till")

    def confirm() -> None:
        desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference))

    if first == "confirmation":
        confirm()
        await desk.pump()
    desk.log.stk(make_nonce("a nonce key"), theirs)
    if first == "callback":
        confirm()
    await desk.pump()
    held = await desk.attempt(attempt.id)
    assert held.state is (AttemptState.PENDING if first == "callback" else AttemptState.PAID)
    assert len(await desk.standing()) == 1
    assert any("till code" in notice for notice in desk.notices) is (first == "confirmation")


async def test_an_unconfirmed_success_counts_for_nothing_until_a_query_agrees(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt), trusted=False)
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert (await desk.standing(), desk.checks) == ((), [attempt.id])
    desk.core.act(attempt.checkout_request_id, "approve")
    paid = await desk.payments.check_now(attempt.id)
    (payment,) = await desk.standing()
    assert (paid.state, paid.receipt, payment.receipt) == (AttemptState.PAID, "TJE1A2B3C4", "TJE1A2B3C4")


async def test_an_unconfirmed_success_that_the_query_denies_pays_nothing(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt), trusted=False)
    await desk.pump()
    desk.core.act(attempt.checkout_request_id, "decline")
    failed = await desk.payments.check_now(attempt.id)
    assert (failed.state, await desk.standing()) == (AttemptState.FAILED, ())
    assert (await desk.sales.get(attempt.sale_id)).paid == Money(0)


async def test_a_forged_success_by_a_guessed_reference_does_not_hide_the_genuine_receipt(
    desk: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await desk.charged()
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference, TransID="FFFFFFFFFF"), trusted=False)
    desk.log.stk(attempt.nonce, make_callback(attempt), trusted=False)
    await desk.pump()
    desk.core.act(attempt.checkout_request_id, "approve")
    paid = await desk.payments.check_now(attempt.id)
    assert (paid.state, paid.receipt) == (AttemptState.PAID, "TJE1A2B3C4")


async def test_r5_the_same_message_confirmed_later_is_applied(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    for trusted in (False, True):
        desk.log.stk(attempt.nonce, make_callback(attempt), trusted=trusted)
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert len(await desk.standing()) == 1


async def test_an_unconfirmed_failure_frees_no_sale(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032), trusted=False)
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert desk.checks == [attempt.id]


async def test_two_receipts_for_one_charge_are_two_payments_and_one_of_them_is_nobodys(
    desk: Any, make_callback: Body
) -> None:
    attempt = await desk.charged()
    for receipt in ("TJE1A2B3C4", "TJE2A2B3C4"):
        desk.log.stk(attempt.nonce, make_callback(attempt, receipt=receipt))
    await desk.pump()
    first, second = sorted(await desk.standing(), key=lambda payment: payment.id)
    assert (first.sale_id, second.sale_id, second.likely_attempt_id) == (attempt.sale_id, None, attempt.id)
    assert (await desk.sales.get(attempt.sale_id)).paid == KES_150
    assert any("contradicts" in notice for notice in desk.notices)


async def test_one_receipt_for_two_charges_pays_one(desk: Any, make_callback: Body) -> None:
    first, second = await desk.charged(), await desk.charged()
    for attempt in (first, second):
        desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.attempt_id == first.id
    assert (await desk.attempt(second.id)).state is AttemptState.PENDING
    assert desk.checks == [second.id]


async def test_a_receipt_known_with_another_amount_pays_nothing(
    desk: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await desk.charged()
    desk.log.confirm(make_confirmation(TransAmount="9.00"))
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.amount, payment.sale_id) == (Money.shillings(9), None)
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert (await desk.evidence(attempt.id))[-1].disposition is Disposition.QUARANTINED


async def test_a_failure_after_success_is_kept_and_changes_nothing(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    assert (await desk.evidence(attempt.id))[-1].disposition is Disposition.CONFLICT
    assert any("stays as it is" in notice for notice in desk.notices)


async def test_another_checkout_id_that_stands_for_another_charge_is_not_taken_over(
    desk: Any, make_callback: Body
) -> None:
    first = await desk.charged()
    desk.core.script.queue.append(scenario("request_lost"))
    second = await desk.charged()
    desk.log.stk(second.nonce, make_callback(second, checkout=first.checkout_request_id, receipt="TJE2A2B3C4"))
    await desk.pump()
    assert (await desk.attempt(second.id)).state is AttemptState.UNKNOWN
    assert await desk.standing() == ()


# Money of nobody.


async def test_a_success_for_a_charge_that_this_till_does_not_know_is_kept(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk("ab" * 16, make_callback(attempt, checkout="ws_CO_77"))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.id, payment.sale_id, payment.attempt_id) == ("TJE1A2B3C4", None, None)


@pytest.mark.parametrize(
    ("lie", "trusted"),
    [({"code": 1032}, True), ({}, False), ({"amount": 0}, True), ({"receipt": ""}, True), ({"amount": -5}, True)],
    ids=["failure", "unconfirmed", "nothing", "no receipt", "less than nothing"],
)
async def test_what_proves_no_money_for_an_unknown_charge_is_only_named(
    desk: Any, make_callback: Body, lie: dict[str, Any], trusted: bool
) -> None:
    attempt = await desk.charged()
    desk.log.stk("ab" * 16, make_callback(attempt, **lie), trusted=trusted)
    await desk.pump()
    assert await desk.standing() == ()
    assert len(await parked(desk)) == 1
    assert (await desk.callbacks.cursor()).seq == 1


async def test_money_of_another_short_code_is_not_this_shops(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk("ab" * 16, make_callback(attempt), short_code="600000")
    await desk.pump()
    assert (await desk.standing(), await parked(desk)) == ((), [("stk", "of no charge of this till")])


async def test_a_confirmation_of_nobodys_charge_is_received_unmatched(desk: Any, make_confirmation: Body) -> None:
    desk.log.confirm(make_confirmation(BillRefNumber="rent"))
    desk.log.confirm(make_confirmation(BillRefNumber="rent", LastName="DOE"))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.sale_id, payment.likely_attempt_id, payment.payer_name) == (None, None, "JANE")
    assert payment.bill_reference == "rent"
    (recent,) = await desk.payments.recent()
    assert (recent.who, recent.sale_number) == ("Jane", None)


@pytest.mark.parametrize(
    ("lie", "trusted"), [({}, False), ({"BusinessShortCode": "600000"}, True)], ids=["unconfirmed", "another shop"]
)
async def test_a_confirmation_that_cannot_be_believed_is_held_back(
    desk: Any, make_confirmation: Body, lie: dict[str, str], trusted: bool
) -> None:
    desk.log.confirm(make_confirmation(**lie), trusted=trusted)
    await desk.pump()
    assert await desk.standing() == ()
    (held,) = await desk.database.read(lambda connection: held_back.newest(connection, 10))
    assert (held.receipt, held.amount, held.payer_name) == ("TJE1A2B3C4", Money.shillings(150), "JANE")
    assert held.doubt is (Doubt.ACCOUNT if trusted else Doubt.SENDER)


async def test_a_confirmation_of_another_account_with_our_reference_is_not_our_charge(
    desk: Any, make_confirmation: Body
) -> None:
    attempt = await desk.charged()
    desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference, BusinessShortCode="600000"))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PENDING
    assert await desk.standing() == ()


async def test_a_business_payment_with_our_reference_settles_no_charge(desk: Any, make_confirmation: Body) -> None:
    attempt = await desk.charged()
    reference = {"BillRefNumber": attempt.account_reference, "TransactionType": "Organization Settlement"}
    desk.log.confirm(make_confirmation(**reference))
    await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.sale_id, (await desk.attempt(attempt.id)).state) == (None, AttemptState.PENDING)


async def test_a_forged_confirmation_names_nobody(desk: Any, make_callback: Body, make_confirmation: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    desk.log.confirm(make_confirmation(FirstName="FREE GOODS"), trusted=False)
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.payer_name == ""


async def test_two_messages_that_disagree_about_one_payment_are_a_notice(desk: Any, make_confirmation: Body) -> None:
    desk.log.confirm(make_confirmation())
    desk.log.confirm(make_confirmation(TransAmount="15000.00"))
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.amount == KES_150
    assert any("disagree" in notice for notice in desk.notices)


async def test_a_void_sale_charge_that_gets_its_receipt_later_stays_unmatched(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    await desk.pump()
    await desk.sales.void(attempt.sale_id)
    for receipt in ("TJE1A2B3C4", "TJE1A2B3C4"):
        desk.log.stk(attempt.nonce, make_callback(attempt, receipt=receipt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.sale_id is None


# What cannot be read (R9, R12).


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": NaN}}}',
        b'{"Body": {"stkCallback": []}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": true}}}',
        b'{"Body": {"stkCallback": {"CheckoutRequestID": {"a": 1}, "ResultCode": 0}}}',
        b"<html>" + b"x" * 60_000,
    ],
)
async def test_r9_garbage_is_named_the_cursor_moves_and_the_next_message_counts(
    desk: Any, make_callback: Body, body: bytes
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, body)
    desk.log.confirm(body)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert (await desk.callbacks.cursor()).seq == 3
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID
    held_back = [row for row in await desk.evidence(attempt.id) if row.disposition is Disposition.QUARANTINED]
    assert len(await parked(desk)) + len(held_back) == 2


@pytest.mark.parametrize("amount", ["150.00", 150.0, "1e2", float("1e300"), 10**30, "NaN", [150], None, True, "١٥٠"])
async def test_r9_an_amount_of_any_type_is_the_amount_or_quarantined(
    desk: Any, make_callback: Body, amount: object
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, amount=amount))
    await desk.pump()
    is_150 = amount in ("150.00", 150.0)
    assert (await desk.attempt(attempt.id)).state is (AttemptState.PAID if is_150 else AttemptState.PENDING)
    assert (await desk.callbacks.cursor()).seq == 1


async def test_a_callback_that_the_till_cannot_read_makes_it_ask(desk: Any) -> None:
    attempt = await desk.charged()
    body = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": "  "}}}
    desk.log.stk(attempt.nonce, body)
    desk.log.stk("cd" * 16, body)
    await desk.pump()
    assert (desk.checks, await parked(desk)) == ([attempt.id], [("stk", "unreadable")] * 2)


async def test_a_confirmation_that_the_till_cannot_read_is_said(desk: Any, make_confirmation: Body) -> None:
    desk.log.confirm(make_confirmation(TransAmount="a lot"))
    await desk.pump()
    assert await parked(desk) == [("c2b.confirmation", "unreadable")]
    assert desk.notices == [module._UNREADABLE]


@pytest.mark.parametrize("stamp", ["00010101000000", "09991231235959", "99991231235959", "2026", "20261399000000"])
async def test_r12_any_time_of_payment_can_be_read_again(
    desk: Any, make_callback: Body, make_confirmation: Body, stamp: str
) -> None:
    attempt = await desk.charged()
    body = make_callback(attempt)
    body["Body"]["stkCallback"]["CallbackMetadata"]["Item"][2]["Value"] = stamp
    desk.log.stk(attempt.nonce, body)
    desk.log.confirm(make_confirmation(TransID="TJE2A2B3C4", TransTime=stamp))
    await desk.pump()
    assert len(await desk.standing()) == 2
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.PAID


async def test_r12_the_time_of_payment_is_nairobis_and_kept_as_utc(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    (payment,) = await desk.standing()
    assert payment.paid_at == datetime(2026, 10, 14, 12, 30, 20, tzinfo=UTC)


async def test_a_delivery_that_can_never_be_applied_is_parked_and_the_others_count(
    desk: Any, make_callback: Body, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, poison, last = [await desk.charged() for _ in range(3)]
    for number, attempt in enumerate((first, poison, last), 1):
        desk.log.stk(attempt.nonce, make_callback(attempt, receipt=f"TJE{number}A2B3C4"))
    real = attempt_rows.by_nonces

    def by_nonces(connection: sqlite3.Connection, nonces: Iterable[str]) -> dict[str, Attempt]:
        if poison.nonce in (wanted := list(nonces)):
            raise LookupError("nobody foresaw this")
        return real(connection, wanted)

    monkeypatch.setattr(attempt_rows, "by_nonces", by_nonces)
    await desk.pump()
    states = [(await desk.attempt(attempt.id)).state for attempt in (first, poison, last)]
    assert states == [AttemptState.PAID, AttemptState.PENDING, AttemptState.PAID]
    assert await parked(desk) == [("stk", "could not be applied")]
    assert desk.checks == [poison.id]
    assert "it is parked" in caplog.text
    assert first.nonce not in caplog.text


# The cursor.


async def test_t2_when_the_till_cannot_write_the_message_comes_again(
    desk: Any, make_callback: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))

    def busy(_connection: sqlite3.Connection, _told: object) -> None:
        raise StoreError("The till’s records cannot be reached just now.")

    with monkeypatch.context() as patched:
        patched.setattr(payment_rows, "add", busy)
        with pytest.raises(StoreError):
            await desk.pump()
    assert (await parked(desk), await desk.callbacks.cursor()) == ([], Cursor())
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID


async def test_event_and_cursor_are_one_transaction(
    desk: Any, make_callback: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    before = await lasting(desk)

    def killed(*_args: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(relay_events, "move", killed)
        with pytest.raises(KilledError):
            await desk.pump()
    assert await lasting(desk) == before
    assert not any(isinstance(told, PaymentArrived) for told in desk.told)


async def test_a_link_that_is_cut_during_a_delivery_leaves_nobody_uninformed(
    desk: Any, make_callback: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    loop, committing, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    real = evidence_rows.known

    def slow(connection: sqlite3.Connection, keys: list[str]) -> set[str]:
        loop.call_soon_threadsafe(committing.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        return real(connection, keys)

    monkeypatch.setattr(evidence_rows, "known", slow)
    told = asyncio.Event()
    desk.changes.subscribe(PaymentArrived, lambda _change: told.set())
    pumping = asyncio.create_task(desk.pump())
    await committing.wait()
    pumping.cancel()
    await asyncio.wait({pumping})
    go_on.set()
    async with asyncio.timeout(10):
        await told.wait()
    states = [change.attempt.state for change in desk.told if isinstance(change, AttemptChanged)]
    assert states[-1] is AttemptState.PAID


async def test_nothing_is_told_before_it_is_on_disk(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    on_disk: list[bool] = []

    def look(change: PaymentArrived) -> None:
        # On its own connection, as another program would.
        with closing(sqlite3.connect(desk.folder / "till.db")) as connection:
            found = connection.execute("SELECT 1 FROM payment WHERE id = ?", (change.payment.id,)).fetchall()
        on_disk.append(bool(found))

    desk.changes.subscribe(PaymentArrived, look)
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert on_disk == [True]


async def test_r7_a_till_that_was_away_applies_a_thousand_messages_in_order_and_once(
    desk: Any, make_confirmation: Body
) -> None:
    for number in range(1, 1001):
        desk.log.confirm(make_confirmation(TransID=f"TJE{number:07d}", TransAmount=str(number)))
    await desk.pump()
    await desk.pump()
    standing = await desk.standing()
    assert len(standing) == 1000
    assert (await desk.callbacks.cursor()).seq == 1000
    order = await desk.database.read(
        lambda connection: [key for (key,) in connection.execute("SELECT receipt FROM evidence ORDER BY id")]
    )
    assert order == [f"TJE{number:07d}" for number in range(1, 1001)]
    assert await desk.received() == Money.shillings(1000 * 1001 // 2)


async def test_r8_after_a_reset_all_is_read_again_and_nothing_is_doubled(
    desk: Any, make_callback: Body, make_confirmation: Body
) -> None:
    charges = [await desk.charged() for _ in range(4)]
    for number, attempt in enumerate(charges[:3], 1):
        desk.log.stk(attempt.nonce, make_callback(attempt, receipt=f"TJE{number}A2B3C4"))
    desk.log.confirm(make_confirmation(TransID="TJE9A2B3C4"))
    desk.log.stk(charges[0].nonce, b"garbage")
    await desk.pump()
    before, kept = await lasting(desk), list(desk.log.events)
    desk.log.restart("e2", kept[::-1])
    await desk.pump()
    assert await lasting(desk) == before
    cursor = await desk.callbacks.cursor()
    assert (cursor.epoch, cursor.seq) == ("e2", 5)
    assert any("started a new record" in notice for notice in desk.notices)
    assert desk.checks == [charges[3].id]
    desk.log.stk(charges[3].nonce, make_callback(charges[3], receipt="TJE4A2B3C4"))
    await desk.pump()
    assert len(await desk.standing()) == 5


@pytest.mark.parametrize("reason", ["epoch", "fork", "ahead", "trimmed", "something new"])
async def test_every_reset_is_said_in_words(desk: Any, reason: str) -> None:
    await desk.callbacks.reset(Cursor("e2"), reason)
    (notice,) = desk.notices
    assert notice.endswith("Tell your supervisor.")
    assert (await desk.callbacks.cursor()).epoch == "e2"


async def test_what_an_operator_has_read_again_changes_nothing_and_is_no_alarm(
    desk: Any, make_callback: Body, make_confirmation: Body
) -> None:
    charges = [await desk.charged() for _ in range(2)]
    desk.log.stk(charges[0].nonce, make_callback(charges[0]))
    desk.log.confirm(make_confirmation(TransID="TJE9A2B3C4"))
    await desk.pump()
    before, cursor = await lasting(desk), await desk.callbacks.cursor()
    await desk.callbacks.reset(Cursor(cursor.epoch, 0), "replay")
    assert (await desk.callbacks.cursor()).seq == 0
    await desk.pump()
    assert await lasting(desk) == before
    assert await desk.callbacks.cursor() == cursor
    assert (desk.notices[-1], desk.checks) == (
        "The relay’s operator has this till read its payments again. Nothing is counted twice.",
        [],
    )


async def test_a_kind_of_message_from_the_future_is_named_and_passed(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    desk.log.events[0] = msgspec.structs.replace(desk.log.events[0], kind="b2c.result")
    await desk.pump()
    assert await parked(desk) == [("b2c.result", "unknown kind")]


async def test_the_simulators_own_duplicates_and_confirmations_are_one_payment(desk: Any) -> None:
    desk.core.script.queue.append(
        scenario({"preset": "callback_duplicated+confirmation_duplicated", "callback_shape": "seeded"})
    )
    await desk.charged()
    await desk.advance(60)
    assert len(desk.log.events) == 4
    assert len(await desk.standing()) == 1
    assert await desk.received() == desk.banked


async def test_a_hundred_customers_each_pay_once(desk: Any) -> None:
    desk.core.script.default = Scenario()
    charges = await asyncio.gather(*[desk.charged(100 + number) for number in range(100)])
    await desk.advance(60)
    assert {(await desk.attempt(attempt.id)).state for attempt in charges} == {AttemptState.PAID}
    assert await desk.received() == desk.banked


async def test_at_a_till_number_both_messages_in_one_delivery_are_one_payment(
    counter: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await counter.charged()
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(make_confirmation(BusinessShortCode="5512345", TransTime=soon))
    counter.log.confirm(make_confirmation(BusinessShortCode="5512345", TransTime=soon, ThirdPartyTransID="again"))
    counter.log.stk(attempt.nonce, make_callback(attempt))
    await counter.pump()
    (payment,) = await counter.standing()
    assert (payment.id, payment.sale_id, payment.attempt_id) == ("TJE1A2B3C4", attempt.sale_id, attempt.id)
    assert payment.payer_name == "JANE"
    assert (await counter.sales.get(attempt.sale_id)).state is SaleState.PAID


async def test_at_a_till_number_query_and_both_messages_in_one_delivery_are_one_payment(
    counter: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await counter.charged()
    counter.core.act(attempt.checkout_request_id, "approve")
    await counter.payments.check_now(attempt.id)
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(make_confirmation(BusinessShortCode="5512345", TransTime=soon))
    counter.log.stk(attempt.nonce, make_callback(attempt))
    await counter.pump()
    (payment,) = await counter.standing()
    assert (payment.id, payment.attempt_id) == ("TJE1A2B3C4", attempt.id)
    assert await counter.received() == counter.banked


async def test_a_confirmation_told_twice_in_other_words_changes_nothing(desk: Any, make_confirmation: Body) -> None:
    for told in ("one", "two"):
        desk.log.confirm(make_confirmation(BillRefNumber="rent", ThirdPartyTransID=told))
        await desk.pump()
    assert len(await desk.standing()) == 1
    assert sum(isinstance(told, PaymentArrived) for told in desk.told) == 1


async def test_a_confirmation_of_our_charge_told_twice_names_the_payer_once(
    desk: Any, make_callback: Body, make_confirmation: Body
) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    for told in ("one", "two"):
        desk.log.confirm(make_confirmation(BillRefNumber=attempt.account_reference, ThirdPartyTransID=told))
        await desk.pump()
    (payment,) = await desk.standing()
    assert (payment.payer_name, payment.sale_id) == ("JANE", attempt.sale_id)
    assert sum(isinstance(told, PaymentArrived) for told in desk.told) == 1


async def test_a_success_and_its_failure_in_one_delivery_are_a_success(desk: Any, make_callback: Body) -> None:
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt, 1032))
    desk.log.stk(attempt.nonce, make_callback(attempt))
    desk.log.stk(attempt.nonce, make_callback(attempt, 2001))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID_LATE
    assert (await desk.sales.get(attempt.sale_id)).state is SaleState.PAID


async def test_at_a_till_number_the_charge_that_lacks_only_its_receipt_is_the_likely_one(
    counter: Any, make_confirmation: Body
) -> None:
    proved = await counter.charged()
    counter.core.act(proved.checkout_request_id, "approve")
    await counter.payments.check_now(proved.id)
    await counter.charged()
    soon = (counter.now() + timedelta(hours=3)).strftime("%Y%m%d%H%M%S")
    counter.log.confirm(make_confirmation(BusinessShortCode="5512345", TransTime=soon))
    await counter.pump()
    (unmatched,) = [payment for payment in await counter.standing() if payment.receipt]
    assert unmatched.likely_attempt_id == proved.id
