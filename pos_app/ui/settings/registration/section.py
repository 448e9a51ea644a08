"""The registration page: what would be registered, what that means, and what Safaricom answered; it decides nothing."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from pos_app.services.registration import DefaultAction, MsisdnStyle, Product
from pos_app.ui.settings.field import ChoiceField, TextField, side_by_side
from pos_app.ui.settings.probe_line import ProbeLine, Telling
from pos_app.ui.settings.registration import words
from pos_app.ui.settings.registration.state import RegistrationState
from pos_app.ui.settings.registration.view_model import RegistrationViewModel
from pos_app.ui.settings.section import Section
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.announce import announce
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text


class Confirm(Telling):
    """The second press. The way back comes first, so that Enter pressed twice registers nothing."""

    def __init__(self, yes: str, view_model: RegistrationViewModel) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("panel", "notice")
        self.sentence = Text("", "strong", wrap=True)
        self.no = Button(words.NOT_NOW, on_click=view_model.cancel)
        self.yes = Button(f"Yes, {yes[0].lower()}{yes[1:]}", "danger", on_click=view_model.confirm)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GAP, GAP, GAP, GAP)
        row.setSpacing(GAP)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.no)
        row.addWidget(self.yes)
        self.hide()

    def show_question(self, sentence: str) -> None:
        """Empty hides it."""
        if sentence == self.sentence.text():
            return
        self.sentence.setText(sentence)
        self.setVisible(bool(sentence))
        if sentence:
            announce(self, sentence)
            self.no.setFocus()
            self.told.emit()


class RegistrationSection(Section):
    title = words.TITLE

    def __init__(self, view_model: RegistrationViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        self.blocked = Text("", "warning", wrap=True)
        self.address = Text("", "code", wrap=True)
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.check = Text("", wrap=True)
        self.once = Text(words.ONCE, "warning", wrap=True)
        self.style_field = ChoiceField(
            words.NUMBER, words.STYLES, lambda value: view_model.choose_style(MsisdnStyle(value))
        )
        self.default = ChoiceField(
            words.DEFAULT, words.DEFAULTS, lambda value: view_model.choose_default(DefaultAction(value))
        )
        self.nominated = TextField(words.NOMINATED, words.NOMINATED_HINT, limit=16, on_edit=view_model.type_nominated)
        labels = {Product.C2B: words.REGISTER, Product.PULL: words.REGISTER_PULL}
        self.standings = {product: Text("", "strong", wrap=True) for product in Product}
        self.register = {
            product: ProbeLine(label, lambda product=product: view_model.register(product))  # type: ignore[misc]
            for product, label in labels.items()
        }
        self.confirm = {product: Confirm(label, view_model) for product, label in labels.items()}
        self.lines = (*self.register.values(), *self.confirm.values())
        self.form = QWidget()
        self._lay_out()
        view_model.changed.connect(lambda: self._show(view_model.state))
        self._show(view_model.state)

    def enter(self) -> None:
        self._view_model.cancel()
        self._view_model.refresh()

    def _lay_out(self) -> None:
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(2 * GAP)
        form.addWidget(self.standings[Product.C2B])
        form.addLayout(self._address_lines())
        form.addLayout(side_by_side(self.style_field, self.default))
        form.addWidget(self.once)
        form.addWidget(self.register[Product.C2B])
        form.addWidget(self.confirm[Product.C2B])
        form.addSpacing(2 * GAP)
        form.addWidget(Text(words.PULL_TITLE, "title"))
        form.addWidget(Text(words.PULL_ABOUT, "muted", wrap=True))
        form.addWidget(self.standings[Product.PULL])
        form.addWidget(self.nominated)
        form.addWidget(self.register[Product.PULL])
        form.addWidget(self.confirm[Product.PULL])
        for widget in (Text(words.ABOUT, "muted", wrap=True), self.blocked, self.form):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _address_lines(self) -> QVBoxLayout:
        lines = QVBoxLayout()
        lines.setSpacing(GAP // 2)
        hint = Text(words.KEY_HIDDEN, "small", wrap=True)
        for widget in (Text(words.ADDRESS, "strong"), self.address, self.check, hint):
            lines.addWidget(widget)
        return lines

    def _show(self, state: RegistrationState) -> None:
        self.blocked.show_text(state.blocked)
        self.form.setEnabled(not state.blocked)
        self.address.setText(state.address or "–")
        self.check.show_text("" if state.blocked else f"! {state.obstacle}" if state.obstacle else words.DELIVERABLE)
        self.once.setVisible(state.is_final)
        self.style_field.show_value(state.style)
        self.style_field.show_words(words.NUMBER, words.STYLE_HINTS[state.style])
        self.default.show_value(state.default_action)
        self.default.show_words(words.DEFAULT, words.DEFAULT_HINTS[state.default_action])
        self.nominated.show_value(state.nominated)
        self.nominated.show_error(state.nominated_error)
        for product in Product:
            self._show_product(product, state)

    def _show_product(self, product: Product, state: RegistrationState) -> None:
        self.standings[product].show_text(state.standings.get(product, ""))
        asked = state.confirming is product
        question = words.question(product, state.customer_label, state.nominated) if asked else ""
        line, confirm = self.register[product], self.confirm[product]
        line.show_result(state.results.get(product))
        line.button.setEnabled(state.may_register(product))
        if not asked and confirm.isAncestorOf(self.focusWidget() or self):
            line.button.setFocus()
        confirm.show_question(question)
