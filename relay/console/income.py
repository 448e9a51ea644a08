"""How money comes in at a shop: when Safaricom called last, how long that is usually, and what is held back.

It must not know which page shows it.
"""

import statistics
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import Connection

from relay.console import frame, words
from relay.console.frame import Mark
from relay.console.markup import Html, html
from relay.log import EventLog
from relay.stores import overview, quarantine
from relay.stores.overview import ShopLine

_FEW = 5
_QUIET_MS = 5 * 60 * 1000
"""However busy a shop is, it is not called quiet before that."""


class Income(NamedTuple):
    """`usual_ms` is what nine of ten lately waited less than, 0 for too few to say."""

    last_at: int | None
    usual_ms: int
    held: int
    head: int

    def is_quiet(self, now_ms: int) -> bool:
        if self.last_at is None or not self.usual_ms:
            return False
        return now_ms - self.last_at > max(3 * self.usual_ms, _QUIET_MS)


async def income(log: EventLog, shop: ShopLine) -> Income:
    head = (await log.head(shop.stream)).seq

    def looked(connection: Connection) -> Income:
        at = overview.last_callbacks(connection, shop.stream_id, head)
        waiting = quarantine.count(connection, shop.stream_id)
        return Income(at[0] if at else None, usual_gap(at), waiting, head)

    return await log.ask(looked)


def usual_gap(newest_first: list[int]) -> int:
    """What nine of ten gaps are shorter than, so that nights do not count; 0 for too few to say."""
    gaps = [later - earlier for later, earlier in pairwise(newest_first)]
    return int(statistics.quantiles(gaps, n=10)[-1]) if len(gaps) >= _FEW else 0


def last(income: Income, now_ms: int) -> Html:
    usual = f", usually within {words.duration(max(1, income.usual_ms / 1000))}" if income.usual_ms else ""
    quiet = frame.mark(Mark("care", "quiet for longer than usual")) if income.is_quiet(now_ms) else None
    return html("<span>{ago}{usual}</span> {quiet}", ago=frame.ago(income.last_at, now_ms), usual=usual, quiet=quiet)


def held(shop: ShopLine, income: Income) -> Html:
    if not income.held:
        return frame.mark(Mark("plain", "none"))
    count = f"{income.held}" if income.held < quarantine.MOST_COUNTED else f"{income.held} or more"
    return frame.link(f"/console/held?stream={shop.stream}", frame.mark(Mark("bad", f"{count} to look at")))
