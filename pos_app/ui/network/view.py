"""The network page: the weather and the missed payments on the left, what a person has to settle on the right."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.ui.network.card_view import CardView
from pos_app.ui.network.panels import PullingPanel, WeatherPanel
from pos_app.ui.network.state import Card, Key, NetworkState
from pos_app.ui.network.view_model import ASKING, IMPORTING, NetworkViewModel
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import Foot, tell
from pos_app.ui.widgets.labels import Text

_LEFT_WIDTH = 400
_NOTHING = "✓ Nothing has to be settled. No payment is known to be missing."


class NetworkPage(QWidget):
    closed = Signal()

    def __init__(self, view_model: NetworkViewModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("panel", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._view_model = view_model
        self.weather, self.pulling = WeatherPanel(), PullingPanel(view_model.ask_now)
        self.cards: dict[Key, CardView] = {}
        self.nothing, self.more = Text(_NOTHING, "row", wrap=True), Text("", "muted", wrap=True)
        self.problem, self.said = Text("", "error", wrap=True), Text("", "strong", wrap=True)
        self.done = Button("Back  ·  Esc", name="Back", on_click=self.closed.emit)
        self.choose = Button("Import a statement …", on_click=self.choose_statement)
        self._column = QVBoxLayout()
        self._lay_out()
        QShortcut(QKeySequence("Esc"), self, self.closed.emit, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        view_model.changed.connect(lambda: self.show_state(view_model.state))
        self.show_state(view_model.state)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._view_model.enter()
        self.pulling.ask.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._view_model.leave()

    def focusInEvent(self, _event: QFocusEvent) -> None:
        """The window gives the focus to the page; the page passes it on."""
        self.pulling.ask.setFocus()

    def show_state(self, state: NetworkState) -> None:
        self.weather.show_words(state.weather)
        self.pulling.show_words(state.pulling, is_asking=ASKING in state.busy)
        self._show_cards(state)
        self.nothing.setVisible(not state.cards)
        self.more.show_text(state.more)
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        tell(self.said, f"✓ {state.said}" if state.said else "")
        self.choose.setEnabled(IMPORTING not in state.busy)
        self.choose.setText("Reading the statement …" if IMPORTING in state.busy else "Import a statement …")

    def choose_statement(self) -> None:
        """The dialog is not waited for: the till goes on behind it."""
        dialog = QFileDialog(self, "The M-PESA statement, as CSV", "", "Statements (*.csv);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._view_model.import_statement(Path(name)))
        dialog.open()

    def _show_cards(self, state: NetworkState) -> None:
        wanted = {card.key: card for card in state.cards}
        for key in self.cards.keys() - wanted.keys():
            gone = self.cards.pop(key)
            self._column.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for position, (key, card) in enumerate(wanted.items()):
            if key not in self.cards:
                self.cards[key] = self._card(card)
                self._column.insertWidget(position, self.cards[key])
            self.cards[key].show_card(card, is_busy=key in state.busy)

    def _card(self, card: Card) -> CardView:
        act = self.choose_statement if card.key[0] == "task" else partial(self._view_model.act, card.key)
        return CardView(card, act, partial(self._view_model.note, card.key))

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(2 * GAP)
        left.addWidget(self.weather)
        left.addWidget(self.pulling)
        left.addStretch(1)
        self._column.setSpacing(2 * GAP)
        self._column.addWidget(self.nothing)
        self._column.addWidget(self.more)
        self._column.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(_scrolled("How M-Pesa is", left, _LEFT_WIDTH))
        row.addWidget(_scrolled("What has to be settled", self._column), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(Foot(self.problem, self.done, self.said, self.choose))


def _scrolled(name: str, column: QVBoxLayout, width: int | None = None) -> QScrollArea:
    column.setContentsMargins(24, 24, 24, 24)
    inside = QWidget()
    inside.setLayout(column)
    area = QScrollArea()
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setAccessibleName(name)
    if width is not None:
        area.setFixedWidth(width + 2 * 24)
    return area
