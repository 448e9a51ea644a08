"""The tills: who is connected, since when, and how far behind. It must not change anything.

Of a till that another relay serves, what the store was told of it a moment ago is all that is known here.
"""

from collections.abc import Sequence
from typing import NamedTuple

from starlette.responses import Response

from relay.attendance import AGAIN_SECONDS
from relay.console import frame, words
from relay.console.asked import Asked
from relay.console.frame import Mark, Notice
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.stores import overview
from relay.stores.overview import TillLine

PAGE = 100
_LATE_SECONDS = 30
_COLUMNS = ("Till", "Shop", "Connection", "Behind", "Last confirmed", "Program", "")
_NONE_YET = "No tills yet. Open a shop and invite its first till."
_NONE_OF_SHOP = "No tills yet. Invite the first one below."
_DONE = {
    "revoked": "The till is revoked. If it was connected, it is out within five seconds.",
    "again": "Asked. The till reads again as soon as it is connected; others notice nothing.",
}


class Lag(NamedTuple):
    """`since` is when the oldest event came that the till has not confirmed; None where it has confirmed all."""

    events: int
    since: int | None


async def table(parts: Parts, lines: Sequence[TillLine], now_ms: int) -> Html:
    rows = [_row(parts, line, await _lag(parts, line), now_ms) for line in lines]
    return frame.table("Tills", _COLUMNS, rows, _NONE_YET)


async def table_of_shop(parts: Parts, lines: Sequence[TillLine], now_ms: int) -> Html:
    """Without the shop, which the page names."""
    rows = [_row(parts, line, await _lag(parts, line), now_ms) for line in lines]
    at = _COLUMNS.index("Shop")
    columns = (*_COLUMNS[:at], *_COLUMNS[at + 1 :])
    return frame.table("Tills", columns, [[*row[:at], *row[at + 1 :]] for row in rows], _NONE_OF_SHOP)


class Tills:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = parts.log

    async def listed(self, asked: Asked) -> Response:
        skip, said = asked.number("skip"), _DONE.get(asked.query.get("done", ""))
        lines = await self._log.ask(lambda connection: overview.tills(connection, "", skip, PAGE + 1))
        body = [
            frame.live([await table(self._parts, lines[:PAGE], asked.now_ms)], asked.now_ms),
            frame.further(f"/console/tills?skip={skip + PAGE}", "More tills", shown=len(lines) > PAGE),
        ]
        return frame.page("Tills", body, asked.session, Notice("done", said) if said else None)


def confirmed(parts: Parts, line: TillLine) -> int:
    """How far the till has confirmed: as it says itself where it is connected, else as it was written down."""
    session = parts.feed.session_of(line.till.id)
    return session.acked if session is not None else line.till.acked_seq or 0


async def _lag(parts: Parts, line: TillLine) -> Lag:
    acked = confirmed(parts, line)
    head = (await parts.log.head(line.stream)).seq
    if line.till.revoked_at is not None or acked >= head:
        return Lag(0, None)
    since = await parts.log.ask(lambda connection: overview.at_of(connection, line.stream_id, acked + 1))
    return Lag(head - acked, since)


def _row(parts: Parts, line: TillLine, lag: Lag, now_ms: int) -> list[object]:
    till, session = line.till, parts.feed.session_of(line.till.id)
    return [
        html(
            '<strong>{name}</strong> <span class="small">code {code}</span>',
            name=till.name or "no name",
            code=till.code or "not given",
        ),
        frame.link(f"/console/shops/{line.stream}", till.shop),
        _connection(parts, line, now_ms),
        _behind(lag, now_ms),
        frame.ago(till.acked_at, now_ms),
        (session.app or "not said") if session is not None else "–",
        _acts(line),
    ]


def _connection(parts: Parts, line: TillLine, now_ms: int) -> Html:
    session = parts.feed.session_of(line.till.id)
    if line.till.revoked_at is not None:
        return html(
            "{mark} {ago}", mark=frame.mark(Mark("plain", "revoked")), ago=frame.ago(line.till.revoked_at, now_ms)
        )
    if session is None:
        return _elsewhere(parts, line, now_ms) or frame.mark(Mark("care", "not connected"))
    return html(
        "{mark} {since}",
        mark=frame.mark(Mark("good", "connected")),
        since=frame.time_of(session.since, f"for {words.duration((now_ms - session.since) / 1000)}"),
    )


def _elsewhere(parts: Parts, line: TillLine, now_ms: int) -> Html | None:
    """None for a till that no relay has noted of late; each notes its own every AGAIN_SECONDS."""
    seen = line.till.acked_at
    if not parts.log.is_shared or seen is None or now_ms - seen > 1000 * (AGAIN_SECONDS + _LATE_SECONDS):
        return None
    return html("{mark} {ago}", mark=frame.mark(Mark("plain", "at another relay")), ago=frame.ago(seen, now_ms))


def _behind(lag: Lag, now_ms: int) -> object:
    if not lag.events:
        return frame.mark(Mark("plain", "nothing"))
    seconds = words.duration((now_ms - lag.since) / 1000) if lag.since is not None else "unknown"
    return frame.mark(Mark("care", f"{words.plural(lag.events, 'event')}, {seconds}"))


def _acts(line: TillLine) -> Html | None:
    if line.till.revoked_at is not None:
        return None
    path = f"/console/tills/{line.till.id}"
    return html(
        '<span class="acts">{again}{revoke}</span>',
        again=frame.link(f"{path}/read-again", "Read again", "button"),
        revoke=frame.link(f"{path}/revoke", "Revoke", "button"),
    )
