"""All keys on one page, and how to sell in five lines; nothing here does anything."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

KEYS = (
    (
        "Selling",
        (
            ("Scan", "Adds the product; an unknown barcode asks for name and price"),
            ("350 Enter", "Sells an amount"),
            ("Letters, Enter", "Finds a product and adds the first one"),
            ("+  −", "One more, one less of the selected line"),
            ("Ctrl+Q", "Types the quantity of the selected line"),
            ("↑  ↓", "Selects another line"),
            ("Delete", "Removes the selected line"),
            ("Ctrl+Delete", "Clears the sale"),
            ("Ctrl+N", "Adds a new product"),
            ("Ctrl+F", "Goes to the search field"),
        ),
    ),
    (
        "Paying",
        (
            ("F1", "M-Pesa: type the customer’s phone, Enter"),
            ("F2", "Cash; F2 again takes the exact amount"),
            ("F3", "Shows the shop’s number for the customer to pay to"),
            ("F10", "Lists the payments that no sale has, and gives one back"),
            ("M-Pesa code, Enter", "Says whether it came, is free, or which sale has it"),
            ("↑  ↓", "Picks one of several payments that fit; Enter accepts it"),
            ("F4", "Split: part by M-Pesa, the rest afterwards"),
            ("Enter", "Presses the green button"),
            ("Esc", "Back; a charge that is under way is parked, never lost"),
            ("F9", "Parks the sale"),
            ("Ctrl+1 … 9", "Takes up a parked sale"),
        ),
    ),
    (
        "History",
        (
            ("Scan", "A receipt, its code or an M-Pesa code opens its sale"),
            ("Letters, digits", "Searches by amount, M-Pesa code, sale number, phone or name"),
            ("↑  ↓  Enter", "Selects a sale and opens it"),
            ("F3", "Begins a refund of the sale that is open"),
            ("F11", "Reads the list again; in a sale, asks Safaricom"),
            ("F2", "Gives change for what a sale was paid too much"),
            ("F10", "Saves a receipt as PDF"),
            ("Esc", "One step back"),
        ),
    ),
    (
        "Office",
        (
            ("↑  ↓  Enter", "Selects a part, or a refund and opens it"),
            ("F10", "Prepares a refund; of one that was given back, its receipt"),
            ("PIN, Enter", "Releases a refund"),
            ("F11", "Asks Safaricom what became of a refund"),
            ("F3", "Refunds anew where nothing was given back"),
            ("Esc", "One step back"),
        ),
    ),
    (
        "Everywhere",
        (
            ("F5  F6  F7", "Sell, History, Settings"),
            ("Shift+F6", "Office: refunds, accounts, staff, the record"),
            ("Ctrl+L", "Lock, or somebody else comes"),
            ("Shift+F7", "How M-Pesa is, and what has to be settled"),
            ("F8", "Dark or light"),
            ("Ctrl+D", "Shows or hides the customer display"),
            ("F12", "This page"),
            ("Shift+F1", "How to sell"),
        ),
    ),
)
_ON_THE_LEFT = frozenset({"Selling", "History", "Office"})
STEPS = (
    "Scan the goods, touch their tiles, or type an amount such as 350 and press Enter.",
    "Press F1, type the customer’s phone number, press Enter. The customer enters the M-Pesa PIN on their own phone.",
    "Wait for the green panel that says PAID. Nothing else means that the money is here: not a message on the "
    "customer’s phone, and not a screen picture.",
    "If the panel is amber, nobody knows yet. Do not charge again. Park the sale with F9 and serve the next "
    "customer: the till goes on asking, and the tab turns green when the money is here.",
    "If the panel says that no money was taken, send it again, or take cash with F2.",
)


class HelpPage(QWidget):
    def __init__(self, close: Callable[[], None]) -> None:
        super().__init__()
        self.title = Text("", "sentence")
        self.close_button = Button("Close  Esc", name="Close, Escape", on_click=close)
        self._keys, self._steps = _keys(), _steps()
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.close_button)
        inside = QWidget()
        body = QVBoxLayout(inside)
        body.setContentsMargins(0, 8, 0, 8)
        body.addWidget(self._keys)
        body.addWidget(self._steps)
        body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        box = QVBoxLayout(self)
        box.setContentsMargins(32, 20, 32, 12)
        box.addLayout(top)
        box.addWidget(area, 1)

    def show_keys(self) -> None:
        self._show("All keys", self._keys)

    def show_steps(self) -> None:
        self._show("How to sell", self._steps)

    def _show(self, title: str, part: QWidget) -> None:
        self.title.setText(title)
        self._keys.setVisible(part is self._keys)
        self._steps.setVisible(part is self._steps)
        self.close_button.setFocus()


def _keys() -> QWidget:
    page = QWidget()
    row = QHBoxLayout(page)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(32)
    columns = left, right = QVBoxLayout(), QVBoxLayout()
    for heading, keys in KEYS:
        (left if heading in _ON_THE_LEFT else right).addWidget(_group(heading, keys))
    for column in columns:
        column.addStretch(1)
        row.addLayout(column, 1)
    return page


def _group(heading: str, keys: tuple[tuple[str, str], ...]) -> QWidget:
    group = QWidget()
    grid = QGridLayout(group)
    grid.setContentsMargins(0, 0, 0, 12)
    grid.setVerticalSpacing(10)
    grid.setHorizontalSpacing(16)
    grid.addWidget(Text(heading, "title"), 0, 0, 1, 2)
    for row, (key, does) in enumerate(keys, start=1):
        grid.addWidget(Text(key, "strong"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Text(does, "", wrap=True), row, 1)
    grid.setColumnMinimumWidth(0, 120)
    grid.setColumnStretch(1, 1)
    return group


def _steps() -> QWidget:
    page = QWidget()
    grid = QGridLayout(page)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setVerticalSpacing(18)
    grid.setHorizontalSpacing(16)
    for row, step in enumerate(STEPS):
        grid.addWidget(Text(f"{row + 1}", "sentence"), row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(Text(step, "row", wrap=True), row, 1)
    grid.setColumnStretch(1, 1)
    return page
