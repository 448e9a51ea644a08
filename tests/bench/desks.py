"""The till's window as the benchmarks start it: with its own relay and a Daraja that takes everything.

It must not know what a figure is held to.
"""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import shops
from machine import FLOORS, WORKERS, Bench, Child


@dataclass(frozen=True)
class Surroundings:
    """What a till needs around it, kept up while tills come and go."""

    shop: shops.Shop
    till: shops.Paired
    daraja: str

    def start(self, bench: Bench, folder: Path) -> Child:
        spec = {"daraja": self.daraja, "till": asdict(self.till)}
        return Child([str(WORKERS / "window.py"), str(folder), json.dumps(spec)], bench.log)

    def start_again(self, bench: Bench, folder: Path) -> Child:
        """As on every day but the first, which alone loads what makes the schema."""
        with self.start(bench, folder) as first:
            first.answer()
        return self.start(bench, folder)

    def callbacks(self, asked: list[list[str]], first: int) -> list[bytes]:
        """The paid results of charges that the window said it asked for."""
        return [
            shops.request(
                self.shop.callback_key,
                nonce,
                shops.callback_body(checkout, merchant, shops.receipt_at(36**7 + first + at), 150, 254712345678),
            )
            for at, (nonce, checkout, merchant) in enumerate(asked)
        ]

    def confirmations(self, first: int, count: int, *, age: timedelta = timedelta(0)) -> dict[str, bytes]:
        """Payments that customers make by themselves, by receipt: of many amounts, some with a bill's number."""
        draw, made, paid_at = random.Random(first), dict[str, bytes](), datetime.now(UTC) - age
        for at in range(first, first + count):
            receipt = shops.receipt_at(2 * 36**7 + at)
            amount, reference = draw.randrange(10, 1500), draw.choice(["", "", "HSE 12B", f"INV {draw.randrange(600)}"])
            body = shops.confirmation_body(receipt, amount, reference, paid_at)
            made[receipt] = shops.confirmation(self.shop.callback_key, body)
        return made


@contextmanager
def surroundings(bench: Bench) -> Iterator[Surroundings]:
    """Nothing is pinned: at a shop's pace the cores are idle, and it is their waking that costs."""
    store = bench.fresh("relay") / "relay.db"
    shop = shops.make_shops(store)[0]
    with (
        shops.relay(bench, store, echo=True, core=None) as relay,
        Child([str(WORKERS / "sink.py")], bench.log) as sink,
    ):
        yield Surroundings(shop, shops.pair(relay.listening(), shop.codes[0]), sink.listening())


def bare_window(bench: Bench) -> Child:
    return Child([str(FLOORS / "bare_window.py")], bench.log)
