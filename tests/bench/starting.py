"""P6 and P12: from a fresh process to the first paint, and until the till can sell; and what a long history adds to it.

Times are from before the process was started to the end of a paint. `sell` is a paint of the selling page after every
open charge was recovered: a sale can be rung and paid in cash, and a charge asked for then waits until `connected`,
when the relay link was started. The files are warm: the first start is thrown away.
Profile: `python -X importtime`, or `py-spy record -d 3 -- python tests/bench/workers/window.py FOLDER JSON`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from desks import Surroundings, bare_window, surroundings
from figures import Figure
from machine import Bench, Child

_BARE = "a bare PySide6 window"
_AT = "2026-10-14T12:30:12.000000Z"


def p6(bench: Bench) -> Iterator[Figure]:
    painted, sold, connected, bare = [], [], [], []
    with surroundings(bench) as around:
        folder = bench.fresh("till")
        for at in range(-1, bench.count(7) if bench.rounds > 1 else bench.rounds):
            window, (first, sell, last) = _moments(bare_window(bench))[0], _till(bench, around, folder)
            if at >= 0:
                bare.append(window)
                painted.append(first)
                sold.append(sell)
                connected.append(last)
    yield Figure("P6", "till start → first paint", "ms", painted, bare, _BARE, at_most=1.15)
    yield Figure("P6", "till start → able to sell", "ms", sold, bare, _BARE, at_most=4)
    yield Figure("P6", "till start → connected", "ms", connected, bare, _BARE)


def p12(bench: Bench) -> Iterator[Figure]:
    full, empty = [], []
    with surroundings(bench) as around:
        new, old = bench.fresh("new"), bench.fresh("old")
        for folder in (new, old):
            _till(bench, around, folder)
        _age(old / "training" / "till.db", bench.count(100_000))
        for at in range(-1, bench.rounds):
            taken = [_till(bench, around, folder)[1] for folder in ((old, new) if at % 2 else (new, old))]
            _open_again(old / "training" / "till.db")
            if at >= 0:
                full.append(taken[0 if at % 2 else 1])
                empty.append(taken[1 if at % 2 else 0])
    what = f"start → able to sell, 20 open charges, {bench.count(100_000):,} charges on record"
    yield Figure("P12", what, "ms", full, empty, "the same with none", at_most=1.5)


def _till(bench: Bench, around: Surroundings, folder: Path) -> tuple[float, float, float]:
    painted, sell, connected = _moments(around.start(bench, folder))
    return painted, sell, connected


def _moments(started: Child) -> list[float]:
    """Milliseconds since before the process was started, in the order in which it said them."""
    with started as child:
        return [(at - child.started_ns) / 1e6 for at in child.answer().values()]


def _age(path: Path, charges: int) -> None:
    """Writes paid charges as the till would have, straight into its tables; the last 20 are still open."""
    numbers = range(1, charges + 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO sale (id, number, opened_at, closed_at, total_cents) VALUES (?, ?, ?, ?, 15000)",
            ((at, at, _AT, None if at > charges - 20 else _AT) for at in numbers),
        )
        connection.executemany(
            "INSERT INTO sale_line (sale_id, position, name, price_cents, quantity) VALUES (?, 0, 'Unga', 15000, 1)",
            ((at,) for at in numbers),
        )
        connection.executemany(
            "INSERT INTO attempt VALUES (?, ?, ?, 15000, '254712345678', 'paybill', '174379', '', ?, ?, ?, '', '0',"
            " 'm', ?, ?, ?, ?)",
            ((at, at, f"{at:032x}", f"T-{at}", _AT, *_progress(at, charges)) for at in numbers),
        )
        connection.executemany(
            "INSERT INTO payment (id, receipt, amount_cents, short_code, received_at, payer_name, payer_phone,"
            " bill_reference, sale_id, attempt_id) VALUES (?, ?, 15000, '174379', ?, '', '', '', ?, ?)",
            ((f"UJ{at:08d}", f"UJ{at:08d}", _AT, at, at) for at in numbers if at <= charges - 20),
        )
        connection.executemany(
            "INSERT INTO evidence (attempt_id, payment_id, event_key, fact, source, at, recorded_at, reason, code,"
            " text, merchant_request_id, checkout_request_id, receipt, short_code, trusted, disposition)"
            " VALUES (?, ?, ?, 'paid', 'callback', ?, ?, '', '0', '', '', '', '', '', 1, 'applied')",
            ((at, f"UJ{at:08d}", f"e{at}", _AT, _AT) for at in numbers if at <= charges - 20),
        )


def _progress(at: int, charges: int) -> tuple[str, str, str, str, str | None]:
    is_open = at > charges - 20
    state, receipt = ("PENDING", "") if is_open else ("PAID", f"UJ{at:08d}")
    return state, f"ws_CO_{at:020d}", receipt, _AT, None if is_open else _AT


def _open_again(path: Path) -> None:
    """A day-old charge goes from PENDING to UNKNOWN at the first start; the next one must find as much to do."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE attempt SET state = 'PENDING', reason = '' WHERE state = 'UNKNOWN'")
