"""Sales from the cart to the closed receipt, and their history."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pos_app.domain.attempt import Attempt
from pos_app.domain.money import AmountError, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refund import Refund
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleError, SaleState
from pos_app.domain.staff import Action
from pos_app.domain.tender import TenderKind, cash_tender, change_given
from pos_app.services.changes import Changes, SaleChanged
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.store import attempts, evidence, payments, refunds, sales
from pos_app.store.database import Database, StoreError
from pos_app.store.evidence import EvidenceRow
from pos_app.store.sales import Search

T = TypeVar("T")

_NOTHING_TO_SELL = Refused("There is nothing to sell yet. Scan or type an amount.")
GIVEN_BACK = (
    "Money of this sale was given back, or is on its way back: what is paid now would settle less than it seems to. "
    "Start a new sale for what the customer takes."
)
_TENDER_WORDS = {TenderKind.CASH: "Cash", TenderKind.MPESA: "M-Pesa"}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    sale_id: int
    number: int
    at: datetime
    total: Money
    paid: Money
    state: SaleState
    tenders: str
    receipt: str
    phone: str
    lines: str


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    attempt: Attempt
    evidence: tuple[EvidenceRow, ...]


@dataclass(frozen=True, slots=True)
class SaleDetail:
    sale: Sale
    attempts: tuple[AttemptDetail, ...]
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...] = ()


class Sales:
    def __init__(
        self, database: Database, changes: Changes, guard: Guard, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._changes = changes
        self._guard = guard
        self._clock = clock

    async def open(self, cart: Cart) -> Sale | Refused:
        if refused := self._guard.refusal(Action.SELL):
            return refused
        if not cart.lines:
            return _NOTHING_TO_SELL
        now = self._clock()
        return await self._change(lambda connection: sales.add(connection, cart, now))

    async def update(self, sale_id: int, cart: Cart) -> Sale | Refused:
        if refused := self._guard.refusal(Action.SELL):
            return refused
        if not cart.lines:
            return _NOTHING_TO_SELL

        def change(connection: sqlite3.Connection) -> Sale:
            sale = sales.by_id(connection, sale_id)
            if sale.state is SaleState.VOID:
                raise SaleError("This sale was cancelled. Start a new one.")
            if sale.awaiting:
                raise SaleError("A charge for this sale is still open. Its lines cannot change now.")
            if sale.tenders:
                raise SaleError("Part of this sale is paid. Its lines cannot change any more.")
            sales.replace_cart(connection, sale_id, cart)
            return sales.by_id(connection, sale_id)

        return await self._change(change)

    async def get(self, sale_id: int) -> Sale:
        return await self._database.read(lambda connection: sales.by_id(connection, sale_id))

    async def pay_cash(self, sale_id: int, received: Money) -> Sale | Refused:
        """What the cash leaves unpaid stays to be paid; too much becomes change."""
        if refused := self._guard.refusal(Action.SELL):
            return refused
        now = self._clock()

        def pay(connection: sqlite3.Connection) -> Sale:
            sale = sales.by_id(connection, sale_id)
            if sale.state is SaleState.VOID or not sale.remaining:
                raise SaleError("Nothing remains to be paid for this sale.")
            if refunds.sale_given_back(connection, sale_id):
                raise SaleError(GIVEN_BACK)
            sales.add_cash(connection, sale_id, cash_tender(received, sale.remaining, now))
            return sales.by_id(connection, sale_id)

        return await self._change(pay)

    async def give_change(self, sale_id: int) -> Sale | Refused:
        """Cash out of the drawer for what M-Pesa paid too much; with it the sale is paid."""
        if refused := self._guard.refusal(Action.SELL):
            return refused
        now = self._clock()

        def give(connection: sqlite3.Connection) -> Sale:
            if refunds.sale_given_back(connection, sale_id):
                raise SaleError("Money of this sale was given back, or is on its way back. No change is given for it.")
            sales.add_cash(connection, sale_id, change_given(sales.by_id(connection, sale_id).overpaid, now))
            return sales.by_id(connection, sale_id)

        return await self._change(give)

    async def close(self, sale_id: int) -> Sale:
        """Settled and done with; a sale that is not settled stays as it is."""
        now = self._clock()

        def close(connection: sqlite3.Connection) -> Sale:
            if sales.by_id(connection, sale_id).is_settled:
                sales.close(connection, sale_id, now)
            return sales.by_id(connection, sale_id)

        closed = await self._database.run(close)
        self._changes.publish(SaleChanged(sale_id))
        return closed

    async def void(self, sale_id: int) -> Sale | Refused:
        if refused := self._guard.refusal(Action.CANCEL_SALE):
            return refused
        now = self._clock()

        def void(connection: sqlite3.Connection) -> Sale:
            sales.by_id(connection, sale_id).checked_void()
            sales.void(connection, sale_id, now)
            return sales.by_id(connection, sale_id)

        return await self._change(void)

    async def parked(self) -> tuple[Sale, ...]:
        return await self._database.read(sales.unsettled)

    async def history(self, search: str = "", before_id: int | None = None, limit: int = 50) -> tuple[HistoryRow, ...]:
        """Newest first; `before_id` continues a page."""
        wanted = _search(search)
        return await self._database.read(lambda connection: _history(connection, wanted, before_id, limit))

    async def id_of(self, number: int) -> int | None:
        """Of the sale with this number, also of one that was cancelled."""
        return await self._database.read(lambda connection: sales.id_numbered(connection, number))

    async def detail(self, sale_id: int) -> SaleDetail:
        return await self._database.read(lambda connection: _detail(connection, sale_id))

    async def _change(self, work: Callable[[sqlite3.Connection], Sale]) -> Sale | Refused:
        try:
            sale = await self._database.run(work)
        except (SaleError, AmountError, StoreError) as error:
            return Refused(str(error))
        self._changes.publish(SaleChanged(sale.id))
        return sale


def _search(text: str) -> Search:
    cleaned = " ".join(text.split())
    try:
        amount = Money.typed(cleaned) if cleaned else None
    except AmountError:
        amount = None
    return Search(cleaned, amount)


def _history(
    connection: sqlite3.Connection, search: Search, before_id: int | None, limit: int
) -> tuple[HistoryRow, ...]:
    found = sales.newest(connection, search, before_id, limit)
    phones = attempts.last_phones(connection, [sale.id for sale in found])
    return tuple(_row(sale, phones.get(sale.id)) for sale in found)


def _row(sale: Sale, asked: Msisdn | None) -> HistoryRow:
    names = [line.name for line in sale.cart.lines]
    more = f" +{len(names) - 2}" if len(names) > 2 else ""
    kinds = sorted({_TENDER_WORDS[tender.kind] for tender in sale.tenders})
    return HistoryRow(
        sale_id=sale.id,
        number=sale.number,
        at=sale.opened_at,
        total=sale.total,
        paid=sale.paid,
        state=sale.state,
        tenders=" + ".join(kinds),
        receipt=next((tender.receipt for tender in sale.tenders if tender.receipt), ""),
        phone=asked.masked if asked else "",
        lines=", ".join(names[:2]) + more,
    )


def _detail(connection: sqlite3.Connection, sale_id: int) -> SaleDetail:
    return SaleDetail(
        sale=sales.by_id(connection, sale_id),
        attempts=tuple(
            AttemptDetail(attempt, evidence.of_attempt(connection, attempt.id))
            for attempt in attempts.of_sale(connection, sale_id)
        ),
        payments=payments.of_sale(connection, sale_id),
        refunds=refunds.of_sale(connection, sale_id),
    )
