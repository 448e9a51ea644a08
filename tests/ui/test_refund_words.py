"""The words of a refund: whose money it is, what became of it, and whether the money is safe."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.phone_match import PhoneMatch
from pos_app.domain.reason import Reason
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.ui.history.words import Tone
from pos_app.ui.refund.words import (
    FACTS,
    ROUTE_HINTS,
    ROUTES,
    SHORT_ROUTES,
    SOURCES,
    Told,
    disputed_words,
    explained,
    is_in_doubt,
    mark,
    payee_words,
    payer_words,
    story,
    to_words,
)

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
REFUND = Refund(
    id=3,
    number=3,
    sale_id=7,
    payment_id="UKO7K2M9QX",
    original_receipt="UKO7K2M9QX",
    route=Route.B2C,
    amount=Money.shillings(100),
    payee=Msisdn("254712345678"),
    other_number=False,
    why=RefundReason.FAULTY,
    note="",
    requested_by=1,
    requested_at=NOW,
)


def told(fact: RefundFact, disposition: Disposition = Disposition.APPLIED, after: int = 0, **more: object) -> Told:
    at = NOW + timedelta(seconds=after)
    source = more.pop("source", RefundSource.RESULT)
    return RefundEvidence(fact, source, at, **more), disposition, at  # type: ignore[arg-type]  # of the evidence


@pytest.mark.parametrize(
    ("payer", "words"),
    [
        ("254712345678", "It was paid from 0712 ••• 678."),
        ("0712345678 - John Doe", "It was paid from 0712 ••• 678."),
        ("2547 ***** 126", "M-Pesa shows only the last digits of who paid, •••126."),
        (sha256(b"254712345678").hexdigest(), "M-Pesa shows only a code made from the number of who paid."),
        ("", "M-Pesa shows no number of who paid."),
    ],
)
def test_what_mpesa_shows_of_the_payer_is_said_and_that_the_customer_is_to_be_asked(payer: str, words: str) -> None:
    assert payer_words(payer) == f"{words} Ask the customer for the number and type it twice; it is compared."


@pytest.mark.parametrize(
    ("fit", "payer", "words"),
    [
        (None, "254712345678", ""),
        (PhoneMatch.SAME, "254712345678", "✓ It is the number that paid."),
        (PhoneMatch.SAME, "•••678", "✓ It ends in 678, as the number that paid does."),
        (PhoneMatch.SAME, sha256(b"254712345678").hexdigest(), "✓ It is the number that paid."),
        (PhoneMatch.ANOTHER, "•••126", "! Not the number that paid: two people must release it."),
        (PhoneMatch.UNREADABLE, "", "? Nobody can tell whether this number paid: two people must release it."),
    ],
)
def test_a_few_digits_prove_less_than_a_whole_number(fit: PhoneMatch | None, payer: str, words: str) -> None:
    assert payee_words(fit, payer) == words


@pytest.mark.parametrize("state", RefundState)
def test_every_state_has_a_sign_a_word_and_what_it_means_for_the_money(state: RefundState) -> None:
    refund = replace(REFUND, state=state)
    assert mark(refund).words
    sentence = explained(refund)
    assert ("Do not pay it again" in sentence) == (is_in_doubt(refund))
    assert is_in_doubt(refund) or "money" in sentence
    assert (mark(refund).tone is Tone.CHECKING) == (state in {RefundState.UNKNOWN, RefundState.DISPUTED})


def test_no_two_states_read_alike() -> None:
    assert len({str(mark(replace(REFUND, state=state))) for state in RefundState}) == len(RefundState)


def test_a_failure_says_why_and_an_end_its_code() -> None:
    failed = replace(REFUND, state=RefundState.FAILED, reason=Reason.UNKNOWN)
    assert explained(failed) == f"No money moved. It may be refunded anew. {Reason.UNKNOWN.english}"
    paid = replace(REFUND, state=RefundState.COMPLETED, receipt="UKO9R8F7ND")
    assert explained(paid) == "The money was given back. M-Pesa code UKO9R8F7ND."
    assert explained(replace(paid, receipt="")) == "The money was given back."


def test_whoever_gets_it_is_shown_by_the_last_digits_only() -> None:
    assert to_words(REFUND) == "Send by M-Pesa to 0712 ••• 678"
    assert to_words(replace(REFUND, other_number=True)) == "Send by M-Pesa to 0712 ••• 678, not the number that paid"
    assert to_words(replace(REFUND, route=Route.REVERSAL, payee=None)) == "Reverse the payment"


def test_every_source_fact_and_way_has_words() -> None:
    assert set(SOURCES) == set(RefundSource)
    assert set(FACTS) == set(RefundFact)
    for words in (ROUTES, SHORT_ROUTES, ROUTE_HINTS):
        assert set(words) == set(Route)


def test_the_story_says_who_said_what_and_whether_it_was_believed() -> None:
    forged = told(RefundFact.COMPLETED, Disposition.QUARANTINED, 2, trusted=False, receipt="UKO9R8F7ND")
    failed = told(RefundFact.FAILED, after=3, reason=Reason.UNKNOWN, code="2040", text="Not registered")
    first, second, third = story((told(RefundFact.SUBMITTED, source=RefundSource.PERSON), forged, failed), NOW)
    assert (first.time, first.source, first.said) == (
        "12:00:00",
        SOURCES[RefundSource.PERSON],
        FACTS[RefundFact.SUBMITTED],
    )
    assert first.explanation == ""
    assert second.said == "Paid, UKO9R8F7ND."
    assert second.explanation, "what was held back says why"
    assert third.said == f"Not paid. {Reason.UNKNOWN.english}"
    assert third.detail == "“Not registered” · code 2040"


def test_the_same_answer_a_hundred_times_is_one_row() -> None:
    asked = [told(RefundFact.NO_ANSWER, Disposition.NOTED, at, source=RefundSource.STATUS) for at in range(100)]
    assert len(story(tuple(asked), NOW)) == 1


def test_what_two_people_compare_with_the_statement_is_what_safaricom_said_last_of_its_end() -> None:
    other = told(RefundFact.COMPLETED, receipt="UKO9R8F7ND", amount=Money.shillings(101))
    late = told(RefundFact.STILL_OPEN, Disposition.NOTED, 5)
    assert disputed_words((told(RefundFact.SUBMITTED), other, late)) == "Paid, KES 101, UKO9R8F7ND."
    assert disputed_words((told(RefundFact.SUBMITTED),)) == ""
