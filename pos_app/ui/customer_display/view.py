"""The window that faces the customer: the shop's name, and below it the page of the moment; it takes no keyboard."""

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QFont, QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from pos_app.ui.customer_display import words
from pos_app.ui.customer_display.pages import DisplayPage, MessagePage, PaidPage, PayPage
from pos_app.ui.customer_display.state import Scene
from pos_app.ui.customer_display.view_model import DisplayViewModel
from pos_app.ui.theme import text_font
from pos_app.ui.widgets.labels import Elided, Text

FRAME = 6
SIZE = (1024, 600)
SMALLEST = (640, 400)
_DESIGNED = (1366, 768)
_NAME_PIXELS = 36


class CustomerDisplay(QWidget):
    def __init__(self, model: DisplayViewModel, *, training: bool) -> None:
        super().__init__()
        self._model = model
        self.setWindowTitle("Customer display – TRAINING" if training else "Customer display")
        self.setWindowFlags(Qt.WindowType.Window | Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        # The till ends when its own window closes, whatever still faces the customer.
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setMinimumSize(*SMALLEST)
        self.resize(*SIZE)
        self.shop_name = Elided()
        self.training = Text(words.together(words.PRACTICE)) if training else None
        self.pay, self.message, self.paid = PayPage(), MessagePage(), PaidPage()
        self.pages = QStackedWidget()
        self._lay_out()
        model.changed.connect(self.show_state)

    def _lay_out(self) -> None:
        margin = FRAME if self.training is not None else 0
        frame = QVBoxLayout(self)
        frame.setContentsMargins(margin, margin, margin, margin)
        inside = QWidget()
        frame.addWidget(inside)
        for widget, ground in ((self, "training" if margin else "page"), (inside, "page")):
            widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
            widget.setProperty("frame", ground)
        top = QHBoxLayout()
        top.addWidget(self.shop_name, 1)
        if self.training is not None:
            top.addWidget(_on_training_ground(self.training))
        box = QVBoxLayout(inside)
        box.setContentsMargins(32, 20, 32, 28)
        box.setSpacing(12)
        box.addLayout(top)
        for page in (self.pay, self.message, self.paid):
            self.pages.addWidget(page)
        box.addWidget(self.pages, 1)

    def _page_of(self, scene: Scene) -> DisplayPage:
        if scene is Scene.PAID:
            return self.paid
        return self.pay if scene in {Scene.IDLE, Scene.TOTAL} else self.message

    def show_state(self) -> None:
        state = self._model.state
        self.shop_name.setText(state.shop_name)
        page = self._page_of(state.scene)
        page.show_state(state)
        self.pages.setCurrentWidget(page)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._scale()

    def changeEvent(self, event: QEvent) -> None:
        """Another theme takes the fonts off, from this window first."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange:
            QTimer.singleShot(0, self, self._scale)

    def _scale(self) -> None:
        factor = min(self.width() / _DESIGNED[0], self.height() / _DESIGNED[1])
        self.shop_name.setFont(text_font(round(_NAME_PIXELS * factor), QFont.Weight.DemiBold))
        for page in (self.pay, self.message, self.paid):
            page.scale(factor)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._model.attend(True)
        self.show_state()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._model.attend(False)


def _on_training_ground(word: Text) -> QWidget:
    ground = QWidget()
    ground.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    ground.setProperty("panel", "training")
    row = QHBoxLayout(ground)
    row.setContentsMargins(12, 4, 12, 4)
    row.addWidget(word)
    return ground
