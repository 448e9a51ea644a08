"""The panel of a payment that the customer made unasked and that counts for the sale: paid, in part, or too much."""

from dataclasses import dataclass

from pos_app.domain.difference import Difference
from pos_app.domain.payment import Payment
from pos_app.domain.sale import Sale
from pos_app.ui.payment.words import STILL_ASKED, Act, Panel, Tone, part_panel

_NOT_CONFIRMED = "The payment counts. The relay has not confirmed it yet: another till may have it."
_LOST = "This payment does not count for this sale any more."
_ASK_HELP = "The sale is unpaid again. Do not hand over the goods; call your supervisor."


@dataclass(frozen=True, slots=True)
class Received:
    payment: Payment
    confirmed: bool
    """The relay says so too; if not, another till may have it, and then the sale is unpaid again."""


def received_panel(sale: Sale, received: Received) -> Panel:
    if all(tender.payment_id != received.payment.id for tender in sale.tenders):
        return Panel(Tone.CHECKING, "exclamation", "Not paid", _LOST, _ASK_HELP, primary=Act.BACK)
    difference = Difference.of(sale)
    panel = _with_difference(difference, sale) if difference or sale.remaining else _paid()
    return panel if received.confirmed else _not_confirmed(panel)


def _paid() -> Panel:
    return Panel(Tone.PAID, "tick", "PAID", "", primary=Act.NEXT, secondary=Act.RECEIPT)


def _with_difference(difference: Difference | None, sale: Sale) -> Panel:
    if sale.overpaid and difference is not None:
        return Panel(Tone.PAID, "tick", "PAID", difference.english, primary=Act.GIVE_CHANGE)
    # Without a difference a charge of this sale is still open, so it must not be charged again.
    said = difference.english if difference else f"{sale.remaining} remaining."
    return part_panel(said, STILL_ASKED if sale.awaiting else "")


def _not_confirmed(panel: Panel) -> Panel:
    """Amber: it counts and the sale goes on, but it is not called paid."""
    word = "Counts in part" if panel.primary is Act.CASH else "Counts"
    advice = " ".join(filter(None, (panel.sentence, panel.advice)))
    return Panel(
        Tone.CHECKING,
        "question",
        f"{word}, not confirmed yet",
        _NOT_CONFIRMED,
        advice,
        primary=panel.primary,
        secondary=panel.secondary,
        more=panel.more,
    )
