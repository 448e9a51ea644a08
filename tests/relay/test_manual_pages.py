"""The pages of the manual: valid, as the code is now, and true of what a relay really sends."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import validate

from relay import protocol
from relay.__main__ import main
from relay.claims import MAX_CASHIER, MAX_REASON
from relay.feed import MAX_WAIT_SECONDS
from relay.http import MAX_BODY
from relay.log import TURN_BYTES, TURN_EVENTS
from relay.manual import asyncapi, openapi
from relay.manual.frames import CLOSE_CODES, FROM_RELAY, FROM_TILL
from relay.manual.routes import ROUTES
from relay.pairing import _MAX_NAME, WRONG_PER_MINUTE
from relay.protocol import CaughtUp, Event, Heartbeat, Reset, Validate, Welcome
from relay.reading import MAX_BRACKETS
from relay.rules import MAX_CLOSED, MAX_REFERENCES
from relay.settings import _FORBIDDEN_WORDS, Settings
from relay.stores.directory import CODE_TRIES

pytestmark = pytest.mark.anyio

GUIDE = Path(__file__).parents[2] / "resources" / "guide" / "relay"
PAGES = {"openapi": openapi.document, "asyncapi": asyncapi.document}
FEED = asyncapi.document()


@pytest.mark.parametrize("page", PAGES)
def test_the_page_in_the_guide_is_what_the_code_says_now(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manual", "--format", page]) == 0
    kept = (GUIDE / f"{page}.json").read_text("utf-8")
    command = f"python -m relay manual --format {page} > resources/guide/relay/{page}.json"
    assert capsys.readouterr().out == kept, f"the page is stale; make it anew: {command}"


def test_the_http_page_is_valid_openapi() -> None:
    validate(openapi.document())
    names = [route["operationId"] for path in openapi.document()["paths"].values() for route in path.values()]
    assert len(names) == len(set(names))


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for value in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from nodes(value)


def at(reference: str) -> Any:
    """KeyError for one that leads nowhere."""
    found: Any = FEED
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_feeds_page_is_whole() -> None:
    """Its structure by hand (no package of this language ships the official schema), its schemas as draft 7."""
    assert set(FEED) == {
        "asyncapi",
        "info",
        "defaultContentType",
        "servers",
        "channels",
        "operations",
        "components",
    }
    assert re.fullmatch(r"3\.0\.\d+", FEED["asyncapi"])
    assert {"title", "version"} <= set(FEED["info"])
    assert all({"host", "protocol"} <= set(server) for server in FEED["servers"].values())
    for node in nodes(FEED):
        assert "$ref" not in node or at(node["$ref"])
    (channel,) = FEED["channels"].values()
    assert channel["address"] == protocol.CONNECT_PATH
    for operation in FEED["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert at(operation["channel"]["$ref"]) is channel
        assert [at(message["$ref"])["$ref"] for message in operation["messages"]]
    for schema in FEED["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_every_frame_and_every_close_code_is_on_the_page() -> None:
    assert {type(kind.example) for kind in FROM_TILL} == set(get_args(protocol.FromTill))
    assert {type(kind.example) for kind in FROM_RELAY} == set(get_args(protocol.FromRelay))
    assert set(CLOSE_CODES) == {code for name, code in vars(protocol).items() if name.startswith("CLOSE_")}


def schema_of(frame: dict[str, Any]) -> Draft7Validator:
    """A field that is not on the page is a fault too, though a reader must take it."""
    components = {name: {"additionalProperties": False, **one} for name, one in FEED["components"]["schemas"].items()}
    payload = FEED["components"]["messages"][frame["t"]]["payload"]
    return Draft7Validator({**payload, "components": {"schemas": components}})


def test_the_examples_are_frames() -> None:
    for name, message in FEED["components"]["messages"].items():
        (example,) = message["examples"]
        assert example["payload"]["t"] == name
        schema_of(example["payload"]).validate(example["payload"])
    event = FROM_RELAY[2].example
    assert isinstance(event, Event)
    assert event.follows(protocol.Cursor("e", event.seq - 1, "7e1f" * 8))


async def test_what_a_relay_sends_is_as_the_page_says(bench: Any, till: Any, bodies: Any) -> None:
    sent: list[dict[str, Any]] = []

    async def until(socket: Any, kind: type) -> None:
        while True:
            message = await socket.raw()
            sent.append(json.loads(message["text"]))
            if isinstance(protocol.decode_from_relay(message["text"]), kind):
                return

    for number, body in enumerate((bodies.c2b(), bodies.stk(), b"\xff")):
        await bench.post(bodies.path_of(till, ("/c2b/confirm", "/stk/n", "/result/n")[number]), body)
    socket = await bench.connect(till, "e0", 7)
    await until(socket, CaughtUp)
    socket.say(protocol.Ack(till.stream, 3))
    bench.relay._feed._sessions[till.till_id]._next_heartbeat = 0
    await until(socket, Heartbeat)
    bench.relay._feed._sessions[till.till_id].say(Validate("q", 3000, protocol.msgspec.Raw(bodies.c2b())))
    await until(socket, Validate)
    other = bench.socket(till.token)
    await other.raw()
    other.say(protocol.Hello([protocol.StreamCursor("st_0")]))
    await until(other, protocol.Error)
    await bench.relay.drain()
    await until(socket, protocol.Bye)
    assert {protocol.decode_from_relay(json.dumps(frame)).__class__ for frame in sent} == {
        Welcome,
        Reset,
        Event,
        CaughtUp,
        Heartbeat,
        Validate,
        protocol.Error,
        protocol.Bye,
    }
    for frame in sent:
        schema_of(frame).validate(frame)


def rows_under(heading: str) -> list[list[str]]:
    """The first table under a heading of the manual, without its head."""
    section = (GUIDE / "manual.md").read_text("utf-8").split(f" {heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def words_in(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_manual_names_every_close_code() -> None:
    told = {int(code): what for code, _, what in rows_under("Close codes")}
    assert told.keys() == CLOSE_CODES.keys()
    for code, what in told.items():
        assert what.startswith("stop") == protocol.closes_for_good(code)


def test_the_manual_names_every_error_and_no_other() -> None:
    told = {(int(status), word) for status, words, *_ in rows_under("Errors") for word in words_in(words)}
    listed = {(answer.status, word) for route in ROUTES for answer in route.answers for word in answer.errors}
    assert told == listed | {(405, "POST only"), (431, "head too large"), (503, "busy")}
    assert {word for _, word in told} >= {text for name, text in vars(protocol).items() if name.startswith("ERROR_")}


def test_the_manual_names_every_kind_and_every_reset() -> None:
    kinds = {word for row in rows_under("The log and its cursor") for word in words_in(row[0])}
    assert kinds == {text for name, text in vars(protocol).items() if name.startswith("KIND_")}
    reasons = {word for row in rows_under("Resets") for word in words_in(row[0])}
    assert reasons == {text for name, text in vars(protocol).items() if name.startswith("RESET_")}


def test_the_manual_says_the_limits_that_hold() -> None:
    page = (GUIDE / "manual.md").read_text("utf-8")
    settings = Settings(store=Path("x"))
    for said in (
        f"{MAX_BODY // 1024} KiB, whole within {settings.body_seconds:.0f} seconds",
        f"up to {protocol.MAX_FRAME_BYTES // 1024} KiB",
        f"| {protocol.WINDOW}, for {settings.slow_seconds:.0f} seconds |",
        f"{MAX_WAIT_SECONDS:.0f} seconds; {TURN_EVENTS} events or about {TURN_BYTES // 1024} KiB",
        f"| {protocol.MAX_ROWS} |",
        f"{protocol.MAX_SALE}, {MAX_CASHIER}, {MAX_REASON} and {_MAX_NAME} characters",
        f"{MAX_REFERENCES} and {MAX_CLOSED}",
        f"{CODE_TRIES} for each code, {WRONG_PER_MINUTE} a minute",
        f"| {MAX_BRACKETS};",
        f"`hb` comes every {settings.heartbeat_seconds} seconds",
        f"`hello` within {settings.hello_seconds} seconds",
    ):
        assert said in page, said
    assert all(word in page for word in _FORBIDDEN_WORDS)
