"""A charge attempt: the whole table of states and evidence, and the orders in which money could be lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.attempt import (
    LIVE,
    Attempt,
    AttemptState,
    account_reference,
    as_account_reference,
    contradiction,
)
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount

START = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
LATER = START + timedelta(seconds=20)
AMOUNT = Money.shillings(350)
SHOP = ShopAccount(AccountKind.BUY_GOODS, "600966", "512345")
CHECKOUT = "ws_CO_14102026153012345712345678"
MERCHANT = "29115-34620561-1"
RECEIPT = "UJE7K2M9QX"
OTHER_RECEIPT = "UJE7K2M9QY"

CREATED = Attempt(
    id=1,
    sale_id=7,
    nonce="0123456789abcdef0123456789abcdef",
    amount=AMOUNT,
    msisdn=Msisdn("254712345678"),
    account=SHOP,
    account_reference="A-7-1",
    created_at=START,
)

# A row is a fact, a column the state it meets. A cell names the state it leads to (applied), or, when the state
# stays, what became of the evidence. PAID_BARE is PAID by a query, so still without a receipt.
TRUSTED = """
                 CREATED     SUBMITTING  PENDING  UNKNOWN  PAID      PAID_BARE  FAILED     EXPIRED    PAID_LATE
SUBMITTED        SUBMITTING  noted       noted    noted    noted     noted      noted      noted      noted
ACCEPTED         noted       PENDING     noted    noted    noted     noted      noted      noted      noted
REJECTED         noted       FAILED      noted    noted    conflict  conflict   noted      noted      conflict
NOT_SENT         noted       CREATED     noted    noted    conflict  conflict   noted      noted      conflict
REPLY_LOST       noted       UNKNOWN     noted    noted    noted     noted      noted      noted      noted
PAID             PAID        PAID        PAID     PAID     noted     PAID       PAID_LATE  PAID_LATE  noted
FAILED           FAILED      FAILED      FAILED   FAILED   conflict  conflict   noted      noted      conflict
FAILED_IN_DOUBT  UNKNOWN     noted       noted    noted    conflict  conflict   noted      noted      conflict
STILL_OPEN       noted       noted       noted    noted    noted     noted      noted      noted      noted
NO_ANSWER        noted       noted       noted    noted    noted     noted      noted      noted      noted
UNCLEAR          UNKNOWN     UNKNOWN     UNKNOWN  noted    noted     noted      noted      noted      noted
SILENCE          noted       UNKNOWN     UNKNOWN  noted    noted     noted      noted      noted      noted
INTERRUPTED      FAILED      UNKNOWN     noted    noted    noted     noted      noted      noted      noted
WITHDRAWN        FAILED      noted       noted    noted    noted     noted      noted      noted      noted
GIVEN_UP         noted       noted       noted    EXPIRED  noted     noted      noted      noted      noted
"""
UNTRUSTED = """
                 CREATED  SUBMITTING  PENDING  UNKNOWN  PAID   PAID_BARE  FAILED  EXPIRED  PAID_LATE
SUBMITTED        quar     quar        quar     quar     quar   quar       quar    quar     quar
ACCEPTED         quar     quar        quar     quar     quar   quar       quar    quar     quar
REJECTED         quar     quar        quar     quar     quar   quar       quar    quar     quar
NOT_SENT         quar     quar        quar     quar     quar   quar       quar    quar     quar
REPLY_LOST       quar     quar        quar     quar     quar   quar       quar    quar     quar
PAID             quar     quar        quar     quar     noted  PAID       quar    quar     noted
FAILED           quar     quar        quar     quar     quar   quar       quar    quar     quar
FAILED_IN_DOUBT  quar     quar        quar     quar     quar   quar       quar    quar     quar
STILL_OPEN       quar     quar        quar     quar     quar   quar       quar    quar     quar
NO_ANSWER        quar     quar        quar     quar     quar   quar       quar    quar     quar
UNCLEAR          quar     quar        quar     quar     quar   quar       quar    quar     quar
SILENCE          quar     quar        quar     quar     quar   quar       quar    quar     quar
INTERRUPTED      quar     quar        quar     quar     quar   quar       quar    quar     quar
WITHDRAWN        quar     quar        quar     quar     quar   quar       quar    quar     quar
GIVEN_UP         quar     quar        quar     quar     quar   quar       quar    quar     quar
"""
STAYS = {"noted": Disposition.NOTED, "conflict": Disposition.CONFLICT, "quar": Disposition.QUARANTINED}
Pair = tuple[str, Fact, bool, str]


def rows(table: str, trusted: bool) -> list[Pair]:
    columns, *lines = (line.split() for line in table.strip().splitlines())
    assert set(columns) - {"PAID_BARE"} == set(AttemptState.__members__), "every state is a column"
    assert [name for name, *_ in lines] == list(Fact.__members__), "every fact is a row"
    return [
        (column, Fact[name], trusted, cell)
        for name, *cells in lines
        for column, cell in zip(columns, cells, strict=True)
    ]


PAIRS = rows(TRUSTED, trusted=True) + rows(UNTRUSTED, trusted=False)


def evidence(fact: Fact, source: Source = Source.CALLBACK, **changes: object) -> Evidence:
    paid = fact is Fact.PAID
    whole = Evidence(
        fact=fact,
        source=source,
        at=LATER,
        checkout_request_id=CHECKOUT,
        receipt=RECEIPT if paid else "",
        amount=AMOUNT if paid else None,
        code="0" if paid else "",
    )
    return replace(whole, **changes)  # type: ignore[arg-type]  # the names are checked by replace itself


def query(fact: Fact, **changes: object) -> Evidence:
    """What an STK query tells: no receipt and no amount (contract §2.2)."""
    return evidence(fact, Source.QUERY, **{"receipt": "", "amount": None, **changes})


def attempt_in(state: str) -> Attempt:
    bare = state == "PAID_BARE"
    known = replace(CREATED, state=AttemptState.PAID if bare else AttemptState(state))
    if known.state is not AttemptState.CREATED:
        known = replace(known, submitted_at=START)
    if known.state not in {AttemptState.CREATED, AttemptState.SUBMITTING}:
        known = replace(known, checkout_request_id=CHECKOUT, merchant_request_id=MERCHANT)
    if known.state.is_paid:
        known = replace(known, reason=Reason.PAID, receipt="" if bare else RECEIPT)
    return known if known.state.is_live else replace(known, finished_at=START)


def after(*told: Evidence, start: Attempt = CREATED) -> Attempt:
    for piece in told:
        start, _ = start.apply(piece)
    return start


SUBMITTED = evidence(Fact.SUBMITTED, Source.REPLY, checkout_request_id="")
ACCEPTED = evidence(Fact.ACCEPTED, Source.REPLY, merchant_request_id=MERCHANT)
REPLY_LOST = evidence(Fact.REPLY_LOST, Source.REPLY, checkout_request_id="")
NOT_SENT = evidence(Fact.NOT_SENT, Source.REPLY, checkout_request_id="")
SILENCE = evidence(Fact.SILENCE, Source.CLOCK, checkout_request_id="")
INTERRUPTED = evidence(Fact.INTERRUPTED, Source.RESTART, checkout_request_id="")
GIVEN_UP = evidence(Fact.GIVEN_UP, Source.CLOCK, checkout_request_id="")
PAID = evidence(Fact.PAID)
CANCELLED = evidence(Fact.FAILED, reason=Reason.CANCEL, code="1032")
CONFIRMATION = evidence(Fact.PAID, Source.CONFIRMATION, checkout_request_id="", short_code="512345")


@pytest.mark.parametrize(("state", "fact", "trusted", "cell"), PAIRS)
def test_every_fact_does_in_every_state_what_the_table_says(state: str, fact: Fact, trusted: bool, cell: str) -> None:
    before = attempt_in(state)
    told, disposition = before.apply(evidence(fact, trusted=trusted))
    assert disposition is STAYS.get(cell, Disposition.APPLIED)
    assert told.state is (before.state if cell in STAYS else AttemptState(cell))
    assert told.amount == AMOUNT
    assert (told.finished_at is None) is told.state.is_live
    if cell == "quar":
        assert told == before


def test_the_table_lists_every_pair_once() -> None:
    assert len(PAIRS) == len({pair[:3] for pair in PAIRS}) == 2 * len(Fact) * (len(AttemptState) + 1)


@pytest.mark.parametrize("state", AttemptState)
def test_an_attempt_is_live_until_its_outcome_is_final(state: AttemptState) -> None:
    live = state in {AttemptState.CREATED, AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.UNKNOWN}
    assert state.is_live is live is (state in LIVE)
    assert state.is_paid is (state in {AttemptState.PAID, AttemptState.PAID_LATE})
    assert attempt_in(state).in_doubt is (state is AttemptState.UNKNOWN)


def test_the_usual_charge_keeps_its_ids_its_receipt_and_its_times() -> None:
    paid = after(SUBMITTED, replace(ACCEPTED, at=START), PAID)
    assert (paid.state, paid.reason, paid.code, paid.receipt) == (AttemptState.PAID, Reason.PAID, "0", RECEIPT)
    assert (paid.merchant_request_id, paid.checkout_request_id) == (MERCHANT, CHECKOUT)
    assert (paid.submitted_at, paid.finished_at) == (LATER, LATER)


class TestReasons:
    @pytest.mark.parametrize(
        ("told", "state", "reason"),
        [
            ((SUBMITTED,), AttemptState.SUBMITTING, None),
            ((SUBMITTED, ACCEPTED), AttemptState.PENDING, Reason.WAIT),
            ((SUBMITTED, NOT_SENT), AttemptState.CREATED, Reason.NOT_SENT),
            ((SUBMITTED, NOT_SENT, SUBMITTED), AttemptState.SUBMITTING, None),
            ((evidence(Fact.WITHDRAWN, Source.CASHIER),), AttemptState.FAILED, Reason.NOT_SENT),
            ((INTERRUPTED,), AttemptState.FAILED, Reason.NOT_SENT),
            ((SUBMITTED, INTERRUPTED), AttemptState.UNKNOWN, Reason.UNKNOWN),
            ((SUBMITTED, REPLY_LOST), AttemptState.UNKNOWN, Reason.UNKNOWN),
            ((SUBMITTED, ACCEPTED, SILENCE), AttemptState.UNKNOWN, Reason.UNKNOWN),
            ((SUBMITTED, ACCEPTED, SILENCE, GIVEN_UP), AttemptState.EXPIRED, Reason.UNKNOWN),
            ((SUBMITTED, ACCEPTED, CANCELLED), AttemptState.FAILED, Reason.CANCEL),
            ((SUBMITTED, ACCEPTED, CANCELLED, PAID), AttemptState.PAID_LATE, Reason.PAID),
        ],
    )
    def test_each_state_says_why(self, told: tuple[Evidence, ...], state: AttemptState, reason: Reason | None) -> None:
        attempt = after(*told)
        assert (attempt.state, attempt.reason) == (state, reason)

    @pytest.mark.parametrize("fact", [Fact.REPLY_LOST, Fact.UNCLEAR, Fact.SILENCE, Fact.INTERRUPTED])
    def test_an_unknown_outcome_never_invites_another_charge(self, fact: Fact) -> None:
        attempt, _ = attempt_in("SUBMITTING").apply(evidence(fact, reason=Reason.DOWN, code="500.003.02"))
        assert (attempt.state, attempt.reason) == (AttemptState.UNKNOWN, Reason.UNKNOWN)

    def test_a_failure_without_a_reason_does_not_go_on_saying_wait(self) -> None:
        attempt = after(evidence(Fact.FAILED), start=replace(attempt_in("PENDING"), reason=Reason.WAIT))
        assert attempt.reason is Reason.UNKNOWN


class TestOrders:
    def test_a_failure_before_the_reply_stays_a_failure_when_the_reply_comes(self) -> None:
        attempt, disposition = after(SUBMITTED, replace(CANCELLED, checkout_request_id="")).apply(ACCEPTED)
        assert (attempt.state, disposition) == (AttemptState.FAILED, Disposition.NOTED)
        assert (attempt.reason, attempt.checkout_request_id) == (Reason.CANCEL, CHECKOUT)

    @pytest.mark.parametrize("reply", [ACCEPTED, REPLY_LOST, INTERRUPTED])
    def test_a_success_before_the_reply_stays_a_success(self, reply: Evidence) -> None:
        assert after(SUBMITTED, PAID, reply) == replace(
            after(SUBMITTED, PAID), merchant_request_id=reply.merchant_request_id
        )

    def test_a_success_for_a_request_thought_unsent_is_paid_and_never_sent_again(self) -> None:
        paid = after(SUBMITTED, NOT_SENT, PAID)
        attempt, disposition = paid.apply(SUBMITTED)
        assert (attempt, attempt.state, disposition) == (paid, AttemptState.PAID, Disposition.NOTED)

    @pytest.mark.parametrize("fact", [Fact.FAILED, Fact.FAILED_IN_DOUBT, Fact.UNCLEAR])
    def test_any_answer_for_a_request_thought_unsent_stops_it_from_being_sent_again(self, fact: Fact) -> None:
        attempt, disposition = after(SUBMITTED, NOT_SENT, evidence(fact)).apply(SUBMITTED)
        assert attempt.state is not AttemptState.SUBMITTING
        assert disposition is Disposition.NOTED

    def test_a_late_reply_gives_an_unknown_charge_its_id_but_not_its_outcome(self) -> None:
        attempt, disposition = after(SUBMITTED, REPLY_LOST).apply(ACCEPTED)
        assert (attempt.state, disposition) == (AttemptState.UNKNOWN, Disposition.NOTED)
        assert attempt.checkout_request_id == CHECKOUT

    def test_a_callback_gives_a_charge_whose_reply_was_lost_its_id(self) -> None:
        attempt = after(SUBMITTED, REPLY_LOST, PAID)
        assert (attempt.state, attempt.checkout_request_id) == (AttemptState.PAID, CHECKOUT)

    def test_a_failure_in_doubt_waits_for_the_query(self) -> None:
        waiting = after(SUBMITTED, ACCEPTED, evidence(Fact.FAILED_IN_DOUBT, reason=Reason.NOANSWER, code="1037"))
        assert (waiting.state, waiting.reason) == (AttemptState.PENDING, Reason.WAIT)
        agreed = after(query(Fact.FAILED, reason=Reason.NOANSWER, code="1037"), start=waiting)
        assert (agreed.state, agreed.reason, agreed.code) == (AttemptState.FAILED, Reason.NOANSWER, "1037")
        assert after(query(Fact.PAID), start=waiting).state is AttemptState.PAID

    @pytest.mark.parametrize("end", [(CANCELLED,), (SILENCE, GIVEN_UP)])
    def test_a_success_after_the_end_is_paid_late(self, end: tuple[Evidence, ...]) -> None:
        attempt = after(SUBMITTED, ACCEPTED, *end, replace(CONFIRMATION, at=LATER + timedelta(hours=49)))
        assert (attempt.state, attempt.receipt) == (AttemptState.PAID_LATE, RECEIPT)
        assert attempt.finished_at == LATER + timedelta(hours=49)

    def test_a_resent_request_is_timed_from_when_it_was_sent(self) -> None:
        again = replace(SUBMITTED, at=LATER + timedelta(minutes=5))
        assert after(SUBMITTED, NOT_SENT, again, ACCEPTED).submitted_at == again.at


class TestReceipts:
    def test_a_query_proves_the_charge_and_the_confirmation_brings_the_receipt(self) -> None:
        bare = after(SUBMITTED, ACCEPTED, query(Fact.PAID))
        assert (bare.state, bare.receipt) == (AttemptState.PAID, "")
        attempt, disposition = bare.apply(CONFIRMATION)
        assert (attempt, disposition) == (replace(bare, receipt=RECEIPT), Disposition.APPLIED)

    def test_a_query_after_the_callback_takes_no_receipt_away(self) -> None:
        paid = attempt_in("PAID")
        assert paid.apply(query(Fact.PAID)) == (paid, Disposition.NOTED)

    @pytest.mark.parametrize("state", ["PAID", "PAID_LATE"])
    def test_a_second_receipt_is_a_conflict_and_the_first_stands(self, state: str) -> None:
        paid = attempt_in(state)
        assert paid.apply(replace(CONFIRMATION, receipt=OTHER_RECEIPT)) == (paid, Disposition.CONFLICT)

    def test_an_unconfirmed_callback_lends_its_receipt_only_to_a_proved_charge(self) -> None:
        unconfirmed = replace(PAID, trusted=False)
        pending = attempt_in("PENDING")
        assert pending.apply(unconfirmed) == (pending, Disposition.QUARANTINED)
        assert after(query(Fact.PAID), unconfirmed, start=pending).receipt == RECEIPT

    def test_an_unconfirmed_callback_cannot_replace_a_receipt(self) -> None:
        paid = attempt_in("PAID")
        forged = replace(PAID, trusted=False, receipt=OTHER_RECEIPT)
        assert paid.apply(forged) == (paid, Disposition.QUARANTINED)

    def test_an_unconfirmed_success_that_does_not_name_the_charge_lends_nothing(self) -> None:
        bare = attempt_in("PAID_BARE")
        guessed = replace(CONFIRMATION, trusted=False, receipt=OTHER_RECEIPT)
        assert bare.apply(guessed) == (bare, Disposition.QUARANTINED)


class TestContradictions:
    @pytest.mark.parametrize(
        "told",
        [
            pytest.param(replace(PAID, amount=Money.shillings(351)), id="another amount"),
            pytest.param(replace(PAID, amount=Money(35001)), id="one cent more"),
            pytest.param(replace(PAID, amount=None), id="success of an unknown amount"),
            pytest.param(replace(PAID, receipt=""), id="success without a receipt"),
            pytest.param(replace(PAID, checkout_request_id="ws_CO_other"), id="another charge"),
            pytest.param(replace(PAID, short_code="600967"), id="another shop"),
            pytest.param(replace(CANCELLED, checkout_request_id="ws_CO_other"), id="another charge failed"),
            pytest.param(query(Fact.PAID, checkout_request_id="ws_CO_other"), id="a query of another charge"),
            pytest.param(query(Fact.PAID, amount=Money.shillings(1)), id="a query that names another amount"),
        ],
    )
    @pytest.mark.parametrize("state", ["PENDING", "UNKNOWN", "PAID", "PAID_BARE", "FAILED", "EXPIRED", "PAID_LATE"])
    @pytest.mark.parametrize("trusted", [True, False])
    def test_evidence_that_disagrees_is_quarantined_in_every_state(
        self, told: Evidence, state: str, trusted: bool
    ) -> None:
        before = attempt_in(state)
        assert contradiction(before, told)
        assert before.apply(replace(told, trusted=trusted)) == (before, Disposition.QUARANTINED)

    @pytest.mark.parametrize("short_code", ["", "600966", "512345"])
    def test_a_till_is_named_by_its_store_or_its_till_number(self, short_code: str) -> None:
        assert not contradiction(attempt_in("PENDING"), replace(PAID, short_code=short_code))

    def test_an_id_not_known_yet_contradicts_nothing(self) -> None:
        assert not contradiction(attempt_in("SUBMITTING"), PAID)
        assert not contradiction(attempt_in("PENDING"), CONFIRMATION)


class TestAccountReference:
    @pytest.mark.parametrize(
        ("till", "sale", "number", "reference"),
        [
            ("A", 7, 1, "A-7-1"),
            ("T1", 123456, 12, "T1-123456-12"),
            ("T1", 1234567, 12, "T1.QGLJ.C"),
        ],
    )
    def test_it_names_till_sale_and_attempt(self, till: str, sale: int, number: int, reference: str) -> None:
        assert account_reference(till, sale, number) == reference

    def test_a_zero_is_still_a_digit(self) -> None:
        assert account_reference("TILL1", 100_000, 0) == "TILL1.255S.0"

    @pytest.mark.parametrize(
        ("typed", "reference"),
        [(" a-7-1 ", "A-7-1"), ("T1.QGLJ.C", "T1.QGLJ.C"), ("A-7.1", ""), ("HSE 12B", ""), ("", ""), ("A-7", "")],
    )
    def test_what_a_customer_typed_is_one_only_by_its_form(self, typed: str, reference: str) -> None:
        assert as_account_reference(typed) == reference

    def test_it_is_refused_rather_than_cut(self) -> None:
        with pytest.raises(ValueError, match="over 12 characters"):
            account_reference("A-LONG-TILL", 7, 1)
