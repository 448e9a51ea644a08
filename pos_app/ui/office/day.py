"""The end of the day: closed with one press, and then the slip that says where the record ends, to be kept outside."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from pos_app.domain.day_slip import DaySlip
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.ui.office.part import Part
from pos_app.ui.receipt.view import ReceiptView
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.tasks import OneAtATime, Tasks
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text

if TYPE_CHECKING:
    from pos_app.services.office import Office

_ABOUT = (
    "The till asks M-Pesa what the accounts hold, writes into the sealed record that the day is closed, and makes a "
    "slip. Keep the slip outside this computer: it says with which entry the record ended, so that nobody can cut the "
    "record unnoticed. Sales go on as before."
)
_WORKING = "Asking M-Pesa what the accounts hold. This takes up to 15 seconds …"


class DayModel(QObject):
    changed = Signal()
    closed = Signal(DaySlip)

    def __init__(self, office: "Office", tasks: Tasks) -> None:
        super().__init__()
        self._office = office
        self._once = OneAtATime(tasks)
        self.problem, self.working = "", False

    def enter(self) -> None:
        self._set(problem="", working=self.working)

    def close(self) -> None:
        self._once.start(self._close(), "close the day")

    async def _close(self) -> None:
        self._set(problem="", working=True)
        slip: DaySlip | Refused = Refused("The day could not be closed. Sales and payments are safe. Try again.")
        try:
            slip = await self._office.day_close.close()
        finally:
            self._set(problem=slip.sentence if isinstance(slip, Refused) else "", working=False)
        if isinstance(slip, DaySlip):
            self.closed.emit(slip)

    def _set(self, *, problem: str, working: bool) -> None:
        self.problem, self.working = problem, working
        self.changed.emit()


class DayPart(Part):
    title = "Day"
    sees = Action.SEE_HISTORY

    def __init__(self, model: DayModel, slip: ReceiptViewModel) -> None:
        super().__init__()
        self._model, self._slip = model, slip
        self.close_day = Button("Close the day", "primary", scale="pay", on_click=model.close)
        self.working, self.problem = Text("", "muted", wrap=True), Text("", "error", wrap=True)
        self.start, self.slip = QWidget(), ReceiptView(slip)
        self.stack = QStackedWidget()
        self._lay_out()
        self.slip.closed.connect(self.step_back)
        model.changed.connect(self.show_state)
        model.closed.connect(self._show_slip)

    def enter(self) -> None:
        self._model.enter()

    def leave(self) -> None:
        """What the accounts hold must not stay for the next person."""
        self.stack.setCurrentWidget(self.start)

    def step_back(self) -> bool:
        if self.stack.currentWidget() is self.start:
            return False
        self.stack.setCurrentWidget(self.start)
        self.close_day.setFocus()
        return True

    def show_state(self) -> None:
        self.close_day.setEnabled(not self._model.working)
        self.working.show_text(_WORKING if self._model.working else "")
        tell(self.problem, f"! {self._model.problem}" if self._model.problem else "")

    def _show_slip(self, slip: DaySlip) -> None:
        if self.isVisible():
            self._slip.show_day(slip)
            self.stack.setCurrentWidget(self.slip)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self.start)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(2 * GAP)
        column.addWidget(Text("Close the day", "title"))
        column.addWidget(Text(_ABOUT, "", wrap=True))
        row = QHBoxLayout()
        row.addWidget(self.close_day, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.working)
        column.addWidget(self.problem)
        column.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self.stack.addWidget(self.start)
        self.stack.addWidget(self.slip)
