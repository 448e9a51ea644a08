"""Claims of one receipt: told in any order and twice, they say one holder, and whether it is this till."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from pos_app.domain.claim import Claim, Claimant, Claims, Release, Standing
from pos_app.domain.evidence import Disposition

AT = datetime(2026, 10, 14, 11, 2, tzinfo=UTC)
RECEIPT = "UJE7K2M9QX"
OURS = Claim(RECEIPT, 1, "till-1", "Till 1", "142", "Akinyi", AT)
THEIRS = Claim(RECEIPT, 2, "till-2", "Till 2", "88", "Wanjiku", AT)
RELEASE = Release(RECEIPT, 1, "till-1", "wrong sale", AT)
CHARGE = Claim(RECEIPT, 0, "", "", "", "", AT, nonce="0123456789abcdef")
ME = Claimant("till-1", {CHARGE.nonce: "142"})
OTHER = Claimant("till-2")
NONE = Claims(RECEIPT)


def after(*told: Claim | Release) -> Claims:
    claims = NONE
    for fact in told:
        claims, _ = claims.apply(fact)
    return claims


def test_nobody_holds_what_nobody_claimed() -> None:
    assert NONE.holder is None
    assert NONE.standing(ME) is Standing.FREE


def test_the_first_claim_holds_and_each_till_sees_whose_it_is() -> None:
    claims = after(OURS)
    assert claims.holder == OURS
    assert (claims.standing(ME), claims.standing(OTHER)) == (Standing.WON, Standing.TAKEN)


def test_a_released_receipt_is_free_and_goes_to_the_next_generation() -> None:
    assert after(OURS, RELEASE).standing(ME) is Standing.FREE
    assert after(OURS, RELEASE, THEIRS).holder == THEIRS


@pytest.mark.parametrize("told", list(permutations([OURS, RELEASE, THEIRS, CHARGE])))
def test_the_same_facts_in_any_order_and_twice_say_the_same(told: tuple[Claim | Release, ...]) -> None:
    assert after(*told) == after(OURS, RELEASE, THEIRS, CHARGE)
    assert after(*told, *reversed(told)) == after(*told)


def test_a_stale_generation_changes_nothing() -> None:
    claims = after(THEIRS)
    assert claims.apply(OURS) == (claims, Disposition.NOTED)
    assert claims.apply(RELEASE) == (claims, Disposition.NOTED), "generation 2 says that 1 was released"


def test_the_same_claim_again_is_noted() -> None:
    claims, disposition = NONE.apply(OURS)
    assert disposition is Disposition.APPLIED
    assert claims.apply(OURS) == (claims, Disposition.NOTED)


@pytest.mark.parametrize("other", [replace(OURS, till_id="till-2"), replace(OURS, sale="143")])
def test_two_holders_of_one_generation_are_a_conflict_and_the_first_known_stands(other: Claim) -> None:
    claims = after(OURS)
    assert claims.apply(other) == (claims, Disposition.CONFLICT)


def test_a_claim_of_another_receipt_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="another receipt"):
        NONE.apply(replace(OURS, receipt="UJE7K2M9QY"))


class TestTheClaimOfACharge:
    def test_it_holds_for_the_till_that_made_the_nonce(self) -> None:
        claims = after(CHARGE)
        assert claims.holder == CHARGE
        assert (claims.standing(ME), claims.standing(OTHER)) == (Standing.WON, Standing.TAKEN)

    def test_it_does_not_take_what_was_claimed_before_it_but_gets_what_is_given_back(self) -> None:
        assert after(OURS, CHARGE).holder == OURS
        assert after(OURS, CHARGE, RELEASE).holder == CHARGE

    def test_another_charge_with_the_same_receipt_is_a_conflict(self) -> None:
        claims = after(CHARGE)
        assert claims.apply(CHARGE) == (claims, Disposition.NOTED)
        assert claims.apply(replace(CHARGE, nonce="f" * 16)) == (claims, Disposition.CONFLICT)


class TestAProvisionalClaim:
    """C4: the relay was out of reach, and the till goes on asking."""

    asked = NONE.ask(replace(OURS, generation=0))

    def test_it_is_not_confirmed_until_the_relay_has_said_who_holds_the_receipt(self) -> None:
        assert self.asked.standing(ME) is Standing.PROVISIONAL

    def test_it_is_won_when_our_sale_holds_the_receipt(self) -> None:
        assert self.asked.apply(OURS)[0].standing(ME) is Standing.WON
        assert self.asked.apply(CHARGE)[0].standing(ME) is Standing.WON, "the charge was for this very sale"

    @pytest.mark.parametrize(
        "held", [replace(THEIRS, generation=1), replace(OURS, sale="143"), replace(CHARGE, nonce="f" * 16)]
    )
    def test_it_is_lost_when_another_sale_holds_the_receipt(self, held: Claim) -> None:
        assert self.asked.apply(held)[0].standing(ME) is Standing.LOST

    def test_it_is_still_not_confirmed_when_the_holder_gave_the_receipt_back(self) -> None:
        assert replace(after(OURS, RELEASE), asked=OURS).standing(ME) is Standing.PROVISIONAL

    def test_once_acted_upon_it_is_only_history(self) -> None:
        assert self.asked.apply(THEIRS)[0].answered().standing(ME) is Standing.TAKEN


class TestSentences:
    @pytest.mark.parametrize(
        ("claim", "taken", "used"),
        [
            (THEIRS, "Taken by Till 2 (Wanjiku) at 14:02", "Used by sale 88 at Till 2, 14:02"),
            (replace(THEIRS, cashier=""), "Taken by Till 2 at 14:02", "Used by sale 88 at Till 2, 14:02"),
            (replace(THEIRS, till="", at=None), "Taken by another till (Wanjiku)", "Used by sale 88 at another till"),
            (CHARGE, "Taken by a charge at 14:02", "Taken by a charge at 14:02"),
        ],
    )
    def test_they_say_who_and_when(self, claim: Claim, taken: str, used: str) -> None:
        assert (claim.taken(AT), claim.used(AT)) == (taken, used)

    def test_another_day_is_named(self) -> None:
        assert THEIRS.taken(AT + timedelta(days=1)) == "Taken by Till 2 (Wanjiku) at 14 Oct 14:02"
