"""The part of the settings about the API operator: its name, Safaricom's certificate, its password."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from pos_app.ui.settings.field import TextField, side_by_side
from pos_app.ui.settings.operator.view_model import OperatorViewModel
from pos_app.ui.settings.section import Section
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text

_ABOUT = (
    "Refunds by M-Pesa need an operator with access channel API, made on the M-Pesa portal, with the roles for B2C, "
    "reversals, transaction status and balance. Its password becomes ciphertext here and is then forgotten; it dies "
    "after 90 days, and wrong tries lock it."
)


class OperatorSection(Section):
    title = "Refunds"

    def __init__(self, view_model: OperatorViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        self.standing = Text("", "strong", wrap=True)
        self.name = TextField("Operator’s name", "As the portal lists it.", limit=40)
        self.short_code = TextField("Number that pays out", "Only where it is not the number customers pay.", limit=7)
        self.password = TextField("Operator’s password", "Typed once; only its ciphertext is kept.", limit=200)
        self.password.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.since = TextField("Password set on", "The till warns 15 days before it dies.", limit=10)
        self.certificate = Text("No certificate chosen yet.", "muted", wrap=True)
        self.choose = Button("Choose the certificate …", on_click=self._choose)
        self.keep = Button("Keep", "primary", on_click=self._keep)
        self.problem, self.done = Text("", "error", wrap=True), Text("", "strong", wrap=True)
        row = QHBoxLayout()
        row.addWidget(self.choose)
        row.addWidget(self.certificate, 1)
        self.column.addWidget(Text(_ABOUT, "muted", wrap=True))
        self.column.addWidget(self.standing)
        self.column.addLayout(side_by_side(self.name, self.short_code))
        self.column.addLayout(row)
        self.column.addLayout(side_by_side(self.password, self.since))
        self.column.addWidget(self.keep, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.done)
        self.column.addWidget(self.problem)
        self.column.addStretch(1)
        view_model.changed.connect(self.show_operator)

    def enter(self) -> None:
        self._view_model.enter()

    def show_operator(self) -> None:
        state = self._view_model.state
        self.standing.setText(state.standing)
        if not self._is_edited():
            self.name.show_value(state.name)
            self.short_code.show_value(state.short_code)
            self.since.show_value(state.since)
        self.certificate.setText(state.certificate or "No certificate chosen yet.")
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        tell(self.done, f"✓ {state.done}" if state.done else "")
        if state.done:
            self.password.line.clear()

    def _is_edited(self) -> bool:
        return any(field.line.isModified() for field in (self.name, self.short_code, self.since))

    def _choose(self) -> None:
        """The dialog is not waited for: the till goes on behind it."""
        dialog = QFileDialog(self, "Safaricom’s certificate", "", "Certificates (*.cer *.crt *.pem);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._view_model.choose_certificate(Path(name)))
        dialog.open()

    def _keep(self) -> None:
        fields = (self.name, self.short_code, self.since, self.password)
        self._view_model.keep(*(field.line.text() for field in fields))
