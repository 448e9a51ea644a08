"""The record of what operators did, for every operator to read. It must not offer a way to change it."""

from starlette.responses import Response

from relay.console import frame, words
from relay.console.asked import Asked
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.stores import operator_record
from relay.stores.operator_record import Entry

PAGE = 100
_COLUMNS = ("When", "Who", "What", "Of what", "From")


class Record:
    def __init__(self, parts: Parts) -> None:
        self._log = parts.log

    async def shown(self, asked: Asked) -> Response:
        before = asked.number("before") or None
        found = await self._log.ask(lambda connection: operator_record.entries(connection, before, PAGE + 1))
        last = found[:PAGE][-1].number if found else 0
        body = [
            html("<p>What operators did here is only ever added, never changed or taken away.</p>"),
            _sign_out_everywhere(asked),
            frame.table("Record", _COLUMNS, map(_row, found[:PAGE]), "Nothing yet."),
            frame.further(f"/console/record?before={last}", "Older entries", shown=len(found) > PAGE),
        ]
        return frame.page("Record", body, asked.session)


def _sign_out_everywhere(asked: Asked) -> Html:
    parts = [
        html("<p>Signed in on a browser that is not in your hands?</p>"),
        frame.button("Sign me out everywhere", "danger"),
    ]
    return frame.form("/console/sign-out-everywhere", asked.session, parts, name="Sign out everywhere")


def _row(entry: Entry) -> list[object]:
    act = entry.act
    detail = html(' <span class="small">{detail}</span>', detail=act.detail) if act.detail else None
    what = html("{action}{detail}", action=act.action, detail=detail)
    when = frame.time_of(entry.at, words.moment(entry.at))
    return [when, act.operator or "an unknown name", what, act.subject or "–", act.address]
