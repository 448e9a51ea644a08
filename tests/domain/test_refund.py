"""A refund is moved by evidence alone: what is not certain is never a failure, and what is paid is never undone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.evidence import Disposition
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund import Approval, Refund, Route
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import CONFLICTS, TRANSITIONS, RefundState

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
KES = Money.shillings
S, F = RefundState, RefundFact
OF_PEOPLE = {F.APPROVED, F.DECLINED, F.HANDED_OVER, F.ATTESTED_PAID, F.ATTESTED_NOT_PAID}
REFUND = Refund(
    id=1,
    number=1,
    sale_id=7,
    payment_id="UKO7K2M9QX",
    original_receipt="UKO7K2M9QX",
    route=Route.B2C,
    amount=KES(400),
    payee=Msisdn("254712345678"),
    other_number=False,
    why=RefundReason.RETURNED,
    note="",
    requested_by=4,
    requested_at=NOW,
    approvals=(Approval(2, NOW),),
    nonce="n" * 32,
    originator_id="ours-1",
)


def told(fact: RefundFact, **more: object) -> RefundEvidence:
    source = RefundSource.PERSON if fact in OF_PEOPLE else RefundSource.RESULT
    return replace(RefundEvidence(fact, source, NOW), **more)  # type: ignore[arg-type]  # fields of it


def in_state(state: RefundState, route: Route = Route.B2C) -> Refund:
    return replace(REFUND, state=state, route=route)


@pytest.mark.parametrize(("state", "fact"), list(product(S, F)))
def test_every_step_is_in_the_table_and_no_other(state: RefundState, fact: RefundFact) -> None:
    route = Route.CASH if fact is F.HANDED_OVER else Route.B2C
    after, disposition = in_state(state, route).apply(told(fact))
    expected = TRANSITIONS.get((state, fact))
    assert after.state is (expected or state)
    if expected is not None:
        assert disposition is Disposition.APPLIED
    elif (state, fact) in CONFLICTS:
        assert disposition is Disposition.CONFLICT
    else:
        assert disposition is Disposition.NOTED


@pytest.mark.parametrize("fact", F)
def test_completed_stands_for_ever(fact: RefundFact) -> None:
    for changes in ({}, {"amount": KES(1)}, {"trusted": False}):
        assert in_state(S.COMPLETED).apply(told(fact, **changes))[0].state is S.COMPLETED


@pytest.mark.parametrize(("state", "fact"), list(product(S, F)))
def test_only_a_definite_word_makes_it_failed(state: RefundState, fact: RefundFact) -> None:
    after, _ = in_state(state).apply(told(fact))
    if after.state is S.FAILED and state is not S.FAILED:
        assert fact in {F.FAILED, F.REJECTED, F.ATTESTED_NOT_PAID}


@pytest.mark.parametrize("fact", [F.COMPLETED, F.FAILED])
@pytest.mark.parametrize("changes", [{"amount": KES(401)}, {"receiver": "0799999999 - Another"}])
def test_b5_another_amount_or_receiver_is_a_dispute(fact: RefundFact, changes: dict[str, object]) -> None:
    for state in (S.PENDING, S.UNKNOWN):
        after, disposition = in_state(state).apply(told(fact, **changes))
        assert (after.state, disposition) == (S.DISPUTED, Disposition.APPLIED)
    assert in_state(S.DISPUTED).apply(told(fact, **changes))[1] is Disposition.NOTED
    assert in_state(S.COMPLETED).apply(told(fact, **changes))[1] is Disposition.CONFLICT
    assert in_state(S.REQUESTED).apply(told(F.FAILED, **changes)) == (in_state(S.REQUESTED), Disposition.QUARANTINED)


def test_b5_a_reversal_of_another_payment_is_a_dispute() -> None:
    unknown = replace(in_state(S.UNKNOWN, Route.REVERSAL), payee=None, originator_id="")
    assert unknown.apply(told(F.COMPLETED, original="UKO7ZZZZQX"))[0].state is S.DISPUTED
    assert unknown.apply(told(F.COMPLETED, original="UKO7K2M9QX"))[0].state is S.COMPLETED


def test_the_fate_of_the_original_payment_is_not_that_of_the_refund() -> None:
    unknown = replace(in_state(S.UNKNOWN, Route.REVERSAL), payee=None)
    of_the_original = told(F.COMPLETED, source=RefundSource.STATUS, receipt="UKO7K2M9QX", amount=KES(400))
    assert unknown.apply(of_the_original) == (unknown, Disposition.NOTED)
    assert unknown.apply(replace(of_the_original, receipt="UKO0T5Y8WB"))[0].state is S.COMPLETED


def test_what_names_another_request_is_held_back_unless_it_says_that_money_moved() -> None:
    pending = replace(in_state(S.PENDING), conversation_id="AG_1")
    other = {"originator_id": "another", "conversation_id": "AG_2"}
    assert pending.apply(told(F.FAILED, **other)) == (pending, Disposition.QUARANTINED)
    assert pending.apply(told(F.COMPLETED, **other))[0].state is S.DISPUTED
    agrees = pending.apply(told(F.COMPLETED, originator_id="another", conversation_id="AG_1"))
    assert agrees[0].state is S.COMPLETED, "one id that agrees is enough"


def test_an_unconfirmed_sender_moves_nothing_but_what_is_on_its_way_to_unknown() -> None:
    for state, fact in product(S, F):
        after, disposition = in_state(state).apply(told(fact, trusted=False, source=RefundSource.RESULT))
        if fact is F.QUEUE_TIMEOUT and state in {S.SUBMITTING, S.PENDING}:
            assert (after.state, disposition) == (S.UNKNOWN, Disposition.APPLIED)
        else:
            assert (after, disposition) == (in_state(state), Disposition.QUARANTINED)


def test_only_people_say_what_is_for_people_to_say() -> None:
    for fact in OF_PEOPLE:
        assert in_state(S.REQUESTED).apply(told(fact, source=RefundSource.RESULT))[1] is Disposition.QUARANTINED
    unreleased = replace(in_state(S.REQUESTED), approvals=())
    assert unreleased.apply(told(F.APPROVED)) == (unreleased, Disposition.QUARANTINED)
    assert in_state(S.APPROVED).apply(told(F.HANDED_OVER))[1] is Disposition.QUARANTINED, "B2C is not handed over"
    assert in_state(S.APPROVED, Route.CASH).apply(told(F.SUBMITTED))[1] is Disposition.QUARANTINED


def test_one_person_releases_once_and_before_it_leaves() -> None:
    waiting = replace(in_state(S.REQUESTED), approvals=())
    once = waiting.approved_by(Approval(2, NOW))
    assert once.approvals == (Approval(2, NOW),)
    for refund in (once, replace(waiting, state=S.PENDING)):
        with pytest.raises(ValueError, match="approved once"):
            refund.approved_by(Approval(2, NOW))


def test_a_reversal_that_was_done_before_is_a_case_for_people() -> None:
    after, _ = in_state(S.PENDING, Route.REVERSAL).apply(told(F.FAILED, reason=Reason.ALREADYREV, code="R000001"))
    assert after.state is S.DISPUTED


def test_not_sent_of_an_earlier_try_does_not_free_a_later_one() -> None:
    leaving = replace(in_state(S.SUBMITTING), submitted_at=NOW)
    assert leaving.apply(told(F.NOT_SENT, at=NOW - timedelta(seconds=1)))[0].state is S.SUBMITTING
    back = leaving.apply(told(F.NOT_SENT))[0]
    assert (back.state, back.reason) == (S.APPROVED, Reason.NOT_SENT)


def test_a_receipt_is_taken_from_a_success_alone_and_never_replaced() -> None:
    failed, _ = in_state(S.PENDING).apply(told(F.FAILED, receipt="UJE8C3K6RD", reason=Reason.FLOAT))
    assert (failed.receipt, failed.reason) == ("", Reason.FLOAT)
    paid, _ = in_state(S.PENDING).apply(told(F.COMPLETED))
    named, disposition = paid.apply(told(F.COMPLETED, receipt="UKO9R8F7ND"))
    assert (named.receipt, disposition) == ("UKO9R8F7ND", Disposition.APPLIED)
    assert named.apply(told(F.COMPLETED, receipt="UKO9R8F7ND"))[1] is Disposition.NOTED
    assert named.apply(told(F.COMPLETED, receipt="UKO0000001")) == (named, Disposition.CONFLICT)


def test_what_is_open_counts_and_what_is_certainly_unpaid_does_not() -> None:
    assert {state for state in S if in_state(state).counts} == set(S) - {S.FAILED, S.DECLINED}
    assert {state for state in S if in_state(state).is_final} == {S.COMPLETED, S.FAILED, S.DECLINED}
    assert all(in_state(state).is_open is not in_state(state).is_final for state in S)
    assert in_state(S.UNKNOWN).in_doubt
    assert {reason for reason in RefundReason if reason.needs_note} == {RefundReason.OTHER}
    assert all(reason.english and reason.swahili for reason in RefundReason)


@given(st.lists(st.tuples(st.sampled_from(F), st.booleans()), max_size=30))
def test_in_any_order_and_however_often_it_is_paid_at_most_once_and_never_undone(
    steps: list[tuple[RefundFact, bool]],
) -> None:
    refund, leaves, was_paid = replace(REFUND, state=S.REQUESTED), 0, False
    for fact, trusted in steps:
        before = refund
        refund, _ = refund.apply(told(fact, trusted=trusted))
        leaves += (before.state, refund.state) == (S.APPROVED, S.SUBMITTING)
        leaves -= (before.state, refund.state) == (S.SUBMITTING, S.APPROVED)
        was_paid |= refund.state is S.COMPLETED
        assert leaves in {0, 1}
        assert not was_paid or refund.state is S.COMPLETED
