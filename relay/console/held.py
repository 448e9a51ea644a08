"""What is held back: callbacks that are not believed yet, compared with all else that the log says, and believed.

It must not change an event. Believing one appends its trusted copy, as a till does that has asked Safaricom.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from relay import reports
from relay.console import frame, payment, words
from relay.console.asked import Asked
from relay.console.frame import Mark, Notice
from relay.console.gate import Gate
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.log import Head
from relay.protocol import (
    KIND_C2B_CONFIRMATION,
    KIND_UNPARSED,
    SOURCE_OPERATOR,
    SOURCE_PULL,
    SOURCE_TILL,
    TRUSTED,
    Promotion,
)
from relay.stores import events, operator_record, overview, quarantine
from relay.stores.overview import ShopLine
from relay.stores.quarantine import Place
from relay.stores.sequence import Incoming, Row

PAGE = 50
LEAST_REASON = 5
MAX_REASON = 160
# More would reach into another place of the log (SEQ_BITS), or be no number that a database has.
_SEQ_DIGITS, _DIGITS = 12, 18
_COLUMNS = ("Came", "Shop", "What", "Amount", "Phone", "Receipt", "")
_NONE = (
    "Nothing is held back. What this relay cannot believe at once appears here, and counts for nothing until "
    "somebody has looked."
)
_DONE = "Believed. The tills of the shop are being told of it, as of any payment."
_LOOK = "Look it up in the M-PESA portal before you believe it."
_ADVICE = {
    KIND_C2B_CONFIRMATION: f"{_LOOK} Or wait: where Pull is set up, a till asks Safaricom within a quarter of an hour.",
    KIND_UNPARSED: "Nobody can tell what it says. If a payment is missing, look for it in the M-PESA portal.",
}
_MORE = "There may be more in the log: these are what is believed, and the newest of each kind."
_SOURCES = {SOURCE_PULL: "Pull", SOURCE_TILL: "a till", SOURCE_OPERATOR: "an operator"}


class Event(NamedTuple):
    row: Row
    shop: ShopLine
    sender: str
    others: list[Row]

    @property
    def is_settled(self) -> bool:
        return any(row.key == self.row.key and row.trust == TRUSTED for row in self.others)


class Heldback:
    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._log = parts.log
        self._gate = gate

    async def listed(self, asked: Asked) -> Response:
        stream, behind = asked.query.get("stream", ""), _place(asked.query.get("behind", ""))
        shop = await self._log.ask(lambda connection: overview.shop_of(connection, stream)) if stream else None
        of = shop.stream_id if shop is not None else None
        rows = await self._log.ask(lambda connection: quarantine.waiting(connection, of, behind, PAGE + 1))
        shown = rows[:PAGE]
        streams = {row.stream_id for row in shown}
        names = await self._log.ask(lambda connection: overview.stream_names(connection, streams))
        lines = [_line(row, *names[row.stream_id], asked.now_ms) for row in shown]
        said = Notice("done", _DONE) if asked.query.get("done") == "believed" else None
        body = [
            html("<p>Of {shop} only. {all}</p>", shop=shop.name, all=frame.link("/console/held", "Show all shops"))
            if shop is not None
            else None,
            frame.live([frame.table("Held back", _COLUMNS, lines, _NONE)], asked.now_ms),
            _more(stream, shown, shown_all=len(rows) <= PAGE),
        ]
        return frame.page("Held back", body, asked.session, said)

    async def shown(self, asked: Asked, notice: Notice | None = None, status: int = 200) -> Response:
        event = await self._of(asked)
        if event is None:
            return frame.nothing_here(asked.session)
        body = [_facts(event, asked.now_ms), _compared(event, asked.now_ms), _what_to_do(asked, event)]
        return frame.page("Held back: one message", body, asked.session, notice, status=status)

    async def believe(self, asked: Asked) -> Response:
        event, reason = await self._of(asked), asked.text("reason", MAX_REASON)
        if event is None:
            return frame.nothing_here(asked.session)
        if len(reason) < LEAST_REASON:
            return await self.shown(asked, Notice("wrong", "Say how you know that it is true. Nothing was done."), 400)
        refused = await self._gate.is_it_you(asked.session, asked.form.get("password", ""))
        if refused is not None:
            return await self.shown(asked, Notice("wrong", refused.sentence), refused.status)
        if not await self._append(asked, event, reason):
            return await self.shown(asked, Notice("care", "It was settled already. Nothing was done."), 409)
        return RedirectResponse("/console/held?done=believed", 303)

    async def _append(self, asked: Asked, event: Event, reason: str) -> bool:
        """False where a trusted message came meanwhile."""
        named = Promotion(event.row.key, event.row.body_sha256.hex())
        subject = f"{event.row.kind} {event.row.receipt or ''} of {event.shop.name}, event {event.row.seq}"
        act = asked.act("believed a message", subject, reason)

        def decide(connection: Connection, head: Head) -> tuple[list[Incoming], bool]:
            again, _ = reports.found_true(connection, head, event.shop.stream, named, SOURCE_OPERATOR)
            if again:
                operator_record.note(connection, act, asked.now_ms)
            return again, bool(again)

        return await self._log.append_if(event.shop.stream, decide)

    async def _of(self, asked: Asked) -> Event | None:
        stream, seq = asked.path["stream"], _number(asked.path["seq"], _SEQ_DIGITS)
        if seq is None:
            return None

        def looked(connection: Connection) -> Event | None:
            shop = overview.shop_of(connection, stream)
            row = quarantine.at(connection, shop.stream_id, seq) if shop is not None else None
            if shop is None or row is None or row.trust == TRUSTED:
                return None
            sender = quarantine.sender_of(connection, stream, seq)
            return Event(row, shop, sender, quarantine.same_payment(connection, row))

        return await self._log.ask(looked)


def _place(said: str) -> Place | None:
    at, number = (_number(part, _DIGITS) for part in said.partition(".")[::2])
    return Place(at, number) if at is not None and number is not None else None


def _number(said: str, digits: int) -> int | None:
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= digits else None


def _more(stream: str, rows: list[Row], *, shown_all: bool) -> Html | None:
    if shown_all:
        return None
    last = rows[-1]
    return frame.further(f"/console/held?stream={stream}&behind={last.at}.{last.id}", "Older ones", shown=True)


def _line(row: Row, stream: str, shop: str, now_ms: int) -> list[object]:
    told = payment.told(row.kind, events.raw_body(row))
    return [
        frame.ago(row.at, now_ms),
        frame.link(f"/console/shops/{stream}", shop),
        _kind(row),
        html("<strong>{amount}</strong>", amount=payment.money(told.amount) or "–"),
        told.phone or "–",
        html("<code>{receipt}</code>", receipt=row.receipt or "–"),
        frame.link(f"/console/held/{stream}/{row.seq}", "Look at it", "button"),
    ]


def _kind(row: Row) -> str:
    return payment.KINDS.get(row.kind, row.kind)


def _facts(event: Event, now_ms: int) -> Html:
    row, told = event.row, payment.told(event.row.kind, events.raw_body(event.row))
    return frame.facts(
        [
            ("What", _kind(row)),
            ("Amount", html("<strong>{amount}</strong>", amount=payment.money(told.amount) or "not said")),
            ("Receipt", html("<code>{receipt}</code>", receipt=row.receipt or "not said")),
            ("Payer", f"{told.phone or 'no phone'} {told.name}".strip()),
            ("Reference that the payer typed", told.reference or "none"),
            ("Result code", told.code or "none"),
            ("Shop", frame.link(f"/console/shops/{event.shop.stream}", event.shop.name)),
            ("Came", html("{ago}, {moment}", ago=frame.ago(row.at, now_ms), moment=words.moment(row.at))),
            ("From", event.sender or "an address that was not kept"),
            ("Short code", row.short_code or "not said"),
            ("Place in the record", f"event {row.seq:,}, revision {row.rev}"),
        ]
    )


class _Verdict(NamedTuple):
    mark: Mark
    advice: str


def verdict(row: Row, others: Iterable[Row]) -> _Verdict:
    """What the trusted messages about the same payment make of this one."""
    trusted = [other for other in others if other.trust == TRUSTED]
    amount = _amount(row)
    amounts = {_amount(other) for other in trusted} - {None}
    if any(other.key == row.key for other in trusted) or (amount is not None and amounts == {amount}):
        same = amounts <= {amount}
        said = "the log holds this payment already, and it is believed" if same else "another amount is believed"
        advice = (
            "Nothing is left to do: the tills know of the payment." if same else "Leave it: this one may be forged."
        )
        return _Verdict(Mark("good" if same else "bad", said), advice)
    if amounts:
        return _Verdict(Mark("bad", "what is believed says another amount"), "Leave it: this one may be forged.")
    return _Verdict(Mark("care", "nothing else in the log speaks of this payment"), _ADVICE.get(row.kind, _LOOK))


def _amount(row: Row) -> object:
    return payment.number(payment.told(row.kind, events.raw_body(row)).amount)


def _compared(event: Event, now_ms: int) -> Html:
    found = verdict(event.row, event.others)
    columns = ("Came", "What", "Amount", "Told by", "Believed")
    rows = [_other(row, now_ms) for row in event.others]
    is_cut = len(rows) >= quarantine.MOST_COMPARED - 1
    return html(
        "<h2>Compared with the log</h2><p>{mark}</p><p>{advice}</p>{table}{more}",
        mark=frame.mark(found.mark),
        advice=found.advice,
        table=frame.table("Other messages about the same payment", columns, rows, "") if rows else None,
        more=html("<p>{told}</p>", told=_MORE) if is_cut else None,
    )


def _other(row: Row, now_ms: int) -> list[object]:
    told = payment.told(row.kind, events.raw_body(row))
    believed = Mark("good", "yes") if row.trust == TRUSTED else Mark("care", "held back")
    source = _SOURCES.get(row.src, "a callback")
    return [frame.ago(row.at, now_ms), _kind(row), payment.money(told.amount) or "–", source, frame.mark(believed)]


def _what_to_do(asked: Asked, event: Event) -> Html:
    if event.row.kind == KIND_UNPARSED:
        return html("<p>{mark}</p>", mark=frame.mark(Mark("plain", "what cannot be read cannot be believed")))
    if event.is_settled:
        return html(
            "<p>{mark}</p>", mark=frame.mark(Mark("plain", "settled: a message of this name is believed already"))
        )
    parts = [
        html("<h2>Believe it</h2>"),
        frame.bullets(
            [
                "Money: every till of the shop is told of this payment as of a true one. A sale may be settled "
                "with it, and goods handed over.",
                "Do it only when Safaricom’s own portal shows this receipt with this amount for this shop.",
                "What came stays as it is; a believed copy is added behind it. That cannot be taken back.",
            ]
        ),
        frame.field(
            "How do you know?",
            "reason",
            value=asked.text("reason", MAX_REASON),
            told="It stands in the record, with your name.",
            attributes=html(' required minlength="5" maxlength="160" autocomplete="off"'),
        ),
        frame.password_again(),
        frame.button("Believe this message", "danger"),
        frame.link("/console/held", "Leave it held back", "button"),
    ]
    return frame.form(
        f"/console/held/{event.shop.stream}/{event.row.seq}/believe", asked.session, parts, name="Believe it"
    )
