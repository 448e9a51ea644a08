"""The record of who did what: newest first, by kind and by word, whether it is whole, and as a file to take along."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout

from pos_app.domain.audit import AuditEntry, Event, Head
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.ui.history.words import exact_time
from pos_app.ui.office.part import Part
from pos_app.ui.staff.words import allowed_words
from pos_app.ui.tasks import OneAtATime, Soon, Tasks
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.fields import Field
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text
from pos_app.ui.widgets.rows_table import RowsTable

if TYPE_CHECKING:
    from pos_app.services.office import Office

_MOST = 300
_READ_MS = 150
COLUMNS = ("No.", "When", "What", "Who", "Allowed by", "About", "Details")
_WIDTHS = {0: 62, 1: 132, 2: 166, 3: 104, 4: 112, 5: 100}
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
EVENTS = {
    Event.SET_UP: "Till set up",
    Event.SIGNED_IN: "Signed in",
    Event.SIGNED_OUT: "Signed out",
    Event.WRONG_PIN: "Wrong PIN",
    Event.LOCKED_OUT: "Locked out",
    Event.UNLOCKED: "Unlocked",
    Event.RECOVERED: "Recovery key used",
    Event.PERSON_ADDED: "Person added",
    Event.PERSON_CHANGED: "Person changed",
    Event.PIN_CHANGED: "PIN changed",
    Event.ALLOWED: "Allowed in place",
    Event.PAYMENT_RELEASED: "Payment given back",
    Event.DOUBT_SETTLED: "Doubt settled",
    Event.REFUND_REQUESTED: "Refund prepared",
    Event.REFUND_APPROVED: "Refund released",
    Event.REFUND_DECLINED: "Refund declined",
    Event.REFUND_SENT: "Refund sent",
    Event.REFUND_ENDED: "Refund ended",
    Event.REFUND_ATTESTED: "Refund attested",
    Event.REFUNDS_OFF: "Refunds off",
    Event.REFUNDS_ON: "Refunds on",
    Event.CREDENTIALS_CHANGED: "Keys changed",
    Event.SETTINGS_CHANGED: "Settings changed",
    Event.AUDIT_EXPORTED: "Record taken along",
    Event.DAY_CLOSED: "Day closed",
}


class RecordRows(QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._words: list[tuple[str, ...]] = []

    def show_rows(self, entries: Sequence[AuditEntry], now: datetime) -> None:
        self.beginResetModel()
        self._words = [_words(entry, now) for entry in entries]
        self.endResetModel()

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._words)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        told = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)
        return self._words[index.row()][index.column()] if role in told else None

    def whole(self, row: int) -> str:
        """One entry in full, for details that no column is wide enough for."""
        return " · ".join(filter(None, self._words[row])) if 0 <= row < len(self._words) else ""


def _words(entry: AuditEntry, now: datetime) -> tuple[str, ...]:
    detail = allowed_words(entry.detail) if entry.event is Event.ALLOWED else entry.detail
    who = (entry.actor, entry.approver, entry.subject, detail)
    return (str(entry.seq), exact_time(entry.at, now), EVENTS[entry.event], *who)


def _held(anchor: Head) -> str:
    if not anchor.seq:
        return "The relay could not be asked yet whether its end was cut."
    return f"It holds entry {anchor.seq}, as the relay was told of it."


class RecordModel(QObject):
    changed = Signal()

    def __init__(self, office: "Office", tasks: Tasks, *, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._office, self._tasks, self._clock = office, tasks, clock
        self._once = OneAtATime(tasks)
        self._reading = Soon(tasks, self._read, "record", _READ_MS, self)
        self.rows = RecordRows()
        self.kind: Event | None = None
        self.text = self.problem = self.note = ""

    def enter(self) -> None:
        self.problem = self.note = ""
        self._reading.now()

    def choose(self, event: Event | None) -> None:
        self.kind = event
        self._reading.now()

    def search(self, text: str) -> None:
        self.text = text
        self._reading.call()

    def verify(self) -> None:
        self._once.start(self._verify(), "verify record")

    def export(self, path: Path) -> None:
        self._once.start(self._export(path), "export record")

    async def _read(self) -> None:
        entries = await self._office.record.newest(event=self.kind, text=self.text, limit=_MOST)
        self.rows.show_rows(entries, self._clock())
        self.changed.emit()

    async def _verify(self) -> None:
        head, anchor = await self._office.record.head(), self._office.anchoring.held
        fault = await self._office.record.verify(anchor)
        whole = (
            f"The record is whole: {head.seq} entries, none of them changed, none missing in between. {_held(anchor)}"
        )
        bad = fault.sentence if fault is not None else ""
        self._say(bad, "" if bad else whole)

    async def _export(self, path: Path) -> None:
        told = await self._office.record_export.export()
        if isinstance(told, Refused):
            self._say(told.sentence, "")
            return
        try:
            await asyncio.to_thread(path.write_text, told, encoding="utf-8")
        except OSError as error:
            self._say(f"The record could not be written ({error.strerror}). It is safe in the till.", "")
        else:
            self._say("", f"Written to {path.name}.")
        await self._read()

    def _say(self, problem: str, note: str) -> None:
        self.problem, self.note = problem, note
        self.changed.emit()


class RecordPart(Part):
    title = "Record"
    sees = Action.SEE_AUDIT

    def __init__(self, model: RecordModel) -> None:
        super().__init__()
        self._model = model
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of entry")
        self.kind.setMinimumHeight(48)
        self.kind.addItem("Everything", None)
        for event, words in EVENTS.items():
            self.kind.addItem(words, event)
        self.search = Field("Search", "A name, a refund, a code")
        self.table = RowsTable("Entries, newest first")
        self.table.setModel(model.rows)
        self.table.dress_header(_WIDTHS, len(COLUMNS) - 1)
        self.table.setWordWrap(True)
        self.whole, self.empty = Text("", "muted", wrap=True), Text("", "row", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.table.selectionModel().currentRowChanged.connect(lambda now, _old: self._show_whole(now.row()))
        self.problem, self.note = Text("", "error", wrap=True), Text("", "strong", wrap=True)
        self.verify = Button("Is it whole?", on_click=model.verify)
        self.export = Button("Take it along …", on_click=self._choose_file)
        self.kind.currentIndexChanged.connect(lambda _at: self._choose_kind())
        self.search.textEdited.connect(model.search)
        top = QHBoxLayout()
        top.setSpacing(2 * GAP)
        for widget in (Text("Who did what", "title"), self.kind):
            top.addWidget(widget)
        top.addWidget(self.search, 1)
        for button in (self.verify, self.export):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.note)
        column.addWidget(self.problem)
        column.addWidget(self.table, 1)
        column.addWidget(self.empty, 1)
        column.addWidget(self.whole)
        model.changed.connect(self.show_state)

    def enter(self) -> None:
        self._model.enter()

    def show_state(self) -> None:
        tell(self.problem, f"! {self._model.problem}" if self._model.problem else "")
        tell(self.note, f"✓ {self._model.note}" if self._model.note else "")
        found = self._model.rows.rowCount() > 0
        self.table.setVisible(found)
        self.empty.show_text("" if found else "No entry fits what is asked for.")
        if found and not self.table.currentIndex().isValid():
            self.table.selectRow(0)
        self._show_whole(self.table.currentIndex().row())

    def _choose_kind(self) -> None:
        """Qt gives a name back, whatever was put in."""
        chosen = self.kind.currentData()
        self._model.choose(Event(chosen) if chosen else None)

    def _show_whole(self, row: int) -> None:
        self.whole.show_text(self._model.rows.whole(row))

    def _choose_file(self) -> None:
        """The dialog is not waited for: the till goes on behind it."""
        dialog = QFileDialog(self, "The record, as CSV", "record.csv", "Tables (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._model.export(Path(name)))
        dialog.open()
