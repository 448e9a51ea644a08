"""Somebody of a list, and the field for their PIN; whether it is right is not known here."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from pos_app.domain.staff import Person
from pos_app.ui.staff.entrance import secret
from pos_app.ui.staff.words import named
from pos_app.ui.theme import GAP

_PIN_WIDTH = 150


class Prover(QWidget):
    entered = Signal()

    def __init__(self, name: str, practice: Mapping[str, str] | None = None) -> None:
        """`practice` are PINs that training shows, by name."""
        super().__init__()
        self._practice = practice or {}
        self._people: tuple[Person, ...] = ()
        self.people = QComboBox()
        self.people.setAccessibleName(name)
        self.people.setMinimumHeight(48)
        self.people.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.pin = secret(f"{name}, PIN", lambda _text: self.entered.emit())
        self.pin.setFixedWidth(_PIN_WIDTH)
        self.people.currentIndexChanged.connect(lambda _at: self._hint())
        self.people.activated.connect(lambda _at: self.pin.setFocus())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GAP)
        row.addWidget(self.people)
        row.addWidget(self.pin)
        self._hint()

    def show_people(self, people: tuple[Person, ...], chosen: int = 0) -> None:
        """`chosen` is who is there at first, by position."""
        if people == self._people:
            return
        self._people = people
        self.people.clear()
        for one in people:
            self.people.addItem(named(one), one.id)
        self.people.setCurrentIndex(min(chosen, len(people) - 1))

    @property
    def person_id(self) -> int | None:
        chosen = self.people.currentData()
        return None if chosen is None else int(chosen)

    def take(self) -> tuple[int, str]:
        """The PIN is gone from the screen then. Nobody chosen is nobody who works here."""
        told = (self.person_id or 0, self.pin.text())
        self.pin.clear()
        return told

    def _hint(self) -> None:
        found = next((one for one in self._people if one.id == self.person_id), None)
        self.pin.setPlaceholderText(self._practice.get(found.name, "PIN") if found else "PIN")
