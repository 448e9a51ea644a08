"""The sentence of an arrived payment: it floats above the rail for a moment, so that nothing on the page moves."""

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from pos_app.ui.offers.arrivals import Arrivals
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text

_MARGIN = 16


class ArrivalNote(QFrame):
    """In the lower left corner of `over`, whose size it follows; no click ends here."""

    def __init__(self, model: Arrivals, over: QWidget) -> None:
        super().__init__(over)
        self._model, self._over = model, over
        self.setProperty("offer", "note")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.english, self.swahili = Text("", "strong"), Text("", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 16, 8)
        row.setSpacing(12)
        row.addWidget(Glyph("cash", "success", 20))
        row.addWidget(self.english)
        row.addWidget(self.swahili)
        self.hide()
        over.installEventFilter(self)
        model.changed.connect(self.render_state)
        model.announced.connect(lambda sentence: announce(over, sentence))

    @Slot()
    def render_state(self) -> None:
        said = self._model.said
        if said is not None:
            self.english.setText(said.english)
            self.swahili.setText(said.swahili)
            self._place()
            self.raise_()
        self.setVisible(said is not None)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        room = self._over.width() - 2 * _MARGIN
        self.resize(min(self.sizeHint().width(), room), self.sizeHint().height())
        self.move(_MARGIN, self._over.height() - self.height() - _MARGIN)
