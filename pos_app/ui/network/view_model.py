"""The network page's memory: what the services say, and what is being done about it; it knows no widget."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.services.changes import (
    AttemptChanged,
    BalanceGapsChanged,
    Changes,
    PullingChanged,
    QuarantineChanged,
    StatementTasksChanged,
    WeatherChanged,
)
from pos_app.ui.network.deeds import Deeds
from pos_app.ui.network.state import Card, Key, NetworkState
from pos_app.ui.network.words import gap_card, held_card, more_held_words, pulling_words, task_card, weather_words
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.network_weather import NetworkWeather
    from pos_app.services.uplink import Uplink

ASKING: Key = ("pulling", "")
IMPORTING: Key = ("statement", "")
_AGAIN_MS = 20_000
_SHOWN = (PullingChanged, StatementTasksChanged, BalanceGapsChanged, QuarantineChanged, WeatherChanged)
_NOT_SET_UP = Refused("M-Pesa is not set up on this till. Open Settings first.")
_BROKE = "That did not work and was written to the log. No money was lost. Try again."

Work = Callable[[ShopAccount], Awaitable[str | Refused]]
"""Says what came of it."""


class NetworkViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        weather: "NetworkWeather",
        uplink: "Uplink",
        changes: Changes,
        tasks: Tasks,
        *,
        account: Callable[[], ShopAccount | None],
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._weather = weather
        self._uplink = uplink
        self._tasks = tasks
        self._account = account
        self._clock = clock
        self._deeds = Deeds(uplink, clock)
        self._is_shown = False
        self._again = QTimer(self, interval=_AGAIN_MS)
        self._again.timeout.connect(self._look)
        words = weather_words(weather.current, clock()), pulling_words(uplink.pulling.current, clock())
        self.state = self._read(NetworkState(*words))
        for kind in _SHOWN:
            changes.subscribe(kind, lambda _change: self._see())
        changes.subscribe(AttemptChanged, lambda change: self._look() if not change.attempt.state.is_live else None)

    def enter(self) -> None:
        """The page is shown, and kept up to date from now on."""
        self._is_shown = True
        self._again.start()
        self._show(problem="", said="")
        self._look()

    def leave(self) -> None:
        """The page is hidden: changes no longer cost anything."""
        self._is_shown = False
        self._again.stop()

    def ask_now(self) -> None:
        self._do(ASKING, self._deeds.ask)

    def import_statement(self, path: Path) -> None:
        self._do(IMPORTING, lambda account: self._deeds.take_statement(path, account))

    def act(self, key: Key) -> None:
        """What the till can do about a card; the file of a statement is chosen by the page."""
        kind, name = key
        if kind == "gap":
            self._do(key, self._deeds.ask)
        elif kind == "held":
            self._do(key, lambda _account: self._deeds.check(name))

    def note(self, key: Key, words: str) -> None:
        """A supervisor settles a card with a few words."""
        self._do(key, lambda account: self._deeds.settle(key, words, account))

    def _do(self, key: Key, work: Work) -> None:
        account = self._account()
        if account is None:
            self._show(problem=_NOT_SET_UP.sentence)
        elif key not in self.state.busy:
            self._show(busy=self.state.busy | {key}, problem="", said="")
            self._tasks.start(self._done(key, work, account), f"network: {key[0]}")

    async def _done(self, key: Key, work: Work, account: ShopAccount) -> None:
        answer: str | Refused = Refused(_BROKE)
        try:
            answer = await work(account)
        finally:
            problem, said = (answer.sentence, "") if isinstance(answer, Refused) else ("", answer)
            self._show(busy=self.state.busy - {key}, problem=problem, said=said)
            self._see()

    def _look(self) -> None:
        if self._is_shown:
            self._tasks.start(self._look_at_the_weather(), "network: weather")

    async def _look_at_the_weather(self) -> None:
        await self._weather.look()
        self._see()

    def _see(self) -> None:
        if self._is_shown:
            shown = self._read(self.state)
            if shown != self.state:
                self.state = shown
                self.changed.emit()

    def _read(self, state: NetworkState) -> NetworkState:
        held = self._uplink.quarantine.current
        return replace(
            state,
            weather=weather_words(self._weather.current, self._clock()),
            pulling=pulling_words(self._uplink.pulling.current, self._clock()),
            cards=self._cards(),
            more=more_held_words(held.count - len(held.newest)),
            is_set_up=self._account() is not None,
        )

    def _cards(self) -> tuple[Card, ...]:
        """In the order of the bar across the window."""
        now, uplink = self._clock(), self._uplink
        return (
            *(task_card(task, now) for task in uplink.tasks.open),
            *(held_card(held, now) for held in uplink.quarantine.current.newest),
            *(gap_card(gap, now) for gap in uplink.balance_watch.open),
        )

    def _show(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self.changed.emit()
