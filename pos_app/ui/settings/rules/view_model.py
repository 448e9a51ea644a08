"""Keeps what is typed about payments that may come in until it is put in force; it knows no widget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.shop import AccountKind, MpesaAccess
from pos_app.domain.validation import ValidationRules
from pos_app.services.changes import Changes, HealthChanged, RulesChanged
from pos_app.services.validation_rules import RuleBook
from pos_app.settings import Settings
from pos_app.ui.settings.rules import words
from pos_app.ui.settings.rules.typing import RulesDraft, draft_of, rules_typed
from pos_app.ui.tasks import Tasks


@dataclass(frozen=True, slots=True)
class RulesState:
    """`kept` is what this till has on disk, as it stands in the fields."""

    draft: RulesDraft
    kept: RulesDraft
    standing: str
    blocked: str = ""
    types_account: bool = True
    saving: bool = False
    problem: str = ""
    errors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def has_unsaved(self) -> bool:
        return self.draft != self.kept


class RulesViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        book: RuleBook,
        changes: Changes,
        tasks: Tasks,
        *,
        access: Callable[[], MpesaAccess | None],
        settings: Callable[[], Settings],
    ) -> None:
        """`access` is None until the till has all that it needs; `settings` say what is missing then."""
        super().__init__()
        self._book = book
        self._tasks = tasks
        self._access = access
        self._settings = settings
        kept = draft_of(book.current.rules)
        self.state = RulesState(kept, kept, words.standing(book.current))
        self.refresh()
        changes.subscribe(RulesChanged, self._take_up)
        changes.subscribe(HealthChanged, lambda _health: self.refresh())

    def refresh(self) -> None:
        """What is set up may have changed."""
        access = self._access()
        blocked = "" if access else words.blocked(self._settings())
        types_account = access is None or access.account.kind is AccountKind.PAYBILL
        self._show(blocked=blocked, types_account=types_account)

    def edit(self, name: str, value: object) -> None:
        draft = replace(self.state.draft, **{name: value})  # type: ignore[arg-type]  # the page names fields of it
        gone = {name, "references"} if name in {"only_listed", "asks_till"} else {name, "minimum"}
        errors = {other: sentence for other, sentence in self.state.errors.items() if other not in gone}
        self._show(draft=draft, errors=MappingProxyType(errors), problem="")

    def undo(self) -> None:
        self._show(draft=self.state.kept, errors=MappingProxyType({}), problem="")

    def save(self) -> None:
        if self.state.saving or not self.state.has_unsaved:
            return
        read = rules_typed(self.state.draft)
        errors = {} if isinstance(read, ValidationRules) else read
        if self.state.draft.only_listed and not self.state.types_account:
            errors = {**errors, "references": words.NO_ACCOUNTS}
        self._show(errors=MappingProxyType(errors), problem="")
        if isinstance(read, ValidationRules) and not errors:
            self._show(saving=True)
            self._tasks.start(self._save(read), "save rules")

    async def _save(self, rules: ValidationRules) -> None:
        problem = words.CANNOT_SAVE
        try:
            refused = await self._book.save(rules)
            problem = refused.sentence if refused else ""
        finally:
            self._show(saving=False, problem=problem)

    def _take_up(self, told: RulesChanged) -> None:
        """What is in force changed, here or at another till; what is being typed stays, unless it is just that."""
        kept = draft_of(told.rules)
        typed = rules_typed(self.state.draft)
        untouched = not self.state.has_unsaved or typed == told.rules
        self._show(kept=kept, draft=kept if untouched else self.state.draft, standing=words.standing(told))

    def _show(self, **changes: Any) -> None:
        state = replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self.changed.emit()
