"""The history's memory: which sales are listed, which one is open, what is being asked; it knows no widget."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from pos_app.domain.reference import read_printed
from pos_app.domain.refused import Refused
from pos_app.services.changes import AttemptChanged, Changes, PaymentArrived, SaleChanged
from pos_app.ui.history.detail_state import Detail, detail_of
from pos_app.ui.history.rows import PAGE, HistoryRows
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.payments import Payments
    from pos_app.services.receipts import Receipts
    from pos_app.services.sales import HistoryRow, Sales

_TYPING_MS = 250
_UNREADABLE = "The history cannot be read just now. Sales and payments are safe. Press F11 to try again."


@dataclass(frozen=True, slots=True)
class HistoryState:
    """`search` is what the list shows; `sale_id` the sale whose page is open, also before its `detail` is there."""

    search: str = ""
    loading: bool = True
    count: int = 0
    sale_id: int | None = None
    detail: Detail | None = None
    checking: bool = False
    giving: bool = False
    copied: str = ""
    problem: str = ""


class HistoryViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        sales: "Sales",
        payments: "Payments",
        receipts: "Receipts",
        changes: Changes,
        tasks: Tasks,
        *,
        clock: Callable[[], datetime],
        till_code: Callable[[], str],
    ) -> None:
        super().__init__()
        self._till_code = till_code
        self._sales = sales
        self._payments = payments
        self._tasks = tasks
        self._clock = clock
        self._generation = 0
        self._is_fetching_more = False
        self._is_shown = False
        self._touched: set[int] = set()
        self._is_catching_up = False
        self._wanted = ""
        self._opens_the_only_one = False
        self._typing = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._typing.timeout.connect(self._search_now)
        self.receipt = ReceiptViewModel(receipts, tasks)
        self.rows = HistoryRows(clock)
        self.rows.more_wanted.connect(self._fetch_more)
        self.rows.page_wanted.connect(self._fetch_page)
        self.state = HistoryState()
        changes.subscribe(SaleChanged, lambda change: self._touch(change.sale_id))
        changes.subscribe(AttemptChanged, lambda change: self._touch(change.attempt.sale_id))
        changes.subscribe(PaymentArrived, lambda change: self._touch(change.payment.sale_id))

    def enter(self) -> None:
        """The page is shown: fetches the list anew."""
        self._is_shown = True
        self._reload()

    def read_again(self) -> None:
        self._reload()

    def leave(self) -> None:
        """The page is hidden: changes no longer cost anything."""
        self._is_shown = False
        self._touched.clear()

    def search(self, text: str, *, at_once: bool = False) -> None:
        self._wanted, self._opens_the_only_one = " ".join(text.split()), False
        if at_once:
            self._search_now()
        else:
            self._typing.start()

    def find(self, text: str) -> None:
        """What was scanned, or typed to its end: a receipt's code opens its sale, as does all else of one sale only."""
        self.close_sale()
        printed = read_printed(text)
        if printed is not None:
            self._tasks.start(self._open_printed(*printed), "sale of a receipt")
            return
        self.search(text, at_once=True)
        self._opens_the_only_one = self.state.loading
        if not self.state.loading:
            self._open_the_only_one()

    def open_sale(self, sale_id: int) -> None:
        self._show(sale_id=sale_id, detail=None, copied="", problem="")
        self._tasks.start(self._load_detail(sale_id), "sale detail")

    def close_sale(self) -> None:
        self._show(sale_id=None, detail=None, copied="", problem="")

    def check_now(self) -> None:
        detail = self.state.detail
        if detail and detail.live_charge is not None and not self.state.checking:
            self._show(checking=True, problem="")
            self._tasks.start(self._check(detail.sale_id, detail.live_charge), "check now")

    def give_change(self) -> None:
        """Cash out of the drawer for what was paid too much; pressed twice it is given once."""
        detail = self.state.detail
        if detail and detail.change_due and not self.state.giving:
            self._show(giving=True, problem="")
            self._tasks.start(self._give_change(detail.sale_id), "give change")

    def copy_code(self, code: str = "") -> None:
        """The first M-Pesa code of the open sale unless one is named."""
        code = code or (self.state.detail.code if self.state.detail else "")
        if code:
            QGuiApplication.clipboard().setText(code)
            self._show(copied=code)

    async def _open_printed(self, till: str, number: int) -> None:
        if till != self._till_code().upper():
            self._show(problem=f"That is a receipt of till {till}. Its money is given back there.")
            return
        sale_id = await self._sales.id_of(number)
        if sale_id is not None:
            self.open_sale(sale_id)
        else:
            self._show(problem=f"This till has no sale {number}.")

    def _open_the_only_one(self) -> None:
        only = self.rows.row_at(0) if self.rows.rowCount() == 1 and self.state.search else None
        if only is not None:
            self.open_sale(only.sale_id)

    def _search_now(self) -> None:
        self._typing.stop()
        if self._wanted != self.state.search:
            self._show(search=self._wanted)
            self._reload()

    def _reload(self) -> None:
        self._generation += 1
        self._is_fetching_more = False
        self._show(loading=True)
        self._tasks.start(self._load_first(self._generation), "history")

    async def _load_first(self, generation: int) -> None:
        problem = _UNREADABLE
        try:
            rows = await self._sales.history(self.state.search, None, PAGE)
            if generation == self._generation:
                self.rows.show_first(rows)
            problem = ""
        finally:
            if generation == self._generation:
                self._show(loading=False, count=self.rows.rowCount(), problem=problem)
                if self._opens_the_only_one:
                    self._opens_the_only_one = False
                    self._open_the_only_one()

    def _fetch_more(self) -> None:
        if not self._is_fetching_more and not self.state.loading:
            self._is_fetching_more = True
            self._tasks.start(self._load_more(self._generation), "more history")

    async def _load_more(self, generation: int) -> None:
        rows: tuple[HistoryRow, ...] = ()
        try:
            rows = await self._sales.history(self.state.search, self.rows.oldest_id, PAGE)
        finally:
            if generation == self._generation:
                self._is_fetching_more = False
        if generation == self._generation:
            self.rows.append(rows)
            self._show(count=self.rows.rowCount())

    def _fetch_page(self, start: int) -> None:
        self._tasks.start(self._load_page(*self.rows.page_at(start), self._generation), "history page")

    async def _load_page(self, before_id: int, limit: int, generation: int) -> None:
        rows = await self._sales.history(self.state.search, before_id, limit)
        if generation != self._generation:
            return
        # New sales may have moved the page down while it was being fetched.
        moved_to = self.rows.page_of_sale(before_id - 1)
        if moved_to is None or not self.rows.replace_page(moved_to, rows):
            self._reload()

    def _touch(self, sale_id: int | None) -> None:
        if sale_id is None or not self._is_shown:
            return
        self._touched.add(sale_id)
        if not self._is_catching_up:
            self._is_catching_up = True
            self._tasks.start(self._catch_up(), "history changes")

    async def _catch_up(self) -> None:
        """However many changes came meanwhile, each page is fetched once."""
        try:
            while self._touched:
                touched, self._touched = self._touched, set()
                if self.state.sale_id in touched:
                    await self._load_detail(self.state.sale_id)
                if not self.state.loading:
                    await self._refresh(touched, self._generation)
        finally:
            self._is_catching_up = False

    async def _refresh(self, touched: set[int], generation: int) -> None:
        newest = self.rows.newest_id
        if not self.state.search and (newest is None or max(touched) > newest):
            await self._load_newer(newest or 0, generation)
        starts = {self.rows.page_of_sale(sale_id) for sale_id in touched}
        for start in sorted(start for start in starts if start is not None):
            if generation == self._generation:
                await self._load_page(*self.rows.page_at(start), generation)

    async def _load_newer(self, newest: int, generation: int) -> None:
        rows = await self._sales.history("", None, PAGE)
        newer = tuple(row for row in rows if row.sale_id > newest)
        if generation != self._generation or not newer:
            return
        if len(newer) == len(rows):
            self.rows.show_first(rows)
        else:
            self.rows.prepend(newer)
        self._show(count=self.rows.rowCount())

    async def _load_detail(self, sale_id: int) -> None:
        found = await self._sales.detail(sale_id)
        if sale_id == self.state.sale_id:
            self._show(detail=detail_of(found, self._clock()))

    async def _check(self, sale_id: int, attempt_id: int) -> None:
        problem = "The check could not be made. The money is safe; the till goes on asking by itself."
        try:
            answer = await self._payments.check_now(attempt_id)
            problem = answer.sentence if isinstance(answer, Refused) else ""
        finally:
            self._show(checking=False, problem=problem)
        if sale_id == self.state.sale_id:
            await self._load_detail(sale_id)

    async def _give_change(self, sale_id: int) -> None:
        problem = "The change could not be recorded. Give none until it is."
        try:
            answer = await self._sales.give_change(sale_id)
            problem = answer.sentence if isinstance(answer, Refused) else ""
        finally:
            self._show(giving=False, problem=problem)
        if sale_id == self.state.sale_id:
            await self._load_detail(sale_id)

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()
