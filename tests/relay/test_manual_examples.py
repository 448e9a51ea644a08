"""The page of examples is run from its first block to its last against a relay process, and every answer compared."""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import documented
import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from relay.manual.routes import ROUTES

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "resources" / "guide" / "relay" / "examples.md"
VARIES = {"now", "sid"}
REST = "..."
"""In a list: whatever else there is."""


class Block(NamedTuple):
    kind: str
    text: str
    line: int


def blocks() -> Iterator[Block]:
    page = PAGE.read_text("utf-8")
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2].strip("\n"), page.count("\n", 0, found.start()) + 1)


class Values:
    """What the placeholders stand for, as far as it is known."""

    def __init__(self, **known: str) -> None:
        self.known = known

    def fill(self, text: str) -> str:
        """KeyError for a placeholder that nothing has given a value yet."""
        return re.sub(r"{{(\w+)}}", lambda found: self.known[found[1]], text)

    def match(self, wanted: Any, got: Any) -> None:
        """AssertionError where they differ; what is not known yet is taken from `got`."""
        if isinstance(wanted, str):
            assert isinstance(got, str), (wanted, got)
            self._match_text(wanted, got)
        elif isinstance(wanted, dict):
            assert isinstance(got, dict), (wanted, got)
            assert wanted.keys() == got.keys()
            for name, value in wanted.items():
                self.match(value, got[name])
        elif isinstance(wanted, list):
            wanted, got = (wanted[:-1], got[: len(wanted) - 1]) if REST in wanted[-1:] else (wanted, got)
            assert len(wanted) == len(got), (wanted, got)
            for one, other in zip(wanted, got, strict=True):
                self.match(one, other)
        else:
            assert (type(wanted), wanted) == (type(got), got)

    def _match_text(self, wanted: str, got: str) -> None:
        pattern, names = "", []
        for part in re.split(r"({{\w+}})", wanted):
            name = part.strip("{}") if part.startswith("{{") else ""
            if name and name not in self.known:
                pattern += "(.+)"
                names.append(name)
            else:
                pattern += re.escape(self.known[name] if name else part)
        found = re.fullmatch(pattern, got)
        assert found is not None, (wanted, got)
        self.known |= {name: value for name, value in zip(names, found.groups(), strict=True) if name not in VARIES}


def head_and_body(text: str) -> tuple[str, dict[str, str], str]:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    return first, dict(line.split(": ", 1) for line in lines), body


class Reader:
    """Does what the page says. `seen` are the answers that it shows."""

    def __init__(self, url: str, relay_command: Any) -> None:
        self.values = Values(url=url)
        self.seen: set[documented.Said] = set()
        self._relay_command = relay_command
        self._http = httpx.AsyncClient(base_url=url)
        self._reply: httpx.Response | None = None
        self._socket: ClientConnection | None = None

    async def do(self, block: Block) -> None:
        match block.kind:
            case "console":
                self._console(block.text)
            case "python":
                self._python(block.text)
            case "websocket":
                await self._websocket(block.text)
            case "http" if block.text.startswith("HTTP/"):
                self._response(block.text)
            case "http":
                await self._request(block.text)
            case other:
                raise AssertionError(f"a block of {other}")

    def _console(self, text: str) -> None:
        command, _, printed = text.partition("\n")
        words = shlex.split(self.values.fill(command))
        assert words[:4] == ["$", "python", "-m", "relay"]
        done = self._relay_command(*words[4:])
        assert done.returncode == 0, done.stderr
        self.values.match(json.loads(printed), json.loads(done.stdout))

    def _python(self, text: str) -> None:
        made: dict[str, Any] = {}
        exec(self.values.fill(text), made)
        self.values.known |= {name: value for name, value in made.items() if isinstance(value, str) and name == "nonce"}

    async def _request(self, text: str) -> None:
        assert self._reply is None, "the request before this one shows no answer"
        first, headers, body = head_and_body(self.values.fill(text))
        method, path, version = first.split(" ")
        assert version == "HTTP/1.1"
        self._reply = await self._http.request(method, path, headers=headers, content=body.encode())

    def _response(self, text: str) -> None:
        reply, self._reply = self._reply, None
        assert reply is not None
        first, headers, body = head_and_body(text)
        assert first == f"HTTP/1.1 {reply.status_code} {reply.reason_phrase}", reply.text
        for name, value in headers.items():
            assert reply.headers[name] == value
        if reply.headers["content-type"] == "application/json":
            self.values.match(json.loads(body), reply.json())
        else:
            assert set(body.split("\n")) <= {*reply.text.split("\n"), REST}
        if documented.route_of(reply.request.method, reply.request.url.path):
            path = reply.request.url.path
            self.seen.add(documented.held(reply.request.method, path, reply.status_code, reply.content))

    async def _websocket(self, text: str) -> None:
        if text.startswith("GET "):
            head, _, text = text.partition("\n\n")
            await self._connect(head)
        for line in text.split("\n"):
            mark, _, said = line.partition(" ")
            assert self._socket is not None
            if mark == ">":
                await self._socket.send(self.values.fill(said))
            elif mark == "<":
                self.values.match(json.loads(said), json.loads(await asyncio.wait_for(self._socket.recv(), 20)))
            else:
                assert mark == "closed"
                await asyncio.wait_for(self._socket.wait_closed(), 20)
                assert self._socket.close_code == int(said)

    async def _connect(self, head: str) -> None:
        await self.close_socket()
        first, headers, _ = head_and_body(self.values.fill(head))
        protocols = [websockets.Subprotocol(headers.pop("Sec-WebSocket-Protocol"))]
        url = self.values.known["url"].replace("http", "ws") + first.removeprefix("GET ")
        self._socket = await connect(url, subprotocols=protocols, additional_headers=headers, proxy=None)

    async def close_socket(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        await self.close_socket()
        await self._http.aclose()


async def test_the_examples_are_what_a_relay_really_answers(start_relay: Any, relay_command: Any) -> None:
    reader = Reader(start_relay().url, relay_command)
    try:
        for block in blocks():
            try:
                await reader.do(block)
            except (AssertionError, KeyError, ValueError) as error:
                raise AssertionError(f"{PAGE.name}, line {block.line}: {error}") from error
    finally:
        await reader.close()
    without = {"result", "timeout", "anchored", "rules"}
    assert {name for name, *_ in reader.seen} | without >= {route.name for route in ROUTES}


def test_an_answer_that_differs_is_found() -> None:
    """The comparison itself: otherwise the page could say anything."""
    for wanted, got in (
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": True}),
        ([1], [1, 2]),
        ("{{known}}", "other"),
        ("x{{new}}", "y"),
        (None, ""),
    ):
        with pytest.raises(AssertionError):
            Values(known="this").match(wanted, got)
    values = Values(known="this")
    values.match([{"a": "{{known}}/{{new}}", "at": "{{now}}"}, REST], [{"a": "this/that", "at": "12:00"}, 1, 2])
    assert values.known == {"known": "this", "new": "that"}
