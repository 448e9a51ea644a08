"""HTML that cannot be broken by what stands in it: a text is escaped unless it was made here.

It must not know any page.
"""

from collections.abc import Iterable
from html import escape
from string import Formatter
from typing import LiteralString


class Html(str):
    """Made by `html` or `join` alone, never from a text that came from outside."""

    __slots__ = ()


class _Filler(Formatter):
    """No conversions and no attributes: a place is a name, and what goes there is escaped."""

    def format_field(self, value: object, format_spec: str) -> str:
        if format_spec:
            raise ValueError("no formats in HTML")
        return markup(value)


_filler = _Filler()


def html(template: LiteralString, **values: object) -> Html:
    """The template with each `{name}` filled in. Lists of HTML are joined, None leaves nothing."""
    return Html(_filler.vformat(template, (), values))


def markup(value: object) -> Html:
    if isinstance(value, Html):
        return value
    if value is None:
        return Html("")
    if isinstance(value, list | tuple):
        return join(value)
    return Html(escape(str(value), quote=True))


def join(parts: Iterable[object]) -> Html:
    return Html("".join(map(markup, parts)))
