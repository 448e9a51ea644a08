"""The codes that customers scan, asked of Safaricom one at a time and kept for a while; without one nothing is lost.

It must not know a screen, nor what a code looks like where Safaricom makes none.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.obstacles import Effect
from pos_app.domain.money import AmountError, Money, checked_charge
from pos_app.services.clock import monotonic

log = logging.getLogger(__name__)

KEPT = 32
REST_SECONDS = {Effect.REFUSED: 600.0, Effect.NOT_REACHED: 60.0, Effect.UNCLEAR: 60.0}
"""Until it is asked again: an app without Dynamic QR would else be refused once for every sale."""
SIZE = 480
Wanted = tuple[Money, str]


class QrCodes:
    """`take_up` whenever the settings change."""

    def __init__(self, *, elapsed: Callable[[], float] = monotonic) -> None:
        self._elapsed = elapsed
        self._daraja: DarajaClient | None = None
        self._merchant_name = ""
        self._kept: OrderedDict[Wanted, bytes] = OrderedDict()
        self._turn = asyncio.Lock()
        self._newest: Wanted | None = None
        self._rest_until = 0.0

    def take_up(self, daraja: DarajaClient | None, merchant_name: str = "") -> None:
        """A code names the shop's number, so none outlives its settings."""
        self._daraja, self._merchant_name = daraja, merchant_name
        self._kept.clear()
        self._newest, self._rest_until = None, 0.0

    async def code(self, amount: Money, reference: str) -> bytes | None:
        """A PNG with amount and reference in it. None where there is none, or where a newer one is wanted by now."""
        wanted = self._newest = (amount, reference)
        async with self._turn:
            if wanted not in self._kept and wanted == self._newest and self._may_ask(amount):
                await self._ask(wanted)
        return self._kept.get(wanted)

    def _may_ask(self, amount: Money) -> bool:
        try:
            checked_charge(amount)
        except AmountError:
            return False
        return bool(self._merchant_name) and self._elapsed() >= self._rest_until

    async def _ask(self, wanted: Wanted) -> None:
        daraja = self._daraja
        if daraja is None:
            return
        amount, reference = wanted
        answer = await daraja.dynamic_qr(
            merchant_name=self._merchant_name, reference=reference, amount=amount, size=SIZE
        )
        if daraja is not self._daraja:
            return  # the settings changed while it was made: it may name another shop
        if isinstance(answer, bytes):
            self._kept[wanted] = answer
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            log.info("no dynamic qr code: %s %s", answer.effect, answer.code)
            self._rest_until = self._elapsed() + REST_SECONDS[answer.effect]
