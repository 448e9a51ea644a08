"""What goes in and comes out of the sans-I/O core: a request, a reply, a callback.

It must not know how any of them travels.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

JSON_HEADERS = {"content-type": "application/json;charset=UTF-8"}

Fate = Literal["answered", "lost", "hangs"]
CallbackKind = Literal["stk", "c2b", "validation", "result", "timeout"]


@dataclass(frozen=True)
class Request:
    """`headers` in lower case; `query` is what follows the question mark, still encoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Callback:
    """One POST that Safaricom makes, once, whatever is answered (§7)."""

    number: int
    kind: CallbackKind
    url: str
    headers: Mapping[str, str]
    body: bytes
    due: float


@dataclass(frozen=True)
class Reply:
    """`fate`: lost closes the connection without an answer, hangs leaves the caller waiting.

    `first` are callbacks that must arrive before this reply does (`callbacks_first` asks for them).
    `delay` is in seconds.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON_HEADERS))
    fate: Fate = "answered"
    delay: float = 0.0
    callbacks_first: bool = False
    first: tuple[Callback, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """What became of a callback: the status answered, or why there was none."""

    callback: Callback
    status: int | None
    error: str = ""


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def answer(value: object, status: int = 200) -> Reply:
    return Reply(status, encode(value))
