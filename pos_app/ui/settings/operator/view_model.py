"""What the owner types of the API operator; the password becomes ciphertext and is forgotten; it knows no widget."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.clock import nairobi_day
from pos_app.domain.refused import Refused
from pos_app.settings import SECURITY_CREDENTIAL, Secrets, SecretsError, Settings, SettingsFile
from pos_app.ui.tasks import OneAtATime, Tasks

if TYPE_CHECKING:
    from pos_app.services.operator_setup import OperatorSetup

_NAME = "Type the operator’s name, as the portal lists it."
_FILE = "Choose Safaricom’s certificate first: the .cer file from the developer portal."
_DAY = "Type the day on which the password was set, as 2026-11-24."
_CERTIFICATE_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class OperatorState:
    """`standing` says what is kept; the password and the credential are never here."""

    name: str = ""
    short_code: str = ""
    since: str = ""
    certificate: str = ""
    standing: str = ""
    problem: str = ""
    done: str = ""
    working: bool = False


class OperatorViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        setup: "OperatorSetup",
        file: SettingsFile,
        secrets: Secrets,
        tasks: Tasks,
        *,
        clock: Callable[[], datetime],
        on_saved: Callable[[Settings], object],
    ) -> None:
        super().__init__()
        self._setup, self._file, self._secrets = setup, file, secrets
        self._clock, self._on_saved = clock, on_saved
        self._tasks, self._once = tasks, OneAtATime(tasks)
        self._certificate = b""
        self.state = OperatorState()

    def enter(self) -> None:
        self._tasks.start(self._look(), "operator")

    def choose_certificate(self, path: Path) -> None:
        self._once.start(self._read(path), "read certificate")

    def keep(self, name: str, short_code: str, since: str, password: str) -> None:
        self._once.start(self._keep(name.strip(), short_code.strip(), since.strip(), password), "keep operator")

    async def _look(self) -> None:
        kept = self._file.in_force
        try:
            has = bool(await asyncio.to_thread(self._secrets.get, SECURITY_CREDENTIAL))
        except SecretsError as error:
            self._set(problem=str(error))
            return
        today = nairobi_day(self._clock()).isoformat()
        standing = (
            f"✓ {kept.initiator_name} refunds by M-Pesa; its password is kept as ciphertext in {self._secrets.where}."
            if has and kept.initiator_name
            else "? Not set up: money is given back in cash only."
        )
        since = kept.initiator_password_since or today
        self._set(
            name=kept.initiator_name, short_code=kept.initiator_short_code, since=since, standing=standing, problem=""
        )

    async def _read(self, path: Path) -> None:
        try:
            found = await asyncio.to_thread(_beginning_of, path)
        except OSError as error:
            self._set(problem=f"That file cannot be read ({error.strerror}).", done="")
            return
        facts = self._setup.facts(found)
        if isinstance(facts, Refused):
            self._set(problem=facts.sentence, done="")
            return
        self._certificate = found
        kind = f", Safaricom’s {facts.environment} certificate" if facts.environment else ""
        self._set(certificate=f"{facts.subject}{kind}", problem="", done="")

    async def _keep(self, name: str, short_code: str, since: str, password: str) -> None:
        problem = _problem(name, since, self._certificate)
        if problem:
            self._set(problem=problem, done="")
            return
        self._set(working=True)
        try:
            await self._store(name, short_code, since, password)
        finally:
            self._set(working=False)

    async def _store(self, name: str, short_code: str, since: str, password: str) -> None:
        made = await self._setup.credential(self._certificate, password, name)
        if isinstance(made, Refused):
            self._set(problem=made.sentence, done="")
            return
        try:
            await asyncio.to_thread(self._secrets.set, SECURITY_CREDENTIAL, made)
            changed = await asyncio.to_thread(
                lambda: self._file.change(
                    initiator_name=name, initiator_short_code=short_code, initiator_password_since=since
                )
            )
        except (SecretsError, OSError) as error:
            self._set(problem=f"{error} Nothing is lost; try again.", done="")
            return
        self._on_saved(changed)
        await self._look()
        self._set(done="Kept. The password itself is kept nowhere.")

    def _set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()


def _problem(name: str, since: str, certificate: bytes) -> str:
    if not name:
        return _NAME
    if not certificate:
        return _FILE
    try:
        date.fromisoformat(since)
    except ValueError:
        return _DAY
    return ""


def _beginning_of(path: Path) -> bytes:
    """One byte more than a certificate may have says that the file is none."""
    with path.open("rb") as file:
        return file.read(_CERTIFICATE_MAX + 1)
