"""Tenders: cash settles what remains and the rest is change; M-Pesa gives no change."""

from datetime import UTC, datetime

import pytest

from pos_app.domain.money import ZERO, AmountError, Money
from pos_app.domain.tender import Tender, TenderKind, cash_tender

AT = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("received", "settles", "change"),
    [(500, 350, 150), (350, 350, 0), (200, 200, 0)],
)
def test_cash_settles_at_most_what_remains(received: int, settles: int, change: int) -> None:
    tender = cash_tender(Money.shillings(received), Money.shillings(350), AT)
    assert (tender.kind, tender.at, tender.payment_id) == (TenderKind.CASH, AT, "")
    assert (tender.amount, tender.change_due) == (Money.shillings(settles), Money.shillings(change))


@pytest.mark.parametrize("received", [ZERO, Money.shillings(-20)])
def test_no_cash_is_no_tender(received: Money) -> None:
    with pytest.raises(AmountError, match="Type the cash you were given"):
        cash_tender(received, Money.shillings(350), AT)


def test_mpesa_gives_no_change() -> None:
    tender = Tender(TenderKind.MPESA, Money.shillings(350), AT, payment_id="UJE7K2M9QX", receipt="UJE7K2M9QX")
    assert tender.change_due == ZERO
