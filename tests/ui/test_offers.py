"""A customer pays unasked: the payment is offered, picked or asked about, and accepted once, by keys and by touch."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from pos_app.domain.claim import Claim
from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.services.changes import Notice
from pos_app.ui.offers.state import Kind, Tone
from pos_app.ui.payment.state import Page
from pos_app.ui.payment.words import Act
from pos_app.ui.payment.words import Tone as Dress

Key = Qt.Key
Till = Any  # built by conftest, which no test module can import
OTIENO = Claim("TJE1A2B3C0", 1, "till_2", "Till 2", "9", "Otieno", None)


def chip_of(till: Till, shillings: int) -> Any:
    """That of the first payment of this amount."""

    def found() -> Any:
        return next((chip for chip in till.rail.state.chips if chip.amount == Money.shillings(shillings)), None)

    till.qtbot.waitUntil(lambda: found() is not None)
    till.clock.pass_(1)
    return found()


def is_paid(till: Till, receipt: str = "TJE1A2B3C0") -> None:
    till.until(Page.RECEIVED)
    assert (till.payment.state.panel.word, till.payment.state.receipt) == ("PAID", receipt)


def test_an_exact_payment_is_offered_while_the_customer_reads_the_number_and_enter_accepts_it_once(till: Till) -> None:
    sale = till.waits_at_till("450")
    till.matching.arrive(450)
    till.clock.pass_(12)
    till.offers.tick()
    till.reads("KES 450 from Wanjiku •••126, 12 s ago. Enter accepts.")
    for _ in range(3):
        till.key(Key.Key_Return)
    is_paid(till)
    assert till.matching.accepted == [("TJE1A2B3C0", sale.id, "Akinyi")]
    assert not till.offer.isVisible()
    words = [label.text() for label in till.page.payment.findChildren(QLabel) if label.isVisible()]
    assert "Wanjiku\nTJE1A2B3C0" in words
    assert "paid" in till.sounds.heard


def test_enter_in_the_empty_search_field_accepts_the_offer_and_the_receipt_has_its_key(till: Till) -> None:
    till.waits_at_till("450")
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.matching.arrive(450)
    till.reads("Enter accepts")
    till.clock.pass_(1)
    assert till.page.finder.search.hasFocus()
    till.key(Key.Key_Return)
    is_paid(till)
    wanted: list[int] = []
    till.payment.receipt_wanted.connect(wanted.append)
    till.press(Act.RECEIPT)
    assert wanted == [1]
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.NONE)
    assert till.shop.closed == [1]


def test_enter_belongs_to_what_is_typed(till: Till) -> None:
    till.waits_at_till("450")
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.matching.arrive(450)
    till.reads("Enter accepts")
    till.keys("20")
    till.qtbot.waitUntil(lambda: "Enter" not in till.offer.sentence.text())
    till.key(Key.Key_Return)
    till.qtbot.waitUntil(lambda: len(till.sale.state.cart.lines) == 2)
    till.key(Key.Key_Return)
    assert till.matching.accepted == []
    assert not till.offer.isVisible(), "KES 470 is another sum than the customer sent"


def test_an_enter_that_was_meant_for_something_else_does_not_land_on_a_fresh_offer(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(450)
    till.reads("Enter accepts")
    QTest.keyClick(till.native, Key.Key_Return)
    assert till.matching.accepted == []
    till.clock.pass_(0.7)
    QTest.keyClick(till.native, Key.Key_Return)
    is_paid(till)


def test_a_second_enter_does_not_answer_the_question_that_the_first_one_raised(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(500)
    look_up(till, "TJE1A2B3C0")
    till.reads("received, free")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.reads("KES 50 too much, to give as change. Accept it?")
    QTest.keyClick(till.native, Key.Key_Return)
    assert till.matching.accepted == []
    till.clock.pass_(0.7)
    QTest.keyClick(till.native, Key.Key_Return)
    till.until(Page.RECEIVED)
    assert till.matching.accepted == [("TJE1A2B3C0", 1, "Akinyi")]


def test_a_payment_picked_for_one_sale_is_not_picked_for_the_next(till: Till) -> None:
    till.waits_at_till("450")
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    till.matching.arrive(450)
    till.matching.arrive(450, "KAMAU")
    till.reads("2 payments of KES 450 fit")
    till.key(Key.Key_Down)
    assert [button.isChecked() for button in till.offer.choices[:2]] == [True, False]
    till.key(Key.Key_F9)
    till.waits_at_till("450")
    till.clock.pass_(1)
    till.reads("2 payments of KES 450 fit")
    till.key(Key.Key_Return)
    assert till.matching.accepted == []


def test_in_a_field_of_the_payment_panel_enter_is_the_fields_and_a_click_accepts(till: Till) -> None:
    till.waits_at_till("450")
    till.open(Key.Key_F1, Page.PHONE)
    till.matching.arrive(450)
    till.reads("KES 450 from Wanjiku •••126, 0 s ago.")
    assert "Enter" not in till.offer.sentence.text()
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    assert till.matching.accepted == []
    QTest.mouseClick(till.offer.accept, Qt.MouseButton.LeftButton)
    is_paid(till)


def test_of_two_payments_none_is_guessed_the_cashier_picks_by_name_and_age(till: Till) -> None:
    till.waits_at_till("100")
    first = till.matching.arrive(100, "ACHIENG")
    till.clock.pass_(30)
    second = till.matching.arrive(100, "KAMAU", payer_phone="2547*****404")
    till.reads("2 payments of KES 100 fit")
    till.offers.tick()
    shown = [button.text() for button in till.offer.choices if button.isVisible()]
    assert shown == ["Achieng •••126 · 30 s ago", "Kamau •••404 · 0 s ago"]
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    assert till.matching.accepted == []
    assert not till.offer.accept.isVisible()
    till.key(Key.Key_Down)
    till.key(Key.Key_Down)
    till.key(Key.Key_Up)
    till.key(Key.Key_Down)
    assert [button.isChecked() for button in till.offer.choices[:2]] == [False, True]
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    is_paid(till, second.receipt)
    assert till.matching.payments[first.id].is_free


def test_a_click_on_one_of_two_payments_picks_and_accepts_it(till: Till) -> None:
    till.waits_at_till("100")
    for name in ("ACHIENG", "KAMAU"):
        till.matching.arrive(100, name)
    till.reads("2 payments")
    QTest.mouseClick(till.offer.choices[0], Qt.MouseButton.LeftButton)
    is_paid(till)


def test_of_two_sales_none_is_guessed(till: Till) -> None:
    till.waits_at_till("100")
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    till.waits_at_till("100")
    till.matching.arrive(100)
    till.reads("KES 100 fits more than one sale")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    assert till.matching.accepted == []
    till.key(Key.Key_Down)
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    is_paid(till)
    assert till.matching.accepted == [("TJE1A2B3C0", 2, "Akinyi")]


def test_a_payment_that_may_be_a_charges_is_asked_about_once(till: Till) -> None:
    attempt = till.charge("300")
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    till.waits_at_till("450")
    till.matching.arrive(450, likely_attempt_id=attempt.id)
    till.reads("may be the money of a charge that is still open")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    assert till.matching.accepted == []
    QTest.mouseClick(till.offer.accept, Qt.MouseButton.LeftButton)
    is_paid(till)


def test_what_another_till_has_is_refused_with_its_name_and_the_chip_says_taken(till: Till) -> None:
    till.waits_at_till("450")
    payment = till.matching.arrive(450)
    till.matching.refusal = Refused("Taken by Till 2 (Otieno) at 14:02.")
    till.reads("Enter accepts")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.reads("Taken by Till 2 (Otieno) at 14:02.")
    assert till.offers.line.tone is Tone.ASK
    assert "Taken by Till 2 (Otieno) at 14:02." in till.said
    till.shop.latest = [till.shop.recent_of(payment, taken="Taken by Till 2 (Otieno) at 14:02")]
    till.matching.move(payment.held_by(OTIENO))
    till.qtbot.waitUntil(lambda: [chip.kind for chip in till.rail.state.chips] == [Kind.TAKEN])
    assert till.rail.state.chips[0].place == "Taken by Till 2 (Otieno) at 14:02"
    till.key(Key.Key_Escape)
    assert not till.offer.isVisible()
    assert till.payment.state.page is Page.TILL


def test_a_claim_that_the_relay_has_not_confirmed_is_amber_and_turns_green(till: Till) -> None:
    till.matching.confirmed = False
    till.waits_at_till("450")
    till.matching.arrive(450)
    till.reads("Enter accepts")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.RECEIVED)
    panel = till.payment.state.panel
    assert (panel.tone, panel.word, panel.primary) == (Dress.CHECKING, "Counts, not confirmed yet", Act.NEXT)
    till.later(10)
    assert till.payment.state.page is Page.RECEIVED, "it waits for the cashier"
    till.matching.waiting.clear()
    till.offers.tick()
    till.qtbot.waitUntil(lambda: till.payment.state.panel.word == "PAID")
    till.later(5)
    till.until(Page.NONE)


def test_a_claim_that_is_lost_afterwards_says_so_in_the_panel(till: Till) -> None:
    till.matching.confirmed = False
    sale = till.waits_at_till("450")
    payment = till.matching.arrive(450)
    till.reads("Enter accepts")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.RECEIVED)
    till.shop.sales[sale.id] = replace(till.shop.sales[sale.id], tenders=())
    till.matching.waiting.clear()
    till.matching.move(till.matching.payments[payment.id].held_by(OTIENO))
    till.shop._keep(till.shop.sales[sale.id])
    till.qtbot.waitUntil(lambda: till.payment.state.panel.word == "Not paid")
    assert till.payment.state.panel.tone is Dress.CHECKING
    till.press(Act.BACK)
    till.until(Page.NONE)
    assert till.sale.state.due == Money.shillings(450)


def test_a_part_payment_is_asked_about_and_the_rest_has_one_button(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(330)
    till.rail.press(chip_of(till, 330))
    till.reads("KES 330 from Wanjiku •••126 for sale 1: KES 120 would remain. Accept it?")
    assert till.matching.accepted == []
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.RECEIVED)
    panel = till.payment.state.panel
    assert (panel.word, panel.sentence) == ("PAID IN PART", "KES 120 remaining: cash or M-Pesa.")
    assert panel.tone is Dress.PART, "in the dress of PAID the goods would be handed over"
    till.press(Act.CASH)
    till.until(Page.CASH)
    assert till.payment.state.due == Money.shillings(120)
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)


def test_too_much_is_change_with_one_button(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(500)
    till.rail.press(chip_of(till, 500))
    till.reads("KES 50 too much, to give as change")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.RECEIVED)
    panel = till.payment.state.panel
    assert (panel.sentence, panel.primary) == ("KES 50 over: give change.", Act.GIVE_CHANGE)
    till.later(10)
    assert till.payment.state.page is Page.RECEIVED, "nobody has given the change yet"
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)
    assert till.payment.state.change == Money.shillings(50)
    assert till.page.payment.change.due.text() == "Sale 1 · KES 450 TJE1A2B3C0"
    assert till.shop.sales[1].overpaid == Money(0)


def test_change_that_was_not_given_is_said_when_its_sale_is_left(till: Till) -> None:
    said: list[str] = []
    till.changes.subscribe(Notice, lambda notice: said.append(notice.sentence))
    till.waits_at_till("450")
    till.matching.arrive(500)
    till.rail.press(chip_of(till, 500))
    till.reads("KES 50 too much, to give as change")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.RECEIVED)
    till.key(Key.Key_Escape)
    till.until(Page.NONE)
    (sentence,) = said
    assert sentence.startswith("Sale 1: the customer paid KES 50 too much, and no change was given.")
    assert till.shop.sales[1].overpaid == Money.shillings(50)


def test_money_for_a_sale_that_is_finished_is_kept_aside(till: Till) -> None:
    till.sell("450")
    till.open(Key.Key_F2, Page.CASH)
    till.key(Key.Key_Return)
    till.until(Page.CHANGE)
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.until(Page.NONE)
    till.matching.arrive(450, bill_reference="1-1")
    chip = chip_of(till, 450)
    assert chip.place == "extra for sale 1"
    till.sell("450")
    till.rail.press(chip)
    till.reads("KES 450 extra received: sale 1 was finished already.")
    assert not till.offer.accept.isVisible()
    assert till.matching.accepted == []


def test_a_chip_opens_the_cart_as_a_sale_and_is_accepted(till: Till) -> None:
    till.matching.arrive(450)
    till.rail.press(chip_of(till, 450))
    till.reads("is for no sale yet. Ring up the goods first")
    till.key(Key.Key_Escape)
    till.sell("450")
    assert not till.offer.isVisible(), "a cart without a number is not offered anything"
    till.rail.press(chip_of(till, 450))
    is_paid(till)


def test_a_chip_that_has_just_moved_takes_no_press(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(330)
    chip_of(till, 330)
    till.matching.arrive(120)
    till.qtbot.waitUntil(lambda: len(till.rail.state.chips) == 2)
    till.rail.press(till.rail.state.chips[0])
    assert till.offers.line is None


def test_what_fits_comes_first_with_a_border_that_pulses_twice_and_stays(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(450)
    till.clock.pass_(5)
    till.matching.arrive(80)
    chip = till.page.rail.chips[0]
    till.qtbot.waitUntil(lambda: [one.kind for one in till.rail.state.chips] == [Kind.FITS, Kind.UNCLAIMED])
    till.qtbot.waitUntil(lambda: chip.property("chip") == "fits")
    till.qtbot.waitUntil(lambda: not chip._pulse.isActive())
    assert chip.paints_border
    assert till.page.rail.unclaimed.text() == "2 unclaimed  F10"


def test_with_less_motion_asked_for_the_border_is_there_at_once(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pos_app.ui.offers.chip.motion_is_reduced", lambda: True)
    till.waits_at_till("450")
    till.matching.arrive(450)
    chip = till.page.rail.chips[0]
    till.qtbot.waitUntil(lambda: chip.property("chip") == "fits")
    assert chip.paints_border
    assert not chip._pulse.isActive()


def test_a_payment_that_names_the_sale_shows_paid_without_a_key(till: Till) -> None:
    sale = till.waits_at_till("450")
    payment = till.matching.arrive(450, bill_reference="1-1")
    till.matching.give(payment.id, sale.id)
    is_paid(till)
    assert till.matching.accepted == []


def test_a_sale_that_is_parked_while_the_relay_is_asked_is_paid_in_its_tab(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(450)
    till.reads("Enter accepts")
    till.matching.gate = asyncio.Event()
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    till.reads("Accepting")
    till.key(Key.Key_F9)
    till.until(Page.NONE)
    till.matching.gate.set()
    till.qtbot.waitUntil(lambda: [tab.mark for tab in till.sale.state.tabs] == ["paid"])
    assert till.payment.state.page is Page.NONE


def test_names_are_never_read_as_markup(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(450, "<B>WANJIKU</B>")
    till.reads("KES 450 from <B>Wanjiku</B> •••126")
    chip = till.page.rail.chips[0]
    till.qtbot.waitUntil(lambda: "<B>Wanjiku</B>" in chip.accessibleName())
    shown = [*till.page.findChildren(QLabel), till.offer.sentence]
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in shown)


# --- a code that a customer shows --------------------------------------------------------------------------


def look_up(till: Till, code: str) -> None:
    till.page.finder.search.setFocus()
    till.keys(code)
    till.key(Key.Key_Return)


def test_a_code_of_no_payment_is_asked_of_safaricom_once(till: Till) -> None:
    look_up(till, "tjz1a2b3c4")
    till.reads("TJZ1A2B3C4 is not received. Do not hand over goods for it.")
    till.reads("Safaricom lists no such payment of the last two hours.")
    assert till.matching.asked_safaricom == 1
    assert till.sale.state.adding is None
    assert till.page.finder.search.text() == ""


def test_a_code_that_safaricom_knows_is_free_as_soon_as_it_arrives(till: Till) -> None:
    till.matching.safaricom = replace(till.matching.safaricom, receipts=frozenset({"TJZ1A2B3C4"}))
    till.sell("450")
    look_up(till, "TJZ1A2B3C4")
    till.reads("Safaricom knows this payment")
    till.matching.arrive(450, receipt="TJZ1A2B3C4")
    till.reads("KES 450 from Wanjiku •••126: received, free.")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    is_paid(till, "TJZ1A2B3C4")


def test_what_kept_safaricom_from_answering_is_said(till: Till) -> None:
    till.matching.safaricom = replace(till.matching.safaricom, is_complete=False, trouble="Pull is not set up.")
    look_up(till, "TJZ1A2B3C4")
    till.reads("Pull is not set up.")


def test_a_scanned_code_that_is_used_says_by_which_sale(till: Till) -> None:
    till.waits_at_till("450")
    till.matching.arrive(450)
    till.reads("Enter accepts")
    till.clock.pass_(1)
    till.key(Key.Key_Return)
    is_paid(till)
    till.scan("TJE1A2B3C0")
    till.reads("TJE1A2B3C0: Used by sale 1 at this till, 12:30.")
    assert till.payment.state.page is Page.RECEIVED, "a code is no next customer"
    assert not till.offer.accept.isVisible()


def test_a_code_of_another_tills_sale_says_where(till: Till) -> None:
    payment = till.matching.arrive(450)
    till.matching.move(payment.held_by(OTIENO))
    look_up(till, "TJE1A2B3C0")
    till.reads("TJE1A2B3C0: Used by sale 9 at Till 2.")


def test_typing_takes_an_answer_away(till: Till) -> None:
    look_up(till, "TJZ1A2B3C4")
    till.reads("not received")
    till.keys("2")
    till.qtbot.waitUntil(lambda: not till.offer.isVisible())


# --- arrival -----------------------------------------------------------------------------------------------


def test_an_arrival_is_heard_read_out_and_written_in_both_languages(till: Till) -> None:
    till.matching.arrive(450)
    note = till.page.arrival
    till.qtbot.waitUntil(note.isVisible)
    assert note.english.text() == "KES 450 received from Wanjiku."
    assert note.swahili.text() == "KES 450 zimepokelewa kutoka kwa Wanjiku."
    assert till.sounds.heard == ["received"]
    assert "KES 450 received from Wanjiku." in till.said


def test_what_was_missed_and_what_is_told_twice_makes_no_sound(till: Till) -> None:
    now = till.clock.now()
    till.matching.arrive(450, paid_at=now - timedelta(minutes=3))
    payment = till.matching.arrive(80)
    till.matching.arrive(80, receipt=payment.receipt)
    till.matching.arrive(90, likely_attempt_id=4)
    assert till.sounds.heard == ["received"]
