"""The keys of one till: where they are kept, whether they are open, and the M-Pesa access that they give.

It must not know any page but the one that asks for the passphrase.
"""

import asyncio
import logging
from pathlib import Path

from pos_app.domain.refused import Refused
from pos_app.domain.shop import MpesaAccess
from pos_app.services.changes import Changes, Notice
from pos_app.settings import (
    FileSecrets,
    MemorySecrets,
    Secrets,
    SecretsError,
    Settings,
    credentials_from,
    initiator_from,
    open_secrets,
    pairing_from,
)
from pos_app.ui.desk_pages import SALE
from pos_app.ui.main_window import MainWindow
from pos_app.ui.message_page import UnlockPage

log = logging.getLogger(__name__)

_PRACTICE_PASSPHRASE = "practice only"  # noqa: S105 — it protects the PINs that training shows


class Keys:
    """`open` or `open_for_practice` first; until then, and where that failed, they are in memory alone."""

    def __init__(self, folder: Path, given: Secrets | None = None) -> None:
        """`given` in the place of the computer's own."""
        self._folder = folder
        self._given = given
        self.secrets: Secrets = MemorySecrets()
        self.access: MpesaAccess | None = None
        self.are_locked = False

    async def open(self, window: MainWindow) -> None:
        """From the key store, or from the encrypted file once somebody has typed its passphrase."""
        if self._given is not None:
            self.secrets = self._given
            return
        found = await asyncio.to_thread(open_secrets, self._folder)
        self.secrets = await self._unlocked(window, found) if isinstance(found, Refused) else found

    async def open_for_practice(self, access: MpesaAccess) -> None:
        """They outlast the session, as the practice people do; nothing they protect is real."""
        found = await asyncio.to_thread(FileSecrets.open, self._folder / "keys.box", _PRACTICE_PASSPHRASE)
        self.secrets = found if not isinstance(found, Refused) else MemorySecrets()
        self.access = access

    async def _unlocked(self, window: MainWindow, refused: Refused) -> Secrets:
        page, typed = UnlockPage(), asyncio.Queue[str | None]()
        page.entered.connect(typed.put_nowait)
        page.skipped.connect(lambda: typed.put_nowait(None))
        window.place(SALE, page)
        found: Secrets | Refused = refused
        while isinstance(found, Refused):
            page.ask(found.sentence)
            passphrase = await typed.get()
            if passphrase is None:
                self.are_locked = True
                return _nowhere()
            found = await asyncio.to_thread(open_secrets, self._folder, passphrase)
        return found

    async def find_access(self, settings: Settings, changes: Changes) -> None:
        """A key store that is locked just now leaves a till that takes cash."""
        try:
            self.access = await asyncio.to_thread(self._read_access, settings)
        except SecretsError as error:
            log.warning("the M-Pesa keys could not be read")
            self.access = None
            changes.publish(Notice(f"{error} Until then this till takes cash only.", urgent=True))

    def _read_access(self, settings: Settings) -> MpesaAccess | None:
        account = settings.account
        credentials, pairing = credentials_from(self.secrets), pairing_from(settings, self.secrets)
        if account is None or credentials is None or pairing is None:
            return None
        return MpesaAccess(
            settings.daraja_url,
            account,
            credentials,
            pairing,
            initiator=initiator_from(settings, self.secrets),
            password_since=settings.password_since,
        )


def _nowhere() -> Secrets:
    """For a till whose keys stay locked: what is typed now would be gone with the window, and the page says so."""
    secrets = MemorySecrets()
    secrets.where = "memory, only until this window closes"
    return secrets
