"""One till, put out or made to read its payments again; each is asked twice, and says what it means for money.

It must not know how a till is told: revoking is a flag, reading again a line in a table, and the feed does the rest.
"""

from typing import NamedTuple

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from relay.console import frame, words
from relay.console.asked import Asked
from relay.console.frame import Notice
from relay.console.markup import Html, html
from relay.console.parts import Parts
from relay.console.tills import confirmed
from relay.log import Head
from relay.stores import directory, operator_record, overview, reading_again
from relay.stores.overview import TillLine
from relay.stores.reading_again import Again


class Span(NamedTuple):
    """What is read again: the events behind `after` up to `head`."""

    after: int
    head: Head
    first_at: int | None

    @property
    def events(self) -> int:
        return self.head.seq - self.after


class Till:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = parts.log

    async def ask_revoke(self, asked: Asked) -> Response:
        line = await self._of(asked)
        return (
            frame.nothing_here(asked.session)
            if line is None
            else frame.page("Revoke a till?", _revoking(asked, line), asked.session)
        )

    async def revoke(self, asked: Asked) -> Response:
        line = await self._of(asked)
        if line is None:
            return frame.nothing_here(asked.session)

        def done(connection: Connection) -> None:
            directory.revoke(connection, line.till.id, asked.now_ms)
            operator_record.note(connection, asked.act("revoked a till", _subject(line)), asked.now_ms)

        await self._log.run(done)
        return RedirectResponse("/console/tills?done=revoked", 303)

    async def ask_from(self, asked: Asked, notice: Notice | None = None) -> Response:
        line = await self._of(asked)
        if line is None or line.till.revoked_at is not None:
            return frame.nothing_here(asked.session)
        status = 200 if notice is None else 400
        return frame.page("Read again from where?", _from_form(asked, line), asked.session, notice, status=status)

    async def read_again(self, asked: Asked) -> Response:
        """Asked twice: what is said the second time is how much it is."""
        line = await self._of(asked)
        if line is None or line.till.revoked_at is not None:
            return frame.nothing_here(asked.session)
        span = await self._span(asked, line)
        if isinstance(span, str):
            return await self.ask_from(asked, Notice("wrong", span))
        if asked.text("sure", 3) != "yes":
            return frame.page("Read again?", _sure_form(asked, line, span), asked.session)
        again = Again(line.till.id, line.stream, span.head.epoch, span.after, asked.now_ms)

        def done(connection: Connection) -> None:
            reading_again.ask(connection, again)
            detail = f"from event {span.after + 1}"
            operator_record.note(connection, asked.act("had a till read again", _subject(line), detail), asked.now_ms)

        await self._log.run(done)
        return RedirectResponse("/console/tills?done=again", 303)

    async def _span(self, asked: Asked, line: TillLine) -> Span | str:
        """Or what is wrong with what was asked for."""
        head = await self._log.head(line.stream)
        after = await self._after(asked, line, head)
        if isinstance(after, str):
            return after
        if after >= confirmed(self._parts, line):
            return "This till has confirmed nothing after that yet, so it will read it anyway. Nothing was asked."
        first_at = await self._log.ask(lambda connection: overview.at_of(connection, line.stream_id, after + 1))
        return Span(after, head, first_at)

    async def _after(self, asked: Asked, line: TillLine, head: Head) -> int | str:
        match asked.text("from", 10):
            case "event":
                said = asked.text("event", 15)
                if not (said.isascii() and said.isdecimal() and int(said)):
                    return "An event’s number is a whole number, from 1. Nothing was asked."
                return max(int(said) - 1, head.floor)
            case "time":
                at = words.typed_moment(asked.text("time", 40))
                if at is None:
                    return "Say the day and the time from which to read. Nothing was asked."
                return await self._log.ask(
                    lambda connection: overview.last_before(connection, line.stream_id, head.floor, head.seq, at)
                )
        return head.floor

    async def _of(self, asked: Asked) -> TillLine | None:
        return await self._log.ask(lambda connection: overview.till_of(connection, asked.path["till"]))


def _revoking(asked: Asked, line: TillLine) -> list[Html]:
    parts = [
        _which(line),
        frame.bullets(
            [
                "The till is out within five seconds. To come back it needs a new code.",
                "Money: nothing is charged, refunded or cancelled. Customers’ payments keep coming to the shop, "
                "and its other tills get them.",
                "Money: a charge that this till has just sent can still be paid, and then this till does not hear "
                "of it. Look for that payment at another till of the shop, or in the M-PESA portal.",
                "What it sold stays in its own records, on its own disk.",
            ]
        ),
        frame.button("Revoke this till", "danger"),
        frame.link("/console/tills", "Keep it", "button"),
    ]
    return [frame.form(f"/console/tills/{line.till.id}/revoke", asked.session, parts)]


def _which(line: TillLine) -> Html:
    return html("<p><strong>{till}</strong> of {shop}</p>", till=line.till.name or line.till.id, shop=line.till.shop)


def _from_form(asked: Asked, line: TillLine) -> list[Html]:
    chosen = asked.text("from", 10) or "start"
    parts = [
        _which(line),
        frame.bullets(
            [
                "For a till that missed something, or whose records were mended. It goes back to the place that you "
                "say and reads from there what this relay has.",
                "Money: nothing is charged, refunded or counted twice. A payment that the till has already is known "
                "by its code and left as it is.",
                "Other tills notice nothing.",
            ]
        ),
        html(
            "<fieldset><legend>From</legend>{choices}</fieldset>",
            choices=[
                _choice("start", "the oldest that this relay has", chosen, None),
                _choice(
                    "event",
                    "an event",
                    chosen,
                    frame.field(
                        "Its number",
                        "event",
                        value=asked.text("event", 15),
                        attributes=html(' inputmode="numeric" maxlength="15"'),
                    ),
                ),
                _choice(
                    "time",
                    "a time",
                    chosen,
                    frame.field("Day and time in Nairobi", "time", kind="datetime-local", value=asked.text("time", 40)),
                ),
            ],
        ),
        frame.button("Go on"),
        frame.link("/console/tills", "Leave it", "button"),
    ]
    return [frame.form(f"/console/tills/{line.till.id}/read-again", asked.session, parts)]


def _choice(value: str, said: str, chosen: str, more: Html | None) -> Html:
    return html(
        '<div class="choice"><label class="radio"><input type="radio" name="from" value="{value}"{checked}> {said}'
        "</label>{more}</div>",
        value=value,
        said=said,
        more=more,
        checked=html(" checked") if value == chosen else None,
    )


def _sure_form(asked: Asked, line: TillLine, span: Span) -> list[Html]:
    came = f", which came on {words.moment(span.first_at)}" if span.first_at is not None else ""
    parts = [
        _which(line),
        html(
            '<p class="sentence">It reads {count} again, from event {first}{came}.</p>',
            count=words.plural(span.events, "event"),
            first=f"{span.after + 1:,}",
            came=came,
        ),
        frame.bullets(
            [
                "Money: nothing is charged, refunded or counted twice.",
                "New payments reach this till after the old ones. Its screen says that it is catching up.",
                "It cannot be taken back once the till has begun.",
            ]
        ),
        *(frame.hidden(name, asked.text(name, 40)) for name in ("from", "event", "time")),
        frame.hidden("sure", "yes"),
        frame.button("Have it read again"),
        frame.link("/console/tills", "Leave it", "button"),
    ]
    return [frame.form(f"/console/tills/{line.till.id}/read-again", asked.session, parts)]


def _subject(line: TillLine) -> str:
    return f"{line.till.name or line.till.id} of {line.till.shop} ({line.till.id})"
