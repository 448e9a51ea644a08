"""The page with the rules for payments that ask to come in; it shows the state, forwards edits and decides nothing."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from pos_app.ui.settings.field import ChoiceField, Field, TextField, side_by_side
from pos_app.ui.settings.rules import words
from pos_app.ui.settings.rules.view_model import RulesState, RulesViewModel
from pos_app.ui.settings.section import Section
from pos_app.ui.theme import GAP
from pos_app.ui.widgets.buttons import Button
from pos_app.ui.widgets.foot import tell
from pos_app.ui.widgets.labels import Text

_LIST_HEIGHT = 112


class RulesSection(Section):
    title = words.TITLE

    def __init__(self, view_model: RulesViewModel) -> None:
        super().__init__()
        self._view_model = view_model
        edit = view_model.edit
        self.blocked = Text("", "warning", wrap=True)
        self.standing = Text("", "strong", wrap=True)
        self.minimum = TextField(words.MINIMUM, words.AMOUNT_HINT, limit=12, on_edit=partial(edit, "minimum"))
        self.maximum = TextField(words.MAXIMUM, words.AMOUNT_HINT, limit=12, on_edit=partial(edit, "maximum"))
        self.accounts = ChoiceField(
            words.ACCOUNTS, words.ACCOUNT_CHOICES, lambda value: edit("only_listed", value == "listed")
        )
        self.list = QPlainTextEdit()
        self.list.setTabChangesFocus(True)
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.textChanged.connect(self._list_typed)
        self.references = Field("Accounts that are let in", self.list, words.ACCOUNTS_HINT)
        self.closed = TextField(words.CLOSED, words.CLOSED_HINT, limit=300, on_edit=partial(edit, "closed"))
        self.default = ChoiceField(
            words.DEFAULT, words.DEFAULTS, lambda value: edit("accepts_by_default", value == "accept")
        )
        self.default.show_words(words.DEFAULT, words.DEFAULT_HINT)
        self.ask = QCheckBox(words.ASK)
        self.ask.clicked.connect(lambda checked: edit("asks_till", checked))
        self.apply = Button(words.APPLY, "primary", on_click=self._save)
        self.undo = Button(words.UNDO, on_click=view_model.undo)
        self.note = Text("", "strong", wrap=True)
        self.problem = Text("", "error", wrap=True)
        self.rules = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "references": self.references,
            "closed": self.closed,
        }
        self.form = QWidget()
        self._lay_out()
        view_model.changed.connect(lambda: self._show(view_model.state))
        self._show(view_model.state)

    def enter(self) -> None:
        self._view_model.refresh()

    def _list_typed(self) -> None:
        if self.list.toPlainText() != self._view_model.state.draft.references:
            self._view_model.edit("references", self.list.toPlainText())

    def _save(self) -> None:
        self._view_model.save()
        wrong = [rule for name, rule in self.rules.items() if name in self._view_model.state.errors]
        if wrong:
            wrong[0].editor.setFocus()

    def _lay_out(self) -> None:
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(2 * GAP)
        form.addWidget(self.standing)
        form.addLayout(side_by_side(self.minimum, self.maximum))
        form.addWidget(self.accounts)
        form.addWidget(self.references)
        form.addWidget(self.closed)
        form.addLayout(side_by_side(self.default, Field(words.ASK_LABEL, self.ask, words.ASK_HINT)))
        form.addWidget(self.problem)
        form.addLayout(self._acts())
        for widget in (Text(words.ABOUT, "muted", wrap=True), self.blocked, self.form):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _acts(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GAP)
        row.addWidget(self.apply)
        row.addWidget(self.undo)
        row.addWidget(self.note, 1, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _show(self, state: RulesState) -> None:
        draft = state.draft
        self.blocked.show_text(state.blocked)
        self.form.setEnabled(not state.blocked)
        tell(self.standing, "" if state.blocked else state.standing)
        self.minimum.show_value(draft.minimum)
        self.maximum.show_value(draft.maximum)
        self.closed.show_value(draft.closed)
        self._show_accounts(state)
        self.default.show_value("accept" if draft.accepts_by_default else "reject")
        self.ask.setChecked(draft.asks_till)
        for name, rule in self.rules.items():
            rule.show_error(state.errors.get(name, ""))
        tell(self.problem, f"! {state.problem}" if state.problem else "")
        self.note.setText(words.UNSAVED if state.has_unsaved and not state.saving else "")
        self.apply.setText(words.APPLYING if state.saving else words.APPLY)
        self.apply.setEnabled(state.has_unsaved and not state.saving)
        self.undo.setEnabled(state.has_unsaved and not state.saving)

    def _show_accounts(self, state: RulesState) -> None:
        self.accounts.show_value("listed" if state.draft.only_listed else "any")
        self.accounts.show_words(words.ACCOUNTS, "" if state.types_account else words.NO_ACCOUNTS)
        self.accounts.buttons["listed"].setEnabled(state.types_account or state.draft.only_listed)
        self.references.setVisible(state.draft.only_listed)
        if self.list.toPlainText() != state.draft.references:
            self.list.setPlainText(state.draft.references)
