"""Somebody who may allows one thing in place: a bar across the screen, so that the cashier stays signed in."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QKeyEvent, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person
from pos_app.services.changes import ActionDenied, Changes, SessionChanged
from pos_app.services.staff import Staff
from pos_app.ui.staff.entrance import secret
from pos_app.ui.staff.words import action_words, named
from pos_app.ui.tasks import OneAtATime, Tasks
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text


class AllowModel(QObject):
    """`action` is what waits for somebody's PIN; None when nothing does."""

    changed = Signal()

    def __init__(
        self, staff: Staff, changes: Changes, tasks: Tasks, *, practice: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self._staff, self._tasks = staff, tasks
        self._once = OneAtATime(tasks)
        self.practice = practice or {}
        self.action: Action | None = None
        self.sentence = self.problem = self.done = ""
        self.people: tuple[Person, ...] = ()
        changes.subscribe(ActionDenied, self._on_denied)
        changes.subscribe(SessionChanged, lambda _change: self.dismiss())

    def allow(self, person_id: int, pin: str) -> None:
        if self.action is not None and pin:
            self._once.start(self._allow(self.action, person_id, pin), "allow in place")

    def dismiss(self) -> None:
        self._show(action=None, sentence="", problem="", done="")

    def _on_denied(self, denied: ActionDenied) -> None:
        self._tasks.start(self._ask(denied), "who may allow it")

    async def _ask(self, denied: ActionDenied) -> None:
        people = tuple(one for one in await self._staff.people() if one.may(denied.action))
        self._show(action=denied.action, sentence=denied.sentence, people=people, problem="", done="")

    async def _allow(self, action: Action, person_id: int, pin: str) -> None:
        answer = await self._staff.allow(action, person_id, pin)
        if isinstance(answer, Refused):
            self._show(problem=answer.sentence)
        else:
            done = f"{answer.by.name} allows you to {action_words(action)}, once, within a minute. Press it again."
            self._show(action=None, sentence="", problem="", done=done)

    def _show(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.changed.emit()


class AllowBar(QWidget):
    """Stands under the status bar until it is used or dismissed; Esc in its field dismisses it."""

    def __init__(self, model: AllowModel) -> None:
        super().__init__()
        self._model = model
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "notice")
        self.sentence, self.problem = Text("", "strong", wrap=True), Text("", "", wrap=True)
        self.people = QComboBox()
        self.people.setAccessibleName("Who allows it")
        self.people.setMinimumHeight(48)
        self.people.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.pin = secret("PIN of who allows it", lambda _text: self._allow())
        self.pin.setFixedWidth(160)
        self.pin.installEventFilter(self)
        self.button = Button("Allow", "primary", on_click=self._allow)
        self.close_button = Button("Dismiss", on_click=model.dismiss)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.sentence, 1)
        for widget in (self.people, self.pin, self.button, self.close_button):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 8, 4)
        column.addLayout(row)
        column.addWidget(self.problem)
        model.changed.connect(self.show_state)
        self.show_state()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Esc in the field is the bar’s, before the page below takes it."""
        is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if is_escape and event.type() is QEvent.Type.ShortcutOverride:
            event.accept()
            self._model.dismiss()
            return True
        return False

    def show_state(self) -> None:
        model, asking = self._model, self._model.action is not None
        was_hidden = self.isHidden()
        self.setVisible(asking or bool(model.done))
        for widget in (self.people, self.pin, self.button):
            widget.setVisible(asking)
        self.sentence.setText(model.sentence or f"✓ {model.done}")
        self._list_people()
        tell(self.problem, f"! {model.problem}" if model.problem else "")
        if asking and was_hidden:
            announce(self, model.sentence)
        if asking:
            self.pin.clear()
            self.pin.setPlaceholderText(self._practice_pin() or "PIN")
            self.pin.setFocus()

    def _list_people(self) -> None:
        wanted = [(named(one), one.id) for one in self._model.people]
        if wanted != [(self.people.itemText(at), self.people.itemData(at)) for at in range(self.people.count())]:
            self.people.clear()
            for words, person_id in wanted:
                self.people.addItem(words, person_id)

    def _practice_pin(self) -> str:
        found = next((one for one in self._model.people if one.id == self.people.currentData()), None)
        return self._model.practice.get(found.name, "") if found else ""

    def _allow(self) -> None:
        if self.people.currentData() is not None:
            self._model.allow(self.people.currentData(), self.pin.text())
