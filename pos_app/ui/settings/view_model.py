"""Keeps what is typed until it is saved, tests it, and pairs with the relay; it knows no widget and shows no secret."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, Pairing, ShopAccount, TillIdentity
from pos_app.domain.staff import Action
from pos_app.settings import (
    SecretName,
    Secrets,
    SecretsError,
    Settings,
    SettingsFile,
    identity_from,
    keep_pairing,
    pairing_from,
)
from pos_app.settings.values import url_problem
from pos_app.ui.settings.state import Probe, ProbeResult, SettingsState, Standing, problems_of
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.authority import Authorised
    from pos_app.services.connections import Check, Connections
    from pos_app.services.guard import Guard

_CODE = re.compile(r"([A-Z0-9]{4})-?([A-Z0-9]{4})", re.ASCII)
_OF_THE_OWNER = ("kind", "short_code", "till_number", "environment", "base_url")
_KEYS = {
    SecretName.CONSUMER_KEY: "consumer key",
    SecretName.CONSUMER_SECRET: "consumer secret",
    SecretName.PASSKEY: "passkey",
}
_NO_NUMBER = "Type the PayBill or store number first."
_NOT_PAIRED = "This till is not paired with a relay yet. Type the relay’s address and a code, then press Pair."
_HALF_PAIRED = (
    "The relay accepted the code, but this till could not keep its keys: {} Ask for a new code and pair again."
)


class SettingsViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        settings_file: SettingsFile,
        secrets: Secrets,
        connections: "Connections",
        tasks: Tasks,
        *,
        training: bool,
        practice_code: str = "",
        guard: "Guard",
        on_saved: Callable[[Settings], None],
    ) -> None:
        super().__init__()
        self._file = settings_file
        self._secrets = secrets
        self._connections = connections
        self._tasks = tasks
        self._guard = guard
        self._on_saved = on_saved
        self._typed: dict[SecretName, str] = {}
        saved = settings_file.load()
        self.state = SettingsState(
            draft=saved,
            saved=saved,
            training=training,
            practice_code=practice_code,
            where=secrets.where,
            overridden=settings_file.overridden,
            problem=settings_file.problem,
        )

    def enter(self) -> None:
        """The page is shown: learns what others have changed, and which keys are there."""
        self._catch_up()
        self._tasks.start(self._look_up_keys(), "look up keys")

    def edit(self, name: str, value: object) -> None:
        draft = replace(self.state.draft, **{name: value})  # type: ignore[arg-type]  # the page names fields of Settings
        gone = {name, "short_code", "till_number"} if name == "kind" else {name}
        errors = {field: sentence for field, sentence in self.state.errors.items() if field not in gone}
        self._show(draft=draft, errors=MappingProxyType(errors), note="", results=MappingProxyType({}))

    def type_key(self, name: SecretName, text: str) -> None:
        self._typed.pop(name, None)
        if text.strip():
            self._typed[name] = text.strip()
        self._show(typed=frozenset(self._typed), note="", results=MappingProxyType({}))

    def undo(self) -> None:
        self._typed.clear()
        self._show(draft=self.state.saved, typed=frozenset(), errors=MappingProxyType({}), note="", problem="")

    def save(self) -> None:
        if self.state.saving or not self.state.has_unsaved:
            return
        self._catch_up()
        errors = problems_of(self.state.draft)
        self._show(errors=MappingProxyType(errors), note="", problem="")
        if errors:
            return
        by = self._guard.check(self._needed)
        if isinstance(by, Refused):
            self._show(problem=by.sentence)
        else:
            self._show(saving=True)
            self._tasks.start(self._save(by, self._edited(), dict(self._typed)), "save settings")

    @property
    def _needed(self) -> Action:
        """Where the money goes and the keys to it are the owner’s."""
        edited = any(getattr(self.state.draft, name) != getattr(self.state.saved, name) for name in _OF_THE_OWNER)
        return Action.CHANGE_CREDENTIALS if edited or self._typed else Action.CHANGE_SETTINGS

    def test(self, kind: Probe) -> None:
        running = self.state.results.get(kind)
        if running is None or running.standing is not Standing.RUNNING:
            self._show_result(kind, ProbeResult(Standing.RUNNING))
            self._tasks.start(self._test(kind), f"test {kind}")

    def pair(self, relay_url: str, code: str, till_name: str) -> None:
        if self.state.pairing:
            return
        match = _CODE.fullmatch(code.strip().upper())
        errors = {
            "relay_url": url_problem(relay_url.strip()),
            "code": "" if match else "The code has eight letters or digits, like K7QM-2X9D.",
            "relay_till_name": "" if till_name.strip() else "Type a name for this till, for example Counter 1.",
        }
        errors = {name: sentence for name, sentence in errors.items() if sentence}
        others = {name: text for name, text in self.state.errors.items() if name not in {*errors, *_PAIRING_FIELDS}}
        self._show(errors=MappingProxyType({**others, **errors}), problem="", note="")
        if match and not errors:
            self._show(pairing=True)
            self._tasks.start(self._pair(relay_url.strip(), f"{match[1]}-{match[2]}", till_name.strip()), "pair")

    async def _look_up_keys(self) -> None:
        try:
            stored = await asyncio.to_thread(lambda: {name for name in SecretName if self._secrets.get(name)})
        except SecretsError as error:
            self._show(problem=self.state.problem or str(error))
            return
        self._show(stored=frozenset(stored))

    def _edited(self) -> dict[str, object]:
        draft, saved = self.state.draft, self.state.saved
        names = [field.name for field in fields(Settings)]
        return {name: getattr(draft, name) for name in names if getattr(draft, name) != getattr(saved, name)}

    async def _save(self, by: "Authorised", edited: dict[str, object], typed: dict[SecretName, str]) -> None:
        problem = "The settings could not be saved. Try again."
        try:
            saved = await asyncio.to_thread(self._write, edited, typed)
            problem = ""
        except SecretsError as error:
            problem = str(error)
        except OSError as error:
            problem = f"The settings could not be written to disk ({error.strerror}). The old ones stay in force."
        finally:
            self._show(saving=False, problem=problem)
        if not problem:
            # What was changed, and never into what: keys are among it.
            event = Event.CREDENTIALS_CHANGED if typed else Event.SETTINGS_CHANGED
            await self._guard.told(event, by, "settings", ", ".join([*edited, *(_KEYS[name] for name in typed)]))
            self._typed = {name: text for name, text in self._typed.items() if typed.get(name) != text}
            stored = self.state.stored | typed.keys()
            self._show(saved=saved, typed=frozenset(self._typed), stored=stored, note="Saved and in force.")
            self._on_saved(saved)

    def _write(self, edited: dict[str, object], keys: dict[SecretName, str]) -> Settings:
        for name, value in keys.items():
            self._secrets.set(name, value)
        return self._file.change(**edited)

    async def _test(self, kind: Probe) -> None:
        result = ProbeResult(Standing.PROBLEM, "The test could not be made. Try again.")
        try:
            result = await (self._test_relay() if kind is Probe.RELAY else self._test_daraja(kind))
        except SecretsError as error:
            result = ProbeResult(Standing.PROBLEM, str(error))
        finally:
            self._show_result(kind, result)

    async def _test_daraja(self, kind: Probe) -> ProbeResult:
        draft = self.state.draft
        errors = problems_of(draft)
        account = draft.account
        if kind is Probe.ACCESS and account is None and not errors:
            # The key and the secret belong to the app, not to a number: any number will do to ask with.
            account = ShopAccount(AccountKind.PAYBILL, "174379")
        if account is None or errors:
            return ProbeResult(Standing.PROBLEM, next(iter(errors.values()), _NO_NUMBER))
        keys = {name: await self._key(name) for name in _KEYS}
        needed = set(_KEYS) - ({SecretName.PASSKEY} if kind is Probe.ACCESS else set())
        missing = [_KEYS[name] for name in _KEYS if name in needed and not keys[name]]
        if missing:
            return ProbeResult(Standing.PROBLEM, f"Type the {' and the '.join(missing)} first.")
        ask = self._connections.test_access if kind is Probe.ACCESS else self._connections.test_passkey
        return _result(await ask(draft.daraja_url, account, Credentials(*keys.values())))

    async def _key(self, name: SecretName) -> str:
        """What is typed is tested before it is saved."""
        if typed := self._typed.get(name):
            return typed
        return await asyncio.to_thread(self._secrets.get, name)

    async def _test_relay(self) -> ProbeResult:
        pairing = await asyncio.to_thread(pairing_from, self.state.saved, self._secrets)
        if pairing is None:
            return ProbeResult(Standing.PROBLEM, _NOT_PAIRED)
        return _result(await self._connections.test_relay(pairing))

    async def _pair(self, relay_url: str, code: str, till_name: str) -> None:
        problem = "The till could not be paired. Ask for a new code and try again."
        till = identity_from(self._file.in_force, till_name)
        try:
            paired = await self._connections.pair(relay_url, code, till)
            problem = paired.sentence if isinstance(paired, Refused) else await self._keep(paired, till)
        finally:
            self._show(pairing=False, problem=problem)

    async def _keep(self, paired: Pairing, till: TillIdentity) -> str:
        """Kept at once, without the other edits: the code works only once. A sentence when that failed."""
        try:
            settings = await asyncio.to_thread(keep_pairing, self._file, self._secrets, till, paired)
        except SecretsError as error:
            return _HALF_PAIRED.format(error)
        except OSError as error:
            return _HALF_PAIRED.format(f"the disk said “{error.strerror}”.")
        self._catch_up()
        note = f"Paired with {paired.shop} as {till.name}. The code of this till is {paired.till_code}."
        self._show(note=note, results=MappingProxyType({}))
        self._on_saved(settings)
        return ""

    def _catch_up(self) -> None:
        """Another part of the program may have saved too (the colours); only what was edited here outranks that."""
        draft, saved, in_force = self.state.draft, self.state.saved, self._file.in_force
        names = [field.name for field in fields(Settings)]
        taken = {name: getattr(in_force, name) for name in names if getattr(draft, name) == getattr(saved, name)}
        self._show(draft=replace(draft, **taken), saved=in_force)

    def _show_result(self, kind: Probe, result: ProbeResult) -> None:
        self._show(results=MappingProxyType({**self.state.results, kind: result}))

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()


_PAIRING_FIELDS = ("relay_url", "code", "relay_till_name")


def _result(check: "Check") -> ProbeResult:
    return ProbeResult(Standing.WORKS if check.ok else Standing.PROBLEM, check.sentence, check.code)
