"""What becomes of confirmations by chance: how many are lost, told twice, late or overtaken, always the same by seed.

It must not know which payments they tell of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from pos_app.simulator.knobs import Fits, Script, Vocabulary
from pos_app.simulator.payment_scenarios import PaymentScenario

KINDS = ("lost", "duplicated", "late", "overtaken", "usual")


@dataclass(frozen=True)
class Weather:
    """Rates from 0 to 1, of all payments. A late one waits `late_seconds`, an overtaken one at most its seconds."""

    lost: float = 0.0
    duplicated: float = 0.0
    late: float = 0.0
    overtaken: float = 0.0
    late_seconds: float = 3600.0
    overtaken_seconds: float = 60.0
    seed: int = 0

    @property
    def rates(self) -> tuple[float, ...]:
        """One for each of `KINDS`."""
        unusual = (self.lost, self.duplicated, self.late, self.overtaken)
        return (*unusual, max(0.0, 1 - sum(unusual)))

    def deal(self, payments: int, chance: Random) -> list[str]:
        """The kind of each of so many payments: exactly as many of each as the rates say, in any order."""
        dealt = [kind for kind, rate in zip(KINDS, self.rates, strict=True) for _ in range(round(rate * payments))]
        dealt = [*dealt, *["usual"] * payments][:payments]
        chance.shuffle(dealt)
        return dealt

    def changed(self, usual: PaymentScenario, kind: str, chance: Random) -> PaymentScenario:
        if kind == "lost":
            return replace(usual, confirmation_copies=0)
        if kind == "duplicated":
            return replace(usual, confirmation_copies=2)
        if kind == "late":
            return replace(usual, confirmation_delay=self.late_seconds)
        if kind == "overtaken":
            return replace(usual, confirmation_delay=chance.uniform(0, self.overtaken_seconds))
        return usual


def _rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_FITS: dict[str, Fits] = dict.fromkeys(("lost", "duplicated", "late", "overtaken"), _rate)
_VOCABULARY = Vocabulary(Weather(), {}, _FITS)
describe = _VOCABULARY.describe


def weather(knobs: Mapping[str, Any]) -> Weather:
    told = _VOCABULARY.read(knobs)
    if sum(told.rates) > 1 + 1e-9:
        raise ValueError("the rates are more than all payments")
    return told


@dataclass
class PaymentScript(Script[PaymentScenario]):
    """The weather changes the default only: what was chosen for a payment stays as it was chosen."""

    weather: Weather = Weather()
    _chance: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - reproducible on purpose

    def turn(self, told: Weather) -> None:
        self.weather = told
        self._chance = Random(told.seed)  # noqa: S311 - reproducible on purpose

    def pick(self, phone: str, amount: int) -> PaymentScenario:
        lasting = not self.queue
        chosen = super().pick(phone, amount)
        if not lasting or chosen is not self.default:
            return chosen
        (kind,) = self._chance.choices(KINDS, self.weather.rates)
        return self.weather.changed(chosen, kind, self._chance)
