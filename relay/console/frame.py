"""What every page of the console shares: its head, the way to the other pages, tables, fields and buttons.

It must not know what a page is about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

from starlette.responses import HTMLResponse

from relay.console import words
from relay.console.markup import Html, html, join
from relay.console.sessions import Session

_PAGES: Sequence[tuple[str, str]] = (
    ("/console/shops", "Shops"),
    ("/console/tills", "Tills"),
    ("/console/held", "Held back"),
    ("/console/health", "Health"),
    ("/console/record", "Record"),
)

_WHOLE: LiteralString = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Relay console</title>
<link rel="icon" href="/console/icon.svg">
<link rel="stylesheet" href="/console/style.css">
<script src="/console/refresh.js" defer></script>
</head>
<body>
<a class="skip" href="#main">To the content</a>
{top}
<main id="main" tabindex="-1">
{notice}
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_TOP: LiteralString = """<header>
<strong class="brand">Relay console</strong>
<nav aria-label="Pages">{links}</nav>
<div class="who"><span>{operator}</span>
<form method="post" action="/console/sign-out">{token}<button class="quiet">Sign out</button></form>
</div>
</header>"""


@dataclass(frozen=True)
class Notice:
    """`tone`: done, wrong, or care."""

    tone: str
    sentence: str


class Mark(NamedTuple):
    """A sign and a word, so that colour is never alone. `tone`: good, care, bad or plain."""

    tone: str
    said: str


_SIGNS = {"good": "✓", "care": "?", "bad": "!", "plain": "–"}


def page(
    title: str, body: Iterable[object], session: Session | None, notice: Notice | None = None, *, status: int = 200
) -> HTMLResponse:
    said = html('<p class="notice {tone}" role="status">{sentence}</p>', **notice.__dict__) if notice else None
    top = _top(title, session) if session else html('<header><strong class="brand">Relay console</strong></header>')
    return HTMLResponse(html(_WHOLE, title=title, top=top, notice=said, body=join(body)), status)


def nothing_here(session: Session) -> HTMLResponse:
    said = html("<p>There is no such shop, till or message, or it is not one any more.</p>")
    return page("Nothing here", [said, link("/console/shops", "To the shops", "button")], session, status=404)


def _top(title: str, session: Session) -> Html:
    links = [
        html('<a href="{path}"{current}>{name}</a>', path=path, name=name, current=_current(name == title))
        for path, name in _PAGES
    ]
    return html(_TOP, links=links, operator=session.operator, token=token(session.form_token))


def _current(here: bool) -> Html:
    return html(' aria-current="page"') if here else html("")


def live(parts: Iterable[object], now_ms: int) -> Html:
    """What the page's script brings up to date every few seconds; without the script it says of when it is."""
    return html(
        '<div data-refresh="5"><p class="small">As of {clock}<span class="stale"> · the relay does not answer, '
        "this is from before</span></p>{parts}</div>",
        clock=words.clock(now_ms),
        parts=join(parts),
    )


def form(action: str, session: Session, parts: Iterable[object], *, name: str = "") -> Html:
    return html(
        '<form method="post" action="{action}" class="panel"{label}>{token}{parts}</form>',
        action=action,
        token=token(session.form_token),
        parts=join(parts),
        label=html(' aria-label="{name}"', name=name) if name else None,
    )


def token(value: str) -> Html:
    return html('<input type="hidden" name="token" value="{value}">', value=value)


def hidden(name: str, value: object) -> Html:
    return html('<input type="hidden" name="{name}" value="{value}">', name=name, value=value)


def field(
    label: str, name: str, *, kind: str = "text", value: str = "", told: str = "", attributes: Html | None = None
) -> Html:
    return html(
        '<label><span>{label}</span><input type="{kind}" name="{name}" value="{value}"{attributes}>{told}</label>',
        label=label,
        kind=kind,
        name=name,
        value=value,
        attributes=attributes,
        told=html("<small>{told}</small>", told=told) if told else None,
    )


def password_again() -> Html:
    return field(
        "Your password, once more",
        "password",
        kind="password",
        attributes=html(' required maxlength="200" autocomplete="current-password"'),
    )


def button(said: str, kind: str = "primary") -> Html:
    return html('<button class="{kind}">{said}</button>', kind=kind, said=said)


def link(path: str, said: object, kind: str = "") -> Html:
    return html('<a href="{path}"{kind}>{said}</a>', path=path, said=said, kind=_class(kind))


def _class(kind: str) -> Html | None:
    return html(' class="{kind}"', kind=kind) if kind else None


def mark(told: Mark) -> Html:
    return html(
        '<span class="mark {tone}">{sign} {said}</span>', tone=told.tone, sign=_SIGNS[told.tone], said=told.said
    )


def time_of(at_ms: int, said: str) -> Html:
    return html(
        '<time datetime="{machine}" title="{moment}">{said}</time>',
        machine=words.machine_time(at_ms),
        moment=words.moment(at_ms),
        said=said,
    )


def ago(at_ms: int | None, now_ms: int) -> Html:
    return html("never") if at_ms is None else time_of(at_ms, words.ago(at_ms, now_ms))


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]], empty: object) -> Html:
    """On a narrow screen each row becomes a card, whose cells say the names of their columns."""
    made = [_row(columns, row) for row in rows]
    if not made:
        return html('<p class="empty">{empty}</p>', empty=empty)
    # The roles say what it is even where the narrow screen's style makes it something else.
    return html(
        '<table role="table"><caption>{caption}</caption><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        '<tbody role="rowgroup">{rows}</tbody></table>',
        caption=caption,
        heads=[html('<th scope="col" role="columnheader">{name}</th>', name=name) for name in columns],
        rows=made,
    )


def _row(columns: Sequence[str], cells: Sequence[object]) -> Html:
    made = [
        html('<td role="cell" data-name="{name}"><div>{cell}</div></td>', name=name, cell=cell)
        for name, cell in zip(columns, cells, strict=True)
    ]
    return html('<tr role="row">{cells}</tr>', cells=made)


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    return html(
        '<dl class="panel">{pairs}</dl>',
        pairs=[html("<div><dt>{name}</dt><dd>{said}</dd></div>", name=name, said=said) for name, said in pairs],
    )


def bullets(sentences: Iterable[str]) -> Html:
    return html('<ul class="means">{all}</ul>', all=[html("<li>{one}</li>", one=one) for one in sentences])


def further(path: str, said: str, *, shown: bool) -> Html | None:
    return html("<p>{link}</p>", link=link(path, said, "button")) if shown else None
