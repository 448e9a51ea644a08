"""One shop: its tills, a code for a new one, and its callback path.

A callback path lets anybody post what looks like payments, a code lets anybody be a till of the shop: each is shown
once, to an operator who has just said the password again.
"""

import segno
from sqlalchemy import Connection
from starlette.responses import Response

from relay.console import frame, tills, words
from relay.console.asked import Asked
from relay.console.frame import Notice
from relay.console.gate import Gate
from relay.console.income import Income, held, income, last
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.stores import directory, operator_record, overview
from relay.stores.overview import ShopLine


class Shop:
    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate
        self._log = parts.log

    async def shown(self, asked: Asked, notice: Notice | None = None, status: int = 200) -> Response:
        shop = await self._of(asked)
        if shop is None:
            return frame.nothing_here(asked.session)
        found = await income(self._log, shop)
        lines = await self._log.ask(lambda connection: overview.tills(connection, shop.stream, 0, tills.PAGE))
        shown = await tills.table_of_shop(self._parts, lines, asked.now_ms)
        body = [
            frame.live([_facts(shop, found, asked.now_ms), shown], asked.now_ms),
            _invite_form(asked, shop),
            _path_form(asked, shop),
        ]
        return frame.page(shop.name, body, asked.session, notice, status=status)

    async def invite(self, asked: Asked) -> Response:
        shop = await self._of(asked)
        if shop is None:
            return frame.nothing_here(asked.session)
        refused = await self._gate.is_it_you(asked.session, asked.form.get("password", ""))
        if refused is not None:
            return await self.shown(asked, Notice("wrong", refused.sentence), refused.status)

        def made(connection: Connection) -> directory.Invitation:
            operator_record.note(connection, asked.act("invited a till", shop.name), asked.now_ms)
            return directory.invite_till(connection, shop.name, asked.now_ms)

        body = _invitation(shop, await self._log.run(made), self._parts.public_url())
        return frame.page("A code for a new till", body, asked.session)

    async def callback_path(self, asked: Asked) -> Response:
        shop = await self._of(asked)
        if shop is None:
            return frame.nothing_here(asked.session)
        refused = await self._gate.is_it_you(asked.session, asked.form.get("password", ""))
        if refused is not None:
            return await self.shown(asked, Notice("wrong", refused.sentence), refused.status)

        def looked_up(connection: Connection) -> str:
            operator_record.note(connection, asked.act("looked at the callback path", shop.name), asked.now_ms)
            return directory.shop_by_name(connection, shop.name).callback_key

        address = f"{self._parts.public_url()}/h/{await self._log.run(looked_up)}"
        return frame.page("Callback path", _path(shop, address), asked.session)

    async def _of(self, asked: Asked) -> ShopLine | None:
        return await self._log.ask(lambda connection: overview.shop_of(connection, asked.path["stream"]))


def _facts(shop: ShopLine, found: Income, now_ms: int) -> Html:
    return frame.facts(
        [
            ("Last callback", last(found, now_ms)),
            ("Held back", held(shop, found)),
            ("Events in its record", f"{found.head:,}"),
            ("Stream", html("<code>{stream}</code>", stream=shop.stream)),
            ("Callback path", "hidden; you can ask for it below"),
        ]
    )


def _invite_form(asked: Asked, shop: ShopLine) -> Html:
    parts = [
        html("<h2>Invite a till</h2>"),
        frame.bullets(
            [
                "You get a code for one till. It works once, for ten minutes.",
                "Money: whoever types that code sees every payment of this shop and may use it for a sale.",
            ]
        ),
        frame.password_again(),
        frame.button("Show a code"),
    ]
    return frame.form(f"/console/shops/{shop.stream}/invitations", asked.session, parts, name="Invite a till")


def _path_form(asked: Asked, shop: ShopLine) -> Html:
    parts = [
        html("<h2>Callback path</h2>"),
        frame.bullets(
            [
                "The secret address at which Safaricom tells this relay of the shop’s payments. Its tills know it.",
                "Money: whoever has it can post messages that look like payments. Show it to nobody.",
            ]
        ),
        frame.password_again(),
        frame.button("Show the path", "danger"),
    ]
    return frame.form(f"/console/shops/{shop.stream}/callback-path", asked.session, parts, name="Callback path")


def _invitation(shop: ShopLine, made: directory.Invitation, url: str) -> list[Html]:
    return [
        html('<p class="code">{code}</p>', code=made.code),
        html(
            "<p>For one till of {shop}, until {until}. It is not shown again.</p>",
            shop=html("<strong>{name}</strong>", name=shop.name),
            until=words.clock(made.expires_at),
        ),
        html('<div class="qr">{qr}</div>', qr=_qr(f"{url}/#{made.code}")),
        html("<p>On the till: Settings, Relay. Type the relay’s address <code>{url}</code> and the code.</p>", url=url),
        html("<p>{back}</p>", back=frame.link(f"/console/shops/{shop.stream}", "Back to the shop", "button")),
    ]


def _qr(text: str) -> Html:
    drawn = segno.make(text, error="m").svg_inline(
        scale=6, border=4, dark="#000", light="#fff", title="Address and code as a QR code"
    )
    return Html(drawn)


def _path(shop: ShopLine, address: str) -> list[Html]:
    return [
        html('<p class="secret"><code>{address}</code></p>', address=address),
        html("<p>Of {shop}. That you looked at it stands in the record.</p>", shop=shop.name),
        html("<p>{back}</p>", back=frame.link(f"/console/shops/{shop.stream}", "Back to the shop", "button")),
    ]
