"""What can be done on the network page: each asks the services, and says in a sentence what came of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pos_app.domain.balance import Gap
from pos_app.domain.held_back import HeldBack
from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.ui.network.state import Key
from pos_app.ui.network.words import gap_name, imported_words

if TYPE_CHECKING:
    from pos_app.services.uplink import Uplink

_LARGEST = 32 * 1024 * 1024
_TOO_LARGE = Refused("That file is too large to be a statement. Export a shorter time as CSV.")
_GONE = Refused("That was settled meanwhile.")


class Deeds:
    def __init__(self, uplink: "Uplink", clock: Callable[[], datetime]) -> None:
        self._uplink = uplink
        self._clock = clock

    async def ask(self, _account: ShopAccount) -> str | Refused:
        swept = await self._uplink.pulling.look_now()
        if swept.trouble:
            return Refused(swept.trouble)
        payments = "1 payment" if len(swept.receipts) == 1 else f"{len(swept.receipts) or 'no'} payments"
        return f"Safaricom has answered: it lists {payments} of the last hours. What was missing appears by itself."

    async def take_statement(self, path: Path, account: ShopAccount) -> str | Refused:
        content = await asyncio.to_thread(_content, path)
        if isinstance(content, Refused):
            return content
        imported = await self._uplink.statements.import_statement(content, account)
        return imported if isinstance(imported, Refused) else imported_words(imported, self._clock())

    async def check(self, name: str) -> str | Refused:
        held = self._held(name)
        if held is None:
            return _GONE
        trouble = await self._uplink.quarantine.check(held)
        return Refused(trouble) if trouble else "Safaricom has answered; the card says what it knows."

    async def settle(self, key: Key, words: str, account: ShopAccount) -> str | Refused:
        """With a supervisor's words, which are kept for ever."""
        kind, name = key
        refused: Refused | None = _GONE
        if kind == "task":
            refused = await self._uplink.tasks.settle(int(name), words, account)
        elif kind == "gap" and (gap := self._gap(name)) is not None:
            refused = await self._uplink.balance_watch.explain(gap, words, account)
        elif kind == "held" and (held := self._held(name)) is not None:
            refused = await self._uplink.quarantine.put_aside(held, words)
        return refused or "Kept with your words."

    def _gap(self, name: str) -> Gap | None:
        return next((gap for gap in self._uplink.balance_watch.open if gap_name(gap) == name), None)

    def _held(self, name: str) -> HeldBack | None:
        return next((held for held in self._uplink.quarantine.current.newest if str(held.id) == name), None)


def _content(path: Path) -> bytes | Refused:
    try:
        if path.stat().st_size > _LARGEST:
            return _TOO_LARGE
        return path.read_bytes()
    except OSError as error:
        return Refused(f"The file cannot be read: {error.strerror}. Nothing was changed.")
