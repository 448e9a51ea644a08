"""Two people who have looked at the M-Pesa statement say what it shows of a refund that nobody knows of."""

from collections.abc import Callable, Mapping
from datetime import datetime

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from pos_app.domain.refund import Refund
from pos_app.domain.staff import Person
from pos_app.ui.history.words import full_time
from pos_app.ui.refund.view_model import attested_from
from pos_app.ui.staff.prover import Prover
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_NOW = "Two people look at the M-Pesa statement, then say here what it shows of this refund. Each types the own PIN."
_LATER = "If Safaricom has not said it by {when}, two people look at the M-Pesa statement and say here what it shows."
Attest = Callable[[tuple[int, str], tuple[int, str], bool], object]


class Attesting(QFrame):
    def __init__(self, attest: Attest, practice: Mapping[str, str] | None) -> None:
        super().__init__()
        self.setProperty("panel", "surface")
        self._attest = attest
        self.about = Text("", "muted", wrap=True)
        self.first, self.second = (Prover(name, practice) for name in ("First person", "Second person"))
        self.paid = Button("It was paid", on_click=lambda: self._say(paid=True))
        self.not_paid = Button("It was not paid", on_click=lambda: self._say(paid=False))
        self._fields = QWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(GAP)
        column.addWidget(self.about)
        column.addWidget(self._fields)
        self._lay_out()

    def show_refund(self, refund: Refund, people: tuple[Person, ...], now: datetime) -> None:
        """`people` are who may say it."""
        begins = attested_from(refund)
        self.setVisible(begins is not None)
        if begins is None:
            return
        self._fields.setVisible(now >= begins)
        self.about.setText(_NOW if now >= begins else _LATER.format(when=full_time(begins)))
        for chosen, prover in enumerate((self.first, self.second)):
            prover.show_people(people, chosen)

    def _say(self, *, paid: bool) -> None:
        self._attest(self.first.take(), self.second.take(), paid)

    def _lay_out(self) -> None:
        inside = QVBoxLayout(self._fields)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GAP)
        for widgets in (
            (self.first,),
            (self.second,),
            (Text("The statement says:", "strong"), self.paid, self.not_paid),
        ):
            row = QHBoxLayout()
            row.setSpacing(2 * GAP)
            for widget in widgets:
                row.addWidget(widget)
            row.addStretch(1)
            inside.addLayout(row)
