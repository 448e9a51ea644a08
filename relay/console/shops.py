"""The shops, a page of them at a time, and a new one. It must not know tills or events."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.responses import RedirectResponse, Response

from relay.console import frame, words
from relay.console.asked import Asked
from relay.console.frame import Mark, Notice
from relay.console.income import Income, held, income, last
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.log import new_epoch
from relay.stores import directory, operator_record, overview
from relay.stores.overview import ShopLine

PAGE = 25
MAX_NAME = 80
_COLUMNS = ("Shop", "Last callback", "Tills", "Held back", "Events")
_NONE_YET = "No shops yet. Add the first one below: it gets a callback path of its own, then you invite its tills."


class Shops:
    def __init__(self, parts: Parts) -> None:
        self._log = parts.log

    async def listed(self, asked: Asked, notice: Notice | None = None, status: int = 200) -> Response:
        like, skip = asked.query.get("name", "").strip()[:MAX_NAME], asked.number("skip")
        found = await self._log.ask(lambda connection: overview.shops(connection, like, skip, PAGE + 1))
        rows = [_row(shop, await income(self._log, shop), asked.now_ms) for shop in found[:PAGE]]
        empty = html("No shop has “{like}” in its name.", like=like) if like else _NONE_YET
        body = [
            _search(like),
            frame.live([frame.table("Shops", _COLUMNS, rows, empty)], asked.now_ms),
            frame.further(f"/console/shops?skip={skip + PAGE}", "More shops", shown=len(found) > PAGE),
            _add_form(asked),
        ]
        return frame.page("Shops", body, asked.session, notice, status=status)

    async def add(self, asked: Asked) -> Response:
        name = asked.text("name", MAX_NAME)
        if not name:
            return await self.listed(asked, Notice("wrong", "A shop needs a name. Nothing was added."), 400)

        def made(connection: Connection) -> str:
            shop = directory.add_shop(connection, name, new_epoch())
            operator_record.note(connection, asked.act("added a shop", name), asked.now_ms)
            return shop.stream

        try:
            stream = await self._log.run(made)
        except IntegrityError:
            taken = f"There is a shop called “{name}” already. Nothing was added."
            return await self.listed(asked, Notice("wrong", taken), 409)
        return RedirectResponse(f"/console/shops/{stream}", 303)


def _row(shop: ShopLine, found: Income, now_ms: int) -> list[object]:
    return [
        frame.link(f"/console/shops/{shop.stream}", shop.name, "main"),
        last(found, now_ms),
        words.plural(shop.tills, "till") if shop.tills else frame.mark(Mark("care", "none paired")),
        held(shop, found),
        f"{found.head:,}",
    ]


def _search(like: str) -> Html:
    return html(
        '<form class="panel row" role="search">{field}<button>Find</button></form>',
        field=frame.field(
            "Find a shop by its name", "name", kind="search", value=like, attributes=html(' maxlength="80"')
        ),
    )


def _add_form(asked: Asked) -> Html:
    parts = [
        html("<h2>Add a shop</h2>"),
        frame.field(
            "Name",
            "name",
            told="As its tills will show it.",
            attributes=html(' required maxlength="80" autocomplete="off"'),
        ),
        frame.button("Add the shop"),
    ]
    return frame.form("/console/shops", asked.session, parts, name="Add a shop")
