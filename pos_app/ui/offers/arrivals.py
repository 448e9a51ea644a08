"""Tells that a customer's own payment came: a sound, a sentence for a moment, and words for a screen reader."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import QObject, QTimer, Signal

from pos_app.domain.payment import Payment
from pos_app.services.changes import Changes, PaymentArrived
from pos_app.ui.offers.words import Said, arrival, since
from pos_app.ui.sounds import Sound, Sounds

SHOWN_MS = 6_000
NEWS = timedelta(minutes=2)
"""What is older was missed, as while the till was off; the rail has it, and nobody waits to hear of it."""

_REMEMBERED = 200


class Arrivals(QObject):
    changed = Signal()
    announced = Signal(str)

    def __init__(
        self,
        changes: Changes,
        *,
        sounds: Sounds,
        clock: Callable[[], datetime],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._sounds, self._clock = sounds, clock
        self.said: Said | None = None
        self._told: deque[str] = deque(maxlen=_REMEMBERED)
        self._end = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._end.timeout.connect(lambda: self._show(None))
        changes.subscribe(PaymentArrived, lambda change: self._on_payment(change.payment))

    def _on_payment(self, payment: Payment) -> None:
        """Once for each, however many messages tell of it; the money of a charge has a panel of its own."""
        unasked = payment.attempt_id is None and payment.likely_attempt_id is None and payment.from_customer
        is_news = payment.id not in self._told and self._clock() - since(payment) < NEWS
        self._told.append(payment.id)
        if unasked and is_news and payment.taken_by is None:
            self._tell(payment)

    def _tell(self, payment: Payment) -> None:
        said = arrival(payment)
        self._sounds.play(Sound.RECEIVED)
        self._show(said)
        self._end.start()
        self.announced.emit(said.english)

    def _show(self, said: Said | None) -> None:
        self.said = said
        self.changed.emit()
