"""Says aloud what a customer paid unasked: clips joined to one sentence, one at a time; it never fails a sale.

It must not know how words follow from an amount, nor how this computer plays a file.
"""

import asyncio
import logging
import wave
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.spoken import Language, Words, arrival
from pos_app.paths import resource_path
from pos_app.services.changes import Changes, PaymentArrived
from pos_app.ui.sounds import play_file
from pos_app.ui.tasks import Tasks

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=2)
WAITING_MAX = 3
"""More than these are only shown: nobody listens to a list."""
_PAUSE_SECONDS = 0.4
_RATE = 16_000
_SILENCE = bytes([128]) * (_RATE // 25)


class Spoken:
    """`language` may be changed at any time; None says nothing. The sentence is a file in `folder`."""

    def __init__(
        self,
        folder: Path,
        changes: Changes,
        tasks: Tasks,
        *,
        clock: Callable[[], datetime],
        language: Language | None = None,
    ) -> None:
        self.language = language
        self._file = folder / "spoken.wav"
        self._tasks, self._clock = tasks, clock
        self._waiting: deque[Money] = deque()
        self._saying = False
        self._known: deque[str] = deque(maxlen=50)
        """A payment is told again when more is learnt about it, and said once."""
        changes.subscribe(PaymentArrived, lambda change: self._hear(change.payment))

    def arrival(self, amount: Money) -> None:
        if self.language is None or len(self._waiting) >= WAITING_MAX:
            return
        self._waiting.append(amount)
        if not self._saying:
            self._saying = True
            self._tasks.start(self._say_all(), "say amounts")

    def _hear(self, payment: Payment) -> None:
        """What Pull or a relay that was away brings hours later is no news to who stands at the counter."""
        is_fresh = self._clock() - (payment.paid_at or payment.received_at) < FRESH
        if payment.is_free and payment.from_customer and is_fresh and payment.id not in self._known:
            self._known.append(payment.id)
            self.arrival(payment.amount)

    async def _say_all(self) -> None:
        try:
            while self._waiting:
                await self._say(self._waiting.popleft())
        finally:
            self._saying = False

    async def _say(self, amount: Money) -> None:
        language = self.language
        if language is None:
            return
        try:
            seconds = await asyncio.to_thread(_join, arrival(amount, language), language, self._file)
        except OSError as error:
            log.warning("an amount could not be said: %s", error.strerror)
            return
        if play_file(self._file):
            # The player is another process and does not tell when it ends.
            await asyncio.sleep(seconds + _PAUSE_SECONDS)


def _join(words: Words, language: Language, file: Path) -> float:
    """Its seconds. Raises OSError. Replaced, not rewritten: a slow player may still read the one before."""
    frames = _SILENCE.join(_frames(resource_path("sounds", "spoken", language, f"{word}.wav")) for word in words)
    new = file.with_suffix(".new.wav")
    with new.open("wb") as opened, wave.open(opened, "wb") as sentence:
        sentence.setnchannels(1)
        sentence.setsampwidth(1)
        sentence.setframerate(_RATE)
        sentence.writeframes(frames)
    new.replace(file)
    return len(frames) / _RATE


def _frames(clip: Path) -> bytes:
    with clip.open("rb") as opened, wave.open(opened, "rb") as sound:
        return sound.readframes(sound.getnframes())
