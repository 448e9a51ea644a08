"""Somebody who may allows one thing in place: a bar across the screen, so that the cashier stays signed in."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person
from pos_app.services.changes import ActionDenied, Changes, PermitUsed, SessionChanged
from pos_app.services.staff import Staff
from pos_app.ui.staff.prover import Prover
from pos_app.ui.staff.words import action_words
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
        for over in (SessionChanged, PermitUsed):
            changes.subscribe(over, lambda _change: self.dismiss())

    def allow(self, person_id: int, pin: str) -> None:
        if self.action is not None and pin:
            self._once.start(self._allow(self.action, person_id, pin), "allow in place")

    def dismiss(self) -> None:
        if self.action is not None or self.done:
            self._show(action=None, sentence="", problem="", done="")

    def _on_denied(self, denied: ActionDenied) -> None:
        self._tasks.start(self._ask(denied), "who may allow it")

    async def _ask(self, denied: ActionDenied) -> None:
        people = tuple(one for one in await self._staff.people() if one.may(denied.action))
        sentence = f"You may not {action_words(denied.action)}. Nothing was done. Who allows it, once?"
        self._show(action=denied.action, sentence=sentence, people=people, problem="", done="")

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
        self.prover = Prover("Who allows it", model.practice)
        self.prover.entered.connect(self._allow)
        self.people, self.pin = self.prover.people, self.prover.pin
        self.pin.installEventFilter(self)
        self._is_taken = False
        self._before: QWidget | None = None
        self.button = Button("Allow", "primary", on_click=self._allow)
        self.close_button = Button("Dismiss", on_click=model.dismiss)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.sentence, 1)
        for widget in (self.prover, self.button, self.close_button):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 8, 4)
        column.addLayout(row)
        column.addWidget(self.problem)
        model.changed.connect(self.show_state)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._keep_keyboard)
        self.show_state()

    @Slot(QWidget, QWidget)
    def _keep_keyboard(self, old: QWidget | None, now: QWidget | None) -> None:
        """A page that turns by itself, as PAID does, would have the rest of a PIN read in the sale.

        It has the keys once the bar needs them no more.
        """
        if old is self.pin and self._is_taken and self._model.action is not None:
            self._before = now or self._before
            self.pin.setFocus()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Esc in the field is the bar’s, before the page below takes it."""
        if isinstance(event, QFocusEvent) and event.type() is QEvent.Type.FocusOut:
            self._is_taken = event.reason() is Qt.FocusReason.OtherFocusReason
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
        for widget in (self.prover, self.button):
            widget.setVisible(asking)
        self.sentence.setText(model.sentence or f"✓ {model.done}")
        self.prover.show_people(model.people)
        tell(self.problem, f"! {model.problem}" if model.problem else "")
        if asking and was_hidden:
            self._before = self.window().focusWidget()
            announce(self, model.sentence)
        if asking:
            self.pin.clear()
            self.pin.setFocus()
        elif self._before is not None:
            self._give_back(self._before)

    def _give_back(self, before: QWidget) -> None:
        """The keys, to what had them: there it is pressed again."""
        self._before = None
        if isValid(before) and before.isVisible() and before.isEnabled():
            before.setFocus()
        else:
            self.focusNextChild()

    def _allow(self) -> None:
        if self.prover.person_id is not None:
            self._model.allow(self.prover.person_id, self.pin.text())
