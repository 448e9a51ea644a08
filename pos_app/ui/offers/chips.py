"""Which payments the rail shows and in which order: pure, from what fits, what is unclaimed and what came last."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pos_app.domain.matching import Late, Verdict
from pos_app.domain.payment import Payment
from pos_app.services.offers import Offer
from pos_app.ui.offers.state import ChipState, Kind
from pos_app.ui.offers.words import named, named_sale, place, since, whom

if TYPE_CHECKING:
    from pos_app.services.payments import RecentPayment

CHIPS = 5


def chips_of(
    fits: Sequence[Payment],
    unclaimed: Sequence[Offer],
    recent: "Sequence[RecentPayment]",
    number: Callable[[int], int | None],
    verdict: Callable[[Payment], Verdict],
) -> tuple[ChipState, ...]:
    """What fits the sale at the counter comes first, then the newest; `number` is that of a sale by its id."""
    first = [_unclaimed(payment, verdict(payment), number, Kind.FITS) for payment in fits[:CHIPS]]
    free = [_unclaimed(offer.payment, offer.verdict, number, Kind.UNCLAIMED) for offer in unclaimed]
    shown = {chip.key for chip in (*first, *free)}
    others = [chip for chip in map(_recent, recent) if chip.key not in shown]
    fitting = {chip.key for chip in first}
    rest = sorted(
        (chip for chip in (*free, *others) if chip.key not in fitting), key=lambda chip: chip.since, reverse=True
    )
    return (*first, *rest)[:CHIPS]


def _unclaimed(payment: Payment, verdict: Verdict, number: Callable[[int], int | None], kind: Kind) -> ChipState:
    sale_id = named_sale(verdict)
    return ChipState(
        key=payment.id,
        amount=payment.amount,
        who=named(payment),
        place="fits" if kind is Kind.FITS else place(verdict, None if sale_id is None else number(sale_id)),
        since=since(payment),
        kind=kind,
        receipt=payment.receipt,
        late=isinstance(verdict, Late),
        payment=payment,
    )


def _recent(one: "RecentPayment") -> ChipState:
    kind = Kind.TAKEN if one.taken else Kind.UNCLAIMED if one.sale_number is None else Kind.CLAIMED
    places = {
        Kind.TAKEN: one.taken,
        Kind.UNCLAIMED: "no sale",
        Kind.CLAIMED: f"sale {one.sale_number}",
    }
    return ChipState(
        key=one.payment_id or one.receipt,
        amount=one.amount,
        who=whom(one.who, one.phone),
        place=places[kind] + (" · late" if one.late else ""),
        since=one.at,
        kind=kind,
        receipt=one.receipt,
        late=one.late,
    )
