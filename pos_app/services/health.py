"""Three lights from what really happened: the internet, the relay, and M-Pesa, the worse of answers and weather."""

from pos_app.domain.evidence import Evidence, Fact
from pos_app.domain.reason import Reason
from pos_app.domain.weather import WeatherLevel
from pos_app.relay_link.delivery import LinkStatus
from pos_app.services.changes import Changes, HealthChanged, Light, PaymentArrived, WeatherChanged

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
_NO_ANSWERS = "M-Pesa’s answers hardly arrive by themselves. Safaricom is asked about each charge, which takes longer."
_WORST_FIRST = (Light.OFF, Light.DOWN, Light.SLOW, Light.OK)


class Health:
    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._relay = Light.OFF
        self._mpesa = Light.OFF
        self._link: LinkStatus | None = None
        self._shown: HealthChanged | None = None
        self._weather = WeatherLevel.OFF
        # Money that came is M-Pesa working, however silent its answers were before.
        changes.subscribe(PaymentArrived, lambda _change: self.mpesa_set_up(is_set_up=True))
        changes.subscribe(WeatherChanged, lambda change: self._weather_turned(change.weather.level))

    @property
    def current(self) -> HealthChanged:
        internet = Light.DOWN if self._relay is Light.DOWN and self._mpesa is Light.DOWN else Light.OK
        return HealthChanged(internet, self._relay, self._mpesa_light, self._sentence(internet))

    @property
    def _mpesa_light(self) -> Light:
        # Too few results say nothing of M-Pesa, and a till that is not set up has no weather.
        weather = Light(self._weather.value) if self._weather is not WeatherLevel.OFF else Light.OK
        return min(self._mpesa, weather, key=_WORST_FIRST.index)

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
        return _NO_ANSWERS if self._weather is WeatherLevel.DOWN and self._mpesa is not Light.OFF else ""

    def _weather_turned(self, level: WeatherLevel) -> None:
        self._weather = level
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
