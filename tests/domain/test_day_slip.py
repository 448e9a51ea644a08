"""The slip of a day: refunds, accounts, and where the record ends, so that an eye can compare it."""

from dataclasses import replace
from datetime import UTC, datetime

from pos_app.domain.account import AccountBalances, AccountFunds
from pos_app.domain.audit import Head
from pos_app.domain.day_slip import DayRefunds, DaySlip
from pos_app.domain.money import ZERO, Money
from pos_app.domain.receipt import COLUMNS, COPY, TRAINING, Heading, as_text

AT = datetime(2026, 11, 28, 18, 40, tzinfo=UTC)
KES = Money.shillings
FUNDS = AccountFunds("Utility Account", KES(18_430), KES(18_355), KES(75), ZERO)
SLIP = DaySlip(
    Heading("Duka la Mfano", "1A"),
    AT,
    "Otieno",
    DayRefunds(3, KES(900), 1),
    Head(412, "0123456789abcdef" * 4),
    AccountBalances((FUNDS,), AT),
    by_mpesa=True,
)


def test_it_says_what_was_given_back_what_can_be_spent_and_where_the_record_ends() -> None:
    text = as_text(SLIP)
    for words in ("DAY CLOSED", "28 Nov 2026, 21:40 EAT", "Closed by Otieno", "3 given back", "KES 900", "18,355"):
        assert words in text
    assert "Refunds not known yet" in text
    assert "The record ends with entry" in text
    assert text.count("0123456789abcdef 0123456789abcdef") == 2, "the whole seal, in pieces"
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert (SLIP.title, str(SLIP.refunds)) == ("Day 2026-11-28", "3 given back, KES 900, 1 not known yet")


def test_accounts_that_were_not_told_are_said_to_be_and_without_an_operator_there_are_none() -> None:
    silent = as_text(replace(SLIP, balances=None))
    assert "did not say in time what the accounts" in silent
    cash_only = as_text(replace(SLIP, balances=None, by_mpesa=False, refunds=DayRefunds()))
    assert "M-Pesa" not in cash_only
    assert "not known" not in cash_only


def test_training_and_copies_are_marked_and_a_shop_without_a_name_has_no_title() -> None:
    marked = as_text(replace(SLIP, heading=Heading("", "1", training=True), copy=True))
    assert (marked.count(TRAINING), marked.count(COPY)) == (2, 2)
    assert replace(SLIP, heading=Heading("", "1", training=True)).training
