"""The find zone: one field for names, barcodes and amounts, tiles to touch, and a product added in its place."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from pos_app.domain.catalogue import NAME_MAX, Product
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.sale.meaning import is_code
from pos_app.ui.sale.state import NewProduct, SellState
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.theme import GAP, text_font, tokens
from pos_app.ui.widgets.buttons import Button, KeyButton
from pos_app.ui.widgets.fields import Field, NumberField
from pos_app.ui.widgets.glyph import Glyph
from pos_app.ui.widgets.labels import Text, tooltip
from pos_app.ui.widgets.touch import scroll_by_touch

TILE = (120, 96)
MOST_TILES = 240
_STRIPE = 6
_EDIT_KEYS = {Qt.Key.Key_Plus: 1, Qt.Key.Key_Minus: -1}
_MOVE_KEYS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


class SearchField(Field):
    """Also the keyboard of the cart: while it is empty, + − Delete and the arrows work on the selected line."""

    def __init__(self, model: SaleViewModel, offers: OfferViewModel) -> None:
        super().__init__("Find a product, scan, or type an amount", "Scan, type an amount, or find a product", "large")
        self._model, self._offers = model, offers
        self.setTextMargins(36, 0, 0, 0)
        self._sign = Glyph("search", "muted", 24, self)
        self.textEdited.connect(lambda _text: model.search(self.text()))
        self.textChanged.connect(lambda _text: offers.typed())
        self.entered.connect(self._enter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._sign.move(14, (self.height() - 24) // 2)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _MOVE_KEYS and not self.text() and self._offers.move(_MOVE_KEYS[key]):
            return
        if key in _MOVE_KEYS:
            self._model.move(_MOVE_KEYS[key])
        elif not self.text() and key in _EDIT_KEYS:
            self._model.change_quantity(_EDIT_KEYS[key])
        elif not self.text() and key is Qt.Key.Key_Delete:
            self._model.remove(self._model.state.selected)
        else:
            super().keyPressEvent(event)

    def _enter(self, text: str) -> None:
        if text.strip():
            self._model.enter(text)
        else:
            self._offers.enter()


class Tile(Button):
    """A product to touch: at most two lines of name, and its price."""

    def __init__(self, model: SaleViewModel, product: Product) -> None:
        super().__init__("", name=f"{product.name}, {product.price}", on_click=lambda: model.pick(self.product))
        self.product = product
        self.setMinimumSize(*TILE)
        self.setToolTip(tooltip(product.name))

    def show_product(self, product: Product) -> None:
        if product != self.product:
            self.product = product
            self.setAccessibleName(f"{product.name}, {product.price}")
            self.setToolTip(tooltip(product.name))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme, painter = tokens(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border))
        painter.drawRoundedRect(QRect(7, 10, _STRIPE - 2, self.height() - 20), 2, 2)
        box = self.rect().adjusted(_STRIPE + 12, 8, -8, -8)
        painter.setPen(QColor(theme.text))
        painter.setFont(text_font(16))
        name = QRect(box.left(), box.top(), box.width(), 44)
        painter.drawText(name, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, self._two_lines(name.width()))
        painter.setFont(text_font(18, QFont.Weight.Bold))
        painter.drawText(box, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, self.product.price.plain)
        painter.end()

    def _two_lines(self, width: int) -> str:
        metrics = self.fontMetrics()
        words, first = self.product.name.split(), ""
        while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
            first = f"{first} {words.pop(0)}".strip()
        if not first:
            return metrics.elidedText(self.product.name, Qt.TextElideMode.ElideRight, width)
        return first + "\n" + metrics.elidedText(" ".join(words), Qt.TextElideMode.ElideRight, width)


class Tiles(QScrollArea):
    """As many columns as fit; tiles are kept and told another product, not made anew."""

    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        self._model = model
        self.tiles: list[Tile] = []
        self._shown: tuple[Product, ...] | None = None
        self.setWidgetResizable(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._field = QWidget()
        self.setWidget(self._field)
        scroll_by_touch(self.viewport())

    def show_products(self, products: tuple[Product, ...]) -> None:
        shown = products[:MOST_TILES]
        if shown == self._shown:
            return
        self._shown = shown
        while len(self.tiles) < len(shown):
            tile = Tile(self._model, shown[len(self.tiles)])
            tile.setParent(self._field)
            self.tiles.append(tile)
        for position, tile in enumerate(self.tiles):
            tile.setVisible(position < len(shown))
            if position < len(shown):
                tile.show_product(shown[position])
        self._arrange(len(shown))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(sum(not tile.isHidden() for tile in self.tiles))

    def _arrange(self, count: int) -> None:
        """Tiles of one width fill the row, so that the grid ends where the search field does."""
        least, height = TILE
        room = self.viewport().width() - 2 * GAP
        columns = max(1, (room + GAP) // (least + GAP))
        width = (room + GAP) // columns - GAP
        for position, tile in enumerate(self.tiles[:count]):
            row, column = divmod(position, columns)
            tile.resize(width, height)
            tile.move(GAP + column * (width + GAP), GAP + row * (height + GAP))
        rows = -(-count // columns)
        self._field.resize(self.viewport().width(), rows * (height + GAP) + GAP)


class AddProduct(QWidget):
    """Name, price, Enter: an unknown barcode becomes a product and goes into the cart."""

    def __init__(self, model: SaleViewModel) -> None:
        super().__init__()
        self._model = model
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "surface")
        self.heading, self.barcode = Text("New product", "title"), Text("", "muted")
        self.name = Field("Name of the product", "Name, for example Milk 500 ml", "large")
        self.name.setMaxLength(NAME_MAX)
        self.price = NumberField("Price in shillings", "Price, for example 60", scale="large", longest=9)
        self.error = Text("", "error", wrap=True)
        self.save = KeyButton("Add to the sale", "Enter", "primary", self._save)
        self.cancel = KeyButton("Cancel", "Esc", "", model.cancel_adding)
        self.name.entered.connect(lambda _text: self.price.setFocus())
        self.price.entered.connect(lambda _text: self._save())
        self._lay_out()

    def _lay_out(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 24)
        box.setSpacing(12)
        for widget in (self.heading, self.barcode, self.name, self.price, self.error):
            box.addWidget(widget)
        keys = QHBoxLayout()
        keys.setSpacing(GAP)
        keys.addWidget(self.cancel, 2)
        keys.addWidget(self.save, 3)
        box.addLayout(keys)
        self.error.hide()

    def open(self, adding: NewProduct) -> None:
        self.name.clear()
        self.price.clear()
        self.barcode.show_text(f"Barcode {adding.barcode} is not known yet." if adding.barcode else "")
        self.name.setFocus()

    def _save(self) -> None:
        self._model.save_product(self.name.text(), self.price.text())


class FindZone(QWidget):
    def __init__(self, model: SaleViewModel, offers: OfferViewModel) -> None:
        super().__init__()
        self._model = model
        self._adding = False
        self.setMinimumWidth(620)
        self.search, self.tiles, self.add = SearchField(model, offers), Tiles(model), AddProduct(model)
        self.new = Button("New product", scale="tall", name="New product, Control N", on_click=model.begin_adding)
        self.new.setToolTip("Ctrl+N")
        self.empty = Text("", "muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        for page in (self.tiles, self.empty, _at_top(self.add)):
            self._pages.addWidget(page)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.setContentsMargins(GAP, 0, GAP, 0)
        top.addWidget(self.search, 1)
        top.addWidget(self.new)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 12, 0, 0)
        box.setSpacing(4)
        box.addLayout(top)
        box.addWidget(self._pages, 1)

    def show_state(self, state: SellState) -> None:
        if self.search.text() != state.search:
            self.search.setText(state.search)
        self.tiles.show_products(state.products)
        self.empty.setText(_nothing(state))
        page = 2 if state.adding else 0 if state.products else 1
        self._pages.setCurrentIndex(page)
        if state.adding is not None:
            self.add.error.show_text(state.adding.error)
            if not self._adding:
                self.add.open(state.adding)
        elif self._adding:
            self.search.setFocus()
        self._adding = state.adding is not None


def _nothing(state: SellState) -> str:
    if is_code(state.search):
        return f"Enter looks up the M-Pesa code {state.search.strip().upper()}."
    if state.search.strip():
        return f"Nothing matches “{state.search.strip()}”.\nEnter adds an amount; Ctrl+N adds a new product."
    return "No products yet.\nType an amount and press Enter, or scan: an unknown barcode is added here."


def _at_top(widget: QWidget) -> QWidget:
    page = QWidget()
    box = QVBoxLayout(page)
    box.setContentsMargins(8, 8, 8, 8)
    box.addWidget(widget)
    box.addStretch(1)
    return page
