"""The pages at the door: signing in, the first owner, the recovery key, and what to do when a PIN is forgotten."""

from collections.abc import Callable
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from pos_app.domain.staff import Person
from pos_app.ui.staff.view_model import EntranceViewModel
from pos_app.ui.staff.words import ROLES
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button, Choice
from pos_app.ui.widgets.fields import Field
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.keypad import Keypad
from pos_app.ui.widgets.labels import Text

_WIDTH, _WIDE = 640, 920
_IN_A_ROW = 2
_RING = 6
"""What a ring needs around a tile that can be scrolled."""


class DoorPage(QWidget):
    """A column in the middle of the window."""

    def __init__(self, model: EntranceViewModel, title: str, width: int = _WIDTH) -> None:
        super().__init__()
        self.model = model
        self.title, self.problem = Text(title, "title"), Text("", "error", wrap=True)
        inner = QWidget()
        inner.setFixedWidth(width)
        self.column = QVBoxLayout(inner)
        self.column.setSpacing(2 * GAP)
        self.column.addWidget(self.title)
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(inner)
        middle.addStretch(1)
        box = QVBoxLayout(self)
        box.addStretch(1)
        box.addLayout(middle)
        box.addStretch(2)
        model.changed.connect(self.show_state)

    def show_state(self) -> None:
        tell(self.problem, f"! {self.model.state.problem}" if self.model.state.problem else "")


def secret(name: str, entered: Callable[[str], object]) -> Field:
    field = Field(name)
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setMaxLength(64)
    field.entered.connect(entered)
    return field


def captioned(column: QVBoxLayout, words: str, field: QWidget) -> None:
    caption = Text(words, "strong")
    caption.setBuddy(field)
    both = QVBoxLayout()
    both.setSpacing(GAP)
    both.addWidget(caption)
    both.addWidget(field)
    column.addLayout(both)


class SignInPage(DoorPage):
    """Who, on the left; the PIN, with digits to touch, on the right."""

    forgotten = Signal()

    def __init__(self, model: EntranceViewModel) -> None:
        super().__init__(model, "Who is at the till?", _WIDE)
        self.title.setContentsMargins(_RING, 0, 0, 0)
        self.tiles: dict[int, Choice] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(GAP)
        self.pin = secret("PIN", lambda _text: self._enter())
        self.practice = Text("", "muted")
        self.submit = Button("Sign in  ·  Enter", "primary", name="Sign in", on_click=self._enter)
        self.forgot = Button("I forgot my PIN", "quiet", on_click=self.forgotten.emit)
        row = QHBoxLayout()
        row.setSpacing(4 * GAP)
        row.addWidget(self._people(), 1)
        row.addLayout(self._proof(), 1)
        self.column.addLayout(row)

    def _people(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(_RING, _RING, _RING, _RING)
        column.addLayout(self._grid)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setAccessibleName("Who works here")
        return area

    def _proof(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(GAP)
        captioned(column, "PIN", self.pin)
        column.addWidget(self.practice)
        column.addWidget(self.problem)
        keypad = Keypad(self.pin, "")
        keypad.setFixedHeight(240)
        column.addWidget(keypad)
        foot = QHBoxLayout()
        foot.addWidget(self.forgot)
        foot.addStretch(1)
        foot.addWidget(self.submit)
        column.addLayout(foot)
        column.addStretch(1)
        return column

    def show_state(self) -> None:
        super().show_state()
        state = self.model.state
        if tuple(self.tiles) != tuple(one.id for one in state.people):
            self._fill(state.people)
        for person_id, tile in self.tiles.items():
            tile.setChecked(person_id == state.chosen)
        self.practice.show_text(f"Practice PIN: {state.practice_pin}" if state.practice_pin else "")
        if state.problem and not state.working:
            self.pin.clear()

    def _fill(self, people: tuple[Person, ...]) -> None:
        for tile in self.tiles.values():
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self.tiles = {one.id: self._tile(one) for one in people}
        for position, tile in enumerate(self.tiles.values()):
            self._grid.addWidget(tile, position // _IN_A_ROW, position % _IN_A_ROW)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """As it is read. Outside the window Qt takes the order for a circle, which has no beginning."""
        for before, after in pairwise([*self.tiles.values(), self.pin, self.forgot, self.submit]):
            QWidget.setTabOrder(before, after)

    def _tile(self, person: Person) -> Choice:
        words = f"{person.name}\n{ROLES[person.role]}"
        tile = Choice(words, scale="tall", on_click=lambda: self._choose(person.id))
        tile.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        return tile

    def _choose(self, person_id: int) -> None:
        self.model.choose(person_id)
        self.pin.clear()
        self.pin.setFocus()

    def _enter(self) -> None:
        self.model.sign_in(self.pin.text())
        self.pin.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._order_tabs()
        self.pin.clear()
        self.pin.setFocus()


class FirstOwnerPage(DoorPage):
    def __init__(self, model: EntranceViewModel) -> None:
        super().__init__(model, "Who owns this till?")
        about = (
            "The owner decides who works here and what each may do. Use a PIN of at least 8 digits, or a phrase of at "
            "least 12 characters, that nobody can guess. A recovery key follows, to be printed and kept away from the "
            "till."
        )
        self.column.addWidget(Text(about, "muted", wrap=True))
        self.name = Field("Your name")
        self.name.setMaxLength(40)
        self.pin, self.again = (secret(words, lambda _text: self._enter()) for words in ("PIN", "PIN again"))
        self.name.entered.connect(lambda _text: self.pin.setFocus())
        for words, field in (("Your name", self.name), ("PIN", self.pin), ("The PIN once more", self.again)):
            captioned(self.column, words, field)
        self.column.addWidget(self.problem)
        self.submit = Button("Set up", "primary", on_click=self._enter)
        self.column.addWidget(self.submit, 0, Qt.AlignmentFlag.AlignRight)

    def _enter(self) -> None:
        if not self.again.text():
            self.again.setFocus()
            return
        self.model.set_up(self.name.text(), self.pin.text(), self.again.text())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.name.setFocus()


class RecoveryKeyPage(DoorPage):
    """The key is shown once; the till opens when somebody has read its end from paper."""

    print_wanted = Signal(str)

    def __init__(self, model: EntranceViewModel) -> None:
        super().__init__(model, "The recovery key")
        about = (
            "Whoever has this key can become the owner of this till, and without it a forgotten PIN cannot be mended. "
            "Print it or write it down, keep it away from the till, and do not photograph it. It is not shown again."
        )
        self.column.addWidget(Text(about, "", wrap=True))
        self.key = Text("", "name", wrap=True)
        self.key.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.column.addWidget(self.key)
        row = QHBoxLayout()
        self.print = Button("Print", on_click=lambda: self.print_wanted.emit(model.state.recovery))
        row.addStretch(1)
        row.addWidget(self.print)
        row.addStretch(1)
        self.column.addLayout(row)
        self.end = Field("The last five characters of the key")
        self.end.setMaxLength(5)
        self.end.entered.connect(lambda _text: self._confirm())
        captioned(self.column, "Type its last five characters, from the paper", self.end)
        self.column.addWidget(self.problem)
        self.submit = Button("The key is on paper", "primary", on_click=self._confirm)
        self.column.addWidget(self.submit, 0, Qt.AlignmentFlag.AlignRight)

    def show_state(self) -> None:
        super().show_state()
        self.key.setText(_in_two_lines(self.model.state.recovery))

    def _confirm(self) -> None:
        self.model.confirm(self.end.text())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.end.clear()
        self.end.setFocus()


def _in_two_lines(key: str) -> str:
    groups = key.split("-")
    return "\n".join("-".join(groups[at : at + 3]) for at in range(0, len(groups), 3))


class ForgottenPage(DoorPage):
    """A cashier is helped by a manager; an owner helps himself with the key that was printed."""

    left = Signal()

    def __init__(self, model: EntranceViewModel) -> None:
        super().__init__(model, "A forgotten PIN")
        about = (
            "Cashiers, supervisors and auditors ask a manager; managers ask an owner: a new PIN is given under Staff. "
            "An owner types the recovery key that was printed at set-up, and a new PIN."
        )
        self.column.addWidget(Text(about, "muted", wrap=True))
        self.owners: dict[int, Choice] = {}
        self._row = QHBoxLayout()
        self.column.addLayout(self._row)
        self.key = Field("Recovery key", "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")
        self.key.setMaxLength(50)
        self.pin, self.again = (secret(words, lambda _text: self._enter()) for words in ("New PIN", "New PIN again"))
        for words, field in (("Recovery key", self.key), ("New PIN", self.pin), ("Once more", self.again)):
            captioned(self.column, words, field)
        self.column.addWidget(self.problem)
        row = QHBoxLayout()
        self.submit = Button("Give me a new PIN", "primary", on_click=self._enter)
        row.addWidget(Button("Back  ·  Esc", name="Back", on_click=self.left.emit))
        row.addStretch(1)
        row.addWidget(self.submit)
        self.column.addLayout(row)
        self.key.entered.connect(lambda _text: self.pin.setFocus())
        QShortcut(QKeySequence("Esc"), self, self.left.emit, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._chosen: int | None = None

    def show_state(self) -> None:
        super().show_state()
        state = self.model.state
        if tuple(self.owners) != tuple(one.id for one in state.owners):
            for old in self.owners.values():
                self._row.removeWidget(old)
                old.deleteLater()
            self.owners = {one.id: self._tile(one) for one in state.owners}
            self._chosen = next(iter(self.owners), None)
            for tile in self.owners.values():
                self._row.addWidget(tile)
        for person_id, tile in self.owners.items():
            tile.setChecked(person_id == self._chosen)

    def _tile(self, owner: Person) -> Choice:
        return Choice(owner.name, on_click=lambda: self._choose(owner.id))

    def _choose(self, person_id: int) -> None:
        self._chosen = person_id
        self.show_state()

    def _enter(self) -> None:
        if not self.again.text():
            self.again.setFocus()
            return
        self.model.recover(self.key.text(), self._chosen, self.pin.text(), self.again.text())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        for field in (self.key, self.pin, self.again):
            field.clear()
        self.show_state()
        self.key.setFocus()
