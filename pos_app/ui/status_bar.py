"""The bar on top: shop and cashier, the way to the pages, three lights by shape and word, and the time in Nairobi."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from pos_app.services.changes import HealthChanged, Light
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.theme import tokens
from pos_app.ui.widgets.buttons import Button, IconButton
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Elided, Number, Text

EAT = timezone(timedelta(hours=3), "EAT")
"""Kenya keeps no summer time, so no time zone data is needed."""
HEIGHT = 48
_ROOMY = 1280
_SPACE, _TIGHT_SPACE = 16, 9
_TIGHT, _TIGHT_TRAINING = 1340, 1520
"""Below it the keys of the pages are left to the help, so that no word is cut."""
_CLOCK_SECONDS = 20
_SIGNS = {
    Light.OK: ("tick", "success", ""),
    Light.SLOW: ("dots", "text", " slow"),
    Light.DOWN: ("exclamation", "danger", " down"),
    Light.OFF: ("minus", "muted", " off"),
}


class HealthLight(QWidget):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.sign, self.word = Glyph("minus", "muted", 18), Text("")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(self.sign)
        row.addWidget(self.word)
        self.show_light(Light.OFF)

    def show_light(self, light: Light) -> None:
        sign, tint, word = _SIGNS[light]
        self.sign.show_sign(sign, tint)
        self.word.setText(self._name + word)
        self.setAccessibleName(f"{self._name}: {light}")


class LightButton(Button):
    """A light that leads to the page which explains it."""

    def __init__(self, light: HealthLight, name: str) -> None:
        super().__init__("", "quiet", name=name)
        self.setToolTip(name)
        light.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.addWidget(light)

    def sizeHint(self) -> QSize:
        """A button asks for the room of its own words only."""
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()


class StatusBar(QWidget):
    def __init__(self, shop: ShopHeader, training: bool, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "bar")
        self.setFixedHeight(HEIGHT)
        self.shop = Elided("", "strong")
        self.shop.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.cashier = Button("", "quiet")
        self.cashier.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Ctrl+L does the same
        self.cashier.setToolTip("Lock, or somebody else comes: Ctrl+L")
        self.training = _training_word() if training else None
        self.phone = Button("Customer’s phone", "quiet")
        self.phone.hide()
        self.pages: list[Button] = []
        self.internet, self.relay, self.mpesa = HealthLight("Net"), HealthLight("Relay"), HealthLight("M-Pesa")
        self.network = LightButton(self.mpesa, "How M-Pesa is, Shift+F7")
        self.clock = Number("", "strong")
        self.display = IconButton("screen", "Customer display, Ctrl+D")
        self.theme = IconButton("moon", "Dark or light, F8")
        self._nav = QHBoxLayout()
        self._nav.setSpacing(0)
        self._lay_out()
        self.show_shop(shop)
        self._minute = QTimer(self, singleShot=True)
        self._minute.timeout.connect(self._tick)
        self._tick()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 4, 0)
        row.setSpacing(_SPACE)
        self._row = row
        if self.training is not None:
            row.addWidget(self.training)
            row.addWidget(self.phone)
        row.addWidget(self.shop)
        row.addWidget(self.cashier)
        row.addStretch(1)
        row.addLayout(self._nav)
        for light in (self.internet, self.relay, self.network):
            row.addWidget(light)
        row.addWidget(self.clock)
        both = QHBoxLayout()
        both.setSpacing(0)
        for button in (self.display, self.theme):
            both.addWidget(button)
        row.addLayout(both)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where room is short the customer display is left to its key, and the pages show theirs no more."""
        super().resizeEvent(event)
        self.display.setVisible(self.width() >= _ROOMY)
        self._row.setSpacing(_SPACE if self.width() >= _ROOMY else _TIGHT_SPACE)
        for button in self.pages:
            button.setText(_page_words(button, with_key=self.width() >= self._tight))

    @property
    def _tight(self) -> int:
        return _TIGHT if self.training is None else _TIGHT_TRAINING

    def add_page(self, at: int, word: str, key: str, show: Callable[[], None]) -> None:
        button = Button(f"{word}  {key}", "quiet", name=f"{word}, {key}", on_click=show)
        button.setToolTip(key)
        button.setCheckable(True)
        button.setProperty("page", at)
        self.pages.append(button)
        self._nav.addWidget(button)

    def offer_phone(self, address: str, show: Callable[[], None]) -> None:
        """Training: the page on which a learner plays the customer."""
        self.phone.setToolTip(address)
        self.phone.clicked.connect(show)
        self.phone.show()

    def mark_page(self, at: int) -> None:
        for button in self.pages:
            button.setChecked(button.property("page") == at)

    def show_locked(self, *, locked: bool) -> None:
        for button in (*self.pages, self.network):
            button.setEnabled(not locked)

    def show_shop(self, shop: ShopHeader) -> None:
        self.shop.setText(shop.shop_name or "New shop")
        self.cashier.setText(shop.cashier)
        self.cashier.setAccessibleName(f"{shop.cashier} is at the till. Lock, Ctrl+L")
        self.cashier.setVisible(bool(shop.cashier))

    def show_health(self, health: HealthChanged) -> None:
        self.internet.show_light(health.internet)
        self.relay.show_light(health.relay)
        self.mpesa.show_light(health.mpesa)

    def show_theme(self) -> None:
        self.theme.show_sign("sun" if tokens().name == "dark" else "moon")

    def _tick(self) -> None:
        now = self._clock().astimezone(EAT)
        self.clock.setText(f"{now:%H:%M}")
        self.clock.setAccessibleName(f"{now:%H:%M} East Africa Time")
        # When the minute ends, but soon enough for a clock that somebody sets.
        self._minute.start(min(60 - now.second, _CLOCK_SECONDS) * 1000)


def _page_words(button: Button, *, with_key: bool) -> str:
    word, _, key = button.accessibleName().partition(", ")
    return f"{word}  {key}" if with_key else word


def _training_word() -> QWidget:
    ground = QWidget()
    ground.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    ground.setProperty("panel", "training")
    row = QHBoxLayout(ground)
    row.setContentsMargins(12, 4, 12, 4)
    row.addWidget(Text("TRAINING"))
    return ground
