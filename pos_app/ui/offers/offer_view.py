"""The offer beside the total: one sentence, the candidates where there are several, and what may be pressed."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.domain.payment import Payment
from pos_app.ui.offers.lines import MOST_CHOICES
from pos_app.ui.offers.state import Choice, Line, Tone
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.theme import GAP, set_kind
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text

_SIGNS = {Tone.OFFER: ("cash", "success"), Tone.ASK: ("exclamation", "on_checking"), Tone.NOTE: ("dots", "text")}


class OfferBar(QWidget):
    """One stands in the cart and one in the payment panel; whichever can be seen speaks."""

    def __init__(self, model: OfferViewModel) -> None:
        super().__init__()
        self._model = model
        self._line: Line | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("offer", str(Tone.OFFER))
        self.sign, self.sentence = Glyph("cash", "success", 24), Text("", "strong", wrap=True)
        self.choices = [self._choice_button(at) for at in range(MOST_CHOICES)]
        self.accept = Button("Accept", "primary", on_click=model.accept)
        self.close_button = Button("Close", name="Close, Escape", on_click=model.close)
        self._lay_out()
        model.changed.connect(self.render_state)
        model.announced.connect(self._announce)
        self.render_state()

    def _choice_button(self, at: int) -> Button:
        button = Button("", on_click=lambda: self._take(at))
        button.setCheckable(True)
        return button

    def _take(self, at: int) -> None:
        payment: Payment | None = self._line.choices[at].payment if self._line else None
        if payment is not None:
            self._model.take(payment)

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 8, 8)
        box.setSpacing(GAP)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.sentence, 1)
        top.addWidget(self.accept)
        top.addWidget(self.close_button)
        box.addLayout(top)
        for button in self.choices:
            box.addWidget(button)

    @Slot()
    def render_state(self) -> None:
        line = self._model.line
        if line is not None and line != self._line:
            self._show(line)
        self._line = line
        self.setVisible(line is not None)

    def _show(self, line: Line) -> None:
        set_kind(self, str(line.tone), "offer")
        self.sign.show_sign(*_SIGNS[line.tone])
        self.sentence.setText(line.said.english)
        self.setAccessibleName(line.said.english)
        self.setAccessibleDescription(line.said.swahili)
        self.accept.setVisible(line.accepts)
        self.accept.setText("Accept  Enter" if line.by_enter else "Accept")
        self.accept.setAccessibleName("Accept, Enter" if line.by_enter else "Accept")
        self.close_button.setVisible(line.closes)
        for at, button in enumerate(self.choices):
            choice = line.choices[at] if at < len(line.choices) else None
            button.setVisible(choice is not None)
            if choice is not None:
                _show_choice(button, choice)

    def _announce(self, sentence: str) -> None:
        if self.isVisible():
            announce(self, sentence)


def _show_choice(button: Button, choice: Choice) -> None:
    button.setText(choice.words.replace("&", "&&"))
    button.setAccessibleName(choice.words)
    button.setChecked(choice.picked)
