"""What the shop's accounts at M-Pesa hold, and what the owner must do about the API operator."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from pos_app.domain.account import AccountBalances
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services.changes import AccountsChanged, Changes, OperatorTaskChanged
from pos_app.ui.history.words import time_of
from pos_app.ui.office.part import Part
from pos_app.ui.tasks import OneAtATime, Tasks
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Number, Text

if TYPE_CHECKING:
    from pos_app.services.office import Office

_ASKED = "Asked. Safaricom answers within seconds, at times within minutes."
_NEVER = "Safaricom was not asked yet."
_HEADINGS = ("Account", "Can be spent", "In it", "Reserved", "Uncleared")


class AccountsModel(QObject):
    changed = Signal()

    def __init__(self, office: "Office", changes: Changes, tasks: Tasks, *, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._office, self._tasks, self.clock = office, tasks, clock
        self._once = OneAtATime(tasks)
        self.told: AccountBalances | None = None
        self.task = self.problem = self.note = ""
        changes.subscribe(AccountsChanged, lambda _change: self.look())
        changes.subscribe(OperatorTaskChanged, lambda _change: self.look())

    def look(self) -> None:
        self._tasks.start(self._look(), "accounts")

    def ask(self) -> None:
        self._once.start(self._do(self._office.accounts.ask, _ASKED), "ask for balances")

    def switch_on(self) -> None:
        self._once.start(self._do(self._office.refunds.switch_on, "Refunds by M-Pesa are on."), "refunds on")

    async def _look(self) -> None:
        before = self.told
        self.told, self.task = await self._office.accounts.newest(), await self._office.task()
        if self.told != before:
            self.note = ""
        self.changed.emit()

    async def _do(self, work: Callable[[], Coroutine[Any, Any, Refused | None]], done: str) -> None:
        refused = await work()
        self.problem, self.note = (refused.sentence, "") if refused else ("", done)
        await self._look()
        self.note = "" if refused else done
        self.changed.emit()


class AccountsPart(Part):
    title = "Accounts"
    sees = Action.SEE_ACCOUNTS

    def __init__(self, model: AccountsModel) -> None:
        super().__init__()
        self._model = model
        self.task, self.when = Text("", "warning", wrap=True), Text("", "muted")
        self.problem, self.note = Text("", "error", wrap=True), Text("", "strong", wrap=True)
        self.ask = Button("Ask Safaricom", "primary", on_click=model.ask)
        self.switch = Button("The operator is mended: refunds on", on_click=model.switch_on)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(3 * GAP)
        self._grid.setVerticalSpacing(GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(2 * GAP)
        column.addWidget(Text("Accounts at M-Pesa", "title"))
        column.addWidget(self.task)
        column.addWidget(self.switch, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.when)
        column.addLayout(self._grid)
        row = QHBoxLayout()
        row.addWidget(self.ask)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.note)
        column.addWidget(self.problem)
        column.addStretch(1)
        model.changed.connect(self.show_state)

    def enter(self) -> None:
        self._model.problem = self._model.note = ""
        self._model.look()

    def show_state(self) -> None:
        model = self._model
        self.task.show_text(f"! {model.task}" if model.task else "")
        self.switch.setVisible(model.task.startswith("Refunds by M-Pesa are off"))
        told = model.told
        self.when.setText(f"As Safaricom said at {time_of(told.at, model.clock())}" if told else _NEVER)
        tell(self.problem, f"! {model.problem}" if model.problem else "")
        tell(self.note, f"✓ {model.note}" if model.note else "")
        _fill(self._grid, told)


def _fill(grid: QGridLayout, told: AccountBalances | None) -> None:
    while (item := grid.takeAt(0)) is not None:
        if (old := item.widget()) is not None:
            old.deleteLater()
    if told is None:
        return
    cells: list[list[QWidget]] = [[Text(words, "muted") for words in _HEADINGS]]
    for one in told.accounts:
        figures = (one.available, one.current, one.reserved, one.uncleared)
        cells.append([Text(one.name, "strong"), *(Number(figure.plain) for figure in figures)])
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            grid.addWidget(cell, row, column, side)
    grid.setColumnStretch(len(_HEADINGS), 1)
