"""A day of customers who pay by themselves, all of it planned from one seed.

It must not know what the shop makes of it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from pos_app.simulator.customers import Purchase
from pos_app.simulator.fields import MAX_AMOUNT
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.shop import Shortcode
from pos_app.simulator.weather import KINDS, Weather, weather

MOST = 100_000
_ACCOUNTS = ("", "INV {n}", "HSE {n}B", "inv-{n}", "{n}")


@dataclass(frozen=True)
class Day:
    """So many payments, spread over so many seconds at random; `accounts` are what customers type at a PayBill."""

    payments: int = 2000
    seconds: float = 12 * 3600.0
    customers: int = 300
    smallest: int = 10
    largest: int = 5000
    accounts: tuple[str, ...] = _ACCOUNTS

    def __post_init__(self) -> None:
        if not (0 < self.payments <= MOST and 0 <= self.seconds < 1e7 and 0 < self.customers <= 1_000_000):
            raise ValueError("a day has 1 to 100000 payments, some seconds and some customers")
        if not 1 <= self.smallest <= self.largest <= MAX_AMOUNT:
            raise ValueError(f"amounts are from 1 to {MAX_AMOUNT}, the smallest first")
        if not self.accounts or not all(isinstance(account, str) and len(account) <= 20 for account in self.accounts):
            raise ValueError("accounts are texts of at most 20 characters")


@dataclass(frozen=True)
class Planned:
    """`after` is seconds from the start; `kind` one of the weather's."""

    after: float
    purchase: Purchase
    scenario: PaymentScenario
    kind: str


def plan(day: Day, sky: Weather, usual: PaymentScenario, numbers: tuple[Shortcode, ...]) -> list[Planned]:
    chance = Random(sky.seed)  # noqa: S311 - reproducible on purpose
    moments = sorted(chance.uniform(0, day.seconds) for _ in range(day.payments))
    kinds = sky.deal(day.payments, chance)
    return [
        Planned(after, _purchase(day, chance, numbers), sky.changed(usual, kind, chance), kind)
        for after, kind in zip(moments, kinds, strict=True)
    ]


def counts(planned: list[Planned]) -> dict[str, int]:
    found = Counter(payment.kind for payment in planned)
    return {kind: found[kind] for kind in KINDS}


def read(fields: Mapping[str, Any]) -> tuple[Day, Weather]:
    """The knobs of both in one object. Raises ValueError with a sentence."""
    of_day = {name: fields[name] for name in ("payments", "customers", "smallest", "largest") if name in fields}
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in of_day.values()):
        raise ValueError("payments, customers, smallest and largest are whole numbers")
    day = Day(
        **of_day,
        seconds=float(fields.get("seconds", Day.seconds)),
        accounts=tuple(fields.get("accounts", _ACCOUNTS)),
    )
    known = {*of_day, "seconds", "accounts", "number", "scenario"}
    return day, weather({name: value for name, value in fields.items() if name not in known})


def _purchase(day: Day, chance: Random, numbers: tuple[Shortcode, ...]) -> Purchase:
    phone = f"2547{chance.randrange(day.customers) + 10_000_000:08d}"
    account = chance.choice(day.accounts).replace("{n}", str(chance.randrange(1, 1000)))
    return Purchase(chance.choice(numbers), phone, chance.randint(day.smallest, day.largest), account)
