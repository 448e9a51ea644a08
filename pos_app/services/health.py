"""Three lights from what really happened: the internet, the relay, and M-Pesa’s own answers."""

from pos_app.domain.evidence import Evidence, Fact
from pos_app.domain.reason import Reason
from pos_app.relay_link.delivery import LinkStatus
from pos_app.services.changes import (
    BalanceGapsChanged,
    Changes,
    HealthChanged,
    Light,
    PaymentArrived,
    StatementTasksChanged,
)

_RELAY_LIGHTS = {
    LinkStatus.CONNECTING: Light.SLOW,
    LinkStatus.CATCHING_UP: Light.SLOW,
    LinkStatus.LIVE: Light.OK,
    LinkStatus.OFFLINE: Light.DOWN,
    LinkStatus.INTERCEPTED: Light.DOWN,
    LinkStatus.REFUSED: Light.DOWN,
}
_NO_INTERNET = "No internet. Cash works. M-Pesa will be checked later."
_NO_RELAY = "No connection to the relay. Charges still work; answers may take up to two minutes."
_INTERCEPTED = (
    "The network answers in the relay’s place: it may want you to sign in. The till keeps trying; charges still work."
)
_REFUSED = "The relay does not accept this till any more. Open Settings and pair it again."
_NO_MPESA = "M-Pesa does not answer. Cash works. Charges that are open are being checked."


class Health:
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._relay = Light.OFF
        self._mpesa = Light.OFF
        self._link: LinkStatus | None = None
        self._shown: HealthChanged | None = None
        self._standing = ["", ""]
        """Sentences that stay until somebody has acted, the loudest first."""
        # Money that came is M-Pesa working, however silent its answers were before.
        changes.subscribe(PaymentArrived, lambda _change: self.mpesa_set_up(is_set_up=True))
        changes.subscribe(StatementTasksChanged, lambda change: self._stand(0, change.sentence))
        changes.subscribe(BalanceGapsChanged, lambda change: self._stand(1, change.sentence))

    @property
    def current(self) -> HealthChanged:
        internet = Light.DOWN if self._relay is Light.DOWN and self._mpesa is Light.DOWN else Light.OK
        return HealthChanged(internet, self._relay, self._mpesa, self._sentence(internet))

    def _sentence(self, internet: Light) -> str:
        if self._link is LinkStatus.REFUSED:
            return _REFUSED
        if self._link is LinkStatus.INTERCEPTED:
            return _INTERCEPTED
        if internet is Light.DOWN:
            return _NO_INTERNET
        if self._mpesa is Light.DOWN:
            return _NO_MPESA
        if self._relay is Light.DOWN:
            return _NO_RELAY
        return next(filter(None, self._standing), "")

    def _stand(self, place: int, sentence: str) -> None:
        self._standing[place] = sentence
        self._publish()

    def link_changed(self, status: LinkStatus) -> None:
        # While it was down, “connecting” is only another try; the light moves when it has worked.
        if status is LinkStatus.CONNECTING and self._relay is Light.DOWN and self._link is not LinkStatus.REFUSED:
            return
        self._link, self._relay = status, _RELAY_LIGHTS[status]
        self._publish()

    def answered(self, told: Evidence) -> None:
        """What Daraja's answer says about Daraja, whatever it says about the charge."""
        if told.fact in {Fact.NOT_SENT, Fact.REPLY_LOST}:
            self._mpesa = Light.DOWN
        elif told.reason is Reason.DOWN or told.fact is Fact.NO_ANSWER:
            self._mpesa = Light.SLOW
        else:
            self._mpesa = Light.OK
        self._publish()

    def mpesa_set_up(self, *, is_set_up: bool) -> None:
        self._mpesa = Light.OK if is_set_up else Light.OFF
        self._publish()

    def _publish(self) -> None:
        if self.current != self._shown:
            self._shown = self.current
            self._changes.publish(self._shown)
