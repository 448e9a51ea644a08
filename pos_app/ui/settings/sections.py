"""The three parts of the settings screen; each shows the state and forwards edits, and decides nothing."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from pos_app.domain.shop import AccountKind
from pos_app.settings import DisplayChoice, Environment, SecretName, SpokenChoice, ThemeChoice
from pos_app.ui.settings.field import ChoiceField, Field, KeyField, TextField, side_by_side
from pos_app.ui.settings.probe_line import ProbeLine
from pos_app.ui.settings.section import Section
from pos_app.ui.settings.state import Probe, SettingsState
from pos_app.ui.settings.view_model import SettingsViewModel
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.labels import Text

_SHORT_CODE_WORDS = {
    AccountKind.PAYBILL: ("PayBill number", "The number customers pay to, 5 to 7 digits."),
    AccountKind.BUY_GOODS: (
        "Store number",
        "From your Go-Live letter, also called head office number. Customers never see it; the passkey belongs to it.",
    ),
}
_TRAINING_NOTE = (
    "TRAINING: practice has its own M-Pesa and its own relay, so these fields cannot be changed here. "
    "The shop’s real numbers and keys are not in use and stay as they are."
)

_GIVEN_CODE = (
    "The relay gave it to this till and to no other of the shop. It begins the reference in the customer’s SMS."
)


class ShopSection(Section):
    title = "Shop and screen"

    def __init__(self, view_model: SettingsViewModel) -> None:
        super().__init__()
        edit = view_model.edit
        self.shop_name = TextField(
            "Shop name", "Printed on every receipt.", limit=60, on_edit=lambda text: edit("shop_name", text)
        )
        self.till_code = TextField(
            "Till code",
            "1 to 3 letters or digits, in the customer’s SMS. "
            "Pairing keeps it, unless another till of the shop has it.",
            limit=3,
            on_edit=lambda text: edit("till_code", text),
        )
        self.theme = ChoiceField(
            "Colours",
            (("system", "Like the computer"), ("light", "Light"), ("dark", "Dark")),
            lambda value: edit("theme", ThemeChoice(value)),
        )
        self.sounds = QCheckBox("Play a sound when a payment arrives, fails or needs attention")
        self.sounds.clicked.connect(lambda checked: edit("sounds", checked))
        self.sounds_field = Field("Sounds", self.sounds)
        self.spoken = ChoiceField(
            "Say the amount that a customer pays unasked",
            (("sw", "In Swahili"), ("en", "In English"), ("off", "Do not say it")),
            lambda value: edit("spoken", SpokenChoice(value)),
        )
        self.customer_display = ChoiceField(
            "Customer display (Ctrl+D)",
            (("auto", "On the second screen, when there is one"), ("off", "Only when asked for")),
            lambda value: edit("customer_display", DisplayChoice(value)),
        )
        self.fields = {
            "shop_name": self.shop_name,
            "till_code": self.till_code,
            "theme": self.theme,
            "sounds": self.sounds_field,
            "spoken": self.spoken,
            "customer_display": self.customer_display,
        }
        self.column.addLayout(side_by_side(self.shop_name, self.till_code))
        self.column.addWidget(self.theme)
        self.column.addWidget(self.sounds_field)
        self.column.addWidget(self.spoken)
        self.column.addWidget(self.customer_display)
        self.column.addStretch(1)

    def show_state(self, state: SettingsState) -> None:
        self.shop_name.show_value(state.draft.shop_name)
        self.till_code.show_value(state.given_code or state.draft.till_code)
        self.theme.show_value(state.draft.theme)
        self.sounds.setChecked(state.draft.sounds)
        self.spoken.show_value(state.draft.spoken)
        self.spoken.editor.setEnabled(state.draft.sounds)
        self.customer_display.show_value(state.draft.customer_display)
        super().show_state(state)
        if state.given_code:
            self.till_code.fix(_GIVEN_CODE)


class MpesaSection(Section):
    title = "M-Pesa"

    def __init__(self, view_model: SettingsViewModel) -> None:
        super().__init__()
        edit = view_model.edit
        self.kind = ChoiceField(
            "Customers pay to a",
            (("paybill", "PayBill"), ("buy_goods", "Till (Buy Goods)")),
            lambda value: edit("kind", AccountKind(value)),
        )
        self.environment = ChoiceField(
            "Safaricom’s system",
            (("sandbox", "Sandbox: no real money"), ("production", "Production: real money")),
            lambda value: edit("environment", Environment(value)),
        )
        self.short_code = TextField("", limit=7, on_edit=lambda text: edit("short_code", text.strip()))
        self.till_number = TextField(
            "Till number",
            "The number customers type and see on the poster. Not the store number.",
            limit=7,
            on_edit=lambda text: edit("till_number", text.strip()),
        )
        self.keys = {
            name: KeyField(words, hint, partial(view_model.type_key, name))
            for name, words, hint in (
                (SecretName.CONSUMER_KEY, "Consumer key", ""),
                (SecretName.CONSUMER_SECRET, "Consumer secret", "Both from the app on developer.safaricom.co.ke."),
                (SecretName.PASSKEY, "Passkey", "Of the number above, from Safaricom’s Go-Live e-mail."),
            )
        }
        self.base_url = TextField(
            "Other address",
            "Leave empty for Safaricom’s own. For a simulator, its address.",
            limit=200,
            on_edit=lambda text: edit("base_url", text.strip()),
        )
        self.access = ProbeLine("Test key and secret", lambda: view_model.test(Probe.ACCESS))
        self.passkey = ProbeLine("Test passkey", lambda: view_model.test(Probe.PASSKEY))
        self.lines = (self.access, self.passkey)
        self.note = Text(_TRAINING_NOTE, "warning", wrap=True)
        self.fields = {
            "kind": self.kind,
            "environment": self.environment,
            "short_code": self.short_code,
            "till_number": self.till_number,
            "base_url": self.base_url,
        }
        self._lay_out()
        if view_model.state.training:
            for field in (*self.fields.values(), *self.keys.values()):
                field.editor.setEnabled(False)

    def _lay_out(self) -> None:
        key, secret, passkey = self.keys.values()
        self.column.addWidget(self.note)
        self.column.addLayout(side_by_side(self.kind, self.environment))
        self.column.addLayout(side_by_side(self.short_code, self.till_number))
        self.column.addLayout(side_by_side(key, secret))
        self.column.addLayout(side_by_side(passkey, self.base_url))
        self.column.addSpacing(GAP)
        self.column.addWidget(self.access)
        self.column.addWidget(self.passkey)
        self.column.addStretch(1)

    def show_state(self, state: SettingsState) -> None:
        draft = state.draft
        self.note.setVisible(state.training)
        self.kind.show_value(draft.kind)
        self.environment.show_value(draft.environment)
        self.short_code.show_words(*_SHORT_CODE_WORDS[draft.kind])
        self.short_code.show_value(draft.short_code)
        self.till_number.show_value(draft.till_number)
        self.till_number.setVisible(draft.kind is AccountKind.BUY_GOODS)
        self.base_url.show_value(draft.base_url)
        for name, field in self.keys.items():
            field.show_standing(is_typed=name in state.typed, is_stored=name in state.stored, where=state.where)
        self.access.show_result(state.results.get(Probe.ACCESS))
        self.passkey.show_result(state.results.get(Probe.PASSKEY))
        super().show_state(state)


class RelaySection(Section):
    title = "Relay"

    def __init__(self, view_model: SettingsViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        self.about = Text(
            "The relay takes Safaricom’s messages for the shop and hands them to this till. "
            "Its operator gives you its address and a code that works once, for ten minutes.",
            "muted",
            wrap=True,
        )
        self.standing = Text("", "strong", wrap=True)
        self.test = ProbeLine("Test relay", lambda: view_model.test(Probe.RELAY))
        self.lines = (self.test,)
        self.relay_url = TextField("Relay address", "For example https://relay.example.co.ke", limit=200)
        self.code = TextField("Pairing code", "Eight letters or digits, like K7QM-2X9D.", limit=11)
        self.till_name = TextField("Name of this till", "How the relay lists it, for example Counter 1.", limit=40)
        self.pair = Button("Pair", on_click=self._pair)
        self.note = Text(_TRAINING_NOTE, "warning", wrap=True)
        self.fields = {"relay_url": self.relay_url, "code": self.code, "relay_till_name": self.till_name}
        self._shown = (view_model.state.saved.relay_url, view_model.state.saved.relay_till_name)
        self.relay_url.show_value(self._shown[0])
        self.till_name.show_value(self._shown[1])
        self.code.line.returnPressed.connect(self._pair)
        self.form = QWidget()
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(2 * GAP)
        form.addWidget(self.relay_url)
        form.addLayout(side_by_side(self.code, self.till_name))
        form.addWidget(self.pair, 0, Qt.AlignmentFlag.AlignLeft)
        for widget in (self.note, self.about, self.standing, self.test, self.form):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _pair(self) -> None:
        self._view_model.pair(self.relay_url.line.text(), self.code.line.text(), self.till_name.line.text())

    def show_state(self, state: SettingsState) -> None:
        saved = state.saved
        self.note.setVisible(state.training)
        self.form.setVisible(not state.training)
        self.standing.setText(_standing(state))
        self.test.show_result(state.results.get(Probe.RELAY))
        self.pair.setText("Pairing …" if state.pairing else "Pair again" if saved.is_paired else "Pair")
        self.pair.setEnabled(not state.pairing)
        if self._shown != (saved.relay_url, saved.relay_till_name):
            self._shown = (saved.relay_url, saved.relay_till_name)
            self.relay_url.show_value(saved.relay_url)
            self.till_name.show_value(saved.relay_till_name)
            self.code.show_value("")
        super().show_state(state)


def _standing(state: SettingsState) -> str:
    saved = state.saved
    if state.practice_code:
        return f"✓ Paired with the practice relay, till code {state.practice_code}"
    if not saved.is_paired:
        return "? Not paired yet. Payments are found only by asking Safaricom, which takes longer."
    name = saved.relay_till_name or saved.relay_till_id
    return f"✓ Paired with {saved.relay_shop} as {name}, till code {saved.relay_till_code}, at {saved.relay_url}"
