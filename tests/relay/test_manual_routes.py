"""The table of routes is the relay's own: no path is missing or made up, and each answer in it is really given."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import documented
import pytest
from sqlalchemy.exc import OperationalError

import relay
from relay import admin, callbacks, protocol
from relay.http import MAX_BODY
from relay.manual.routes import ROUTES, SAFARICOM, TILL
from relay.pairing import WRONG_PER_MINUTE

pytestmark = pytest.mark.anyio

SOURCE = Path(relay.__file__).parent
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
RECEIPT = "UJE7K2M9QX"
SENDER = "196.201.214.200"


def literals() -> set[str]:
    """All that looks like a path in the relay's own code."""
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCE.glob("*.py")]
    constants = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in constants if isinstance(text, str) and re.fullmatch(r"/[a-z][a-z0-9_/-]*", text)}


def doors() -> Iterator[str]:
    """What the code of the callbacks matches a path with, as the table spells it."""
    for node in ast.walk(ast.parse((SOURCE / "callbacks.py").read_text("utf-8"))):
        if isinstance(node, ast.MatchSequence):
            path = "/".join(_part(pattern) for pattern in node.patterns)
            yield from (path.replace("{door}", door) for door in (callbacks._READERS if "{door}" in path else ("",)))


def _part(pattern: ast.pattern) -> str:
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        return str(pattern.value.value)
    assert isinstance(pattern, ast.MatchAs), "a path is matched in a way that this test cannot read"
    return f"{{{pattern.name}}}"


def test_no_path_exists_that_is_not_in_the_table() -> None:
    said = {route.path.partition("{")[0] for route in ROUTES}
    listening_apart = {"/console", admin.DRAIN_PATH}
    assert literals() == said | {protocol.CONNECT_PATH} | listening_apart
    assert set(doors()) == {route.path for route in ROUTES if route.who == SAFARICOM}


async def test_no_method_exists_that_is_not_in_the_table(bench: Any) -> None:
    filled = {"{key}": bench.add_shop("Duka").callback_key, "{nonce}": "0" * 32, "{stream}": "st_1"}
    there = {(route.method, route.path) for route in ROUTES}
    for path in {route.path for route in ROUTES}:
        asked = re.sub(r"{\w+}", lambda found: filled[found[0]], path)
        answering = {method for method in METHODS if (await bench.request(method, asked)).status not in (404, 405)}
        assert answering == {method for method in METHODS if (method, path) in there}, path


class Asker:
    """Asks, holds each answer against the page, and remembers which it was."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.seen: set[documented.Said] = set()

    async def __call__(
        self, method: str, path: str, said: Any = b"", *, token: str = "", client: str = SENDER, ending: str = "whole"
    ) -> Any:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = await self.bench.request(method, path, body, headers=headers, client=client, ending=ending)
        name, status, error = documented.held(method, path, reply.status, reply.body)
        known = (name, status, error) in documented.promised()
        self.seen.add((name, status, error if known else ""))
        return json.loads(reply.body) if reply.headers["content-type"].startswith("application/json") else reply.body


def fails(*_: object) -> None:
    raise OperationalError("statement", {}, Exception("disk I/O error"))


@pytest.fixture
async def asker(settings: Any, running: Any, changed: Any) -> Any:
    async with running(changed(settings, source_ips=frozenset({SENDER}))) as bench:
        bench.add_shop("Duka")
        yield Asker(bench)


async def test_every_answer_in_the_table_is_given_and_no_other(
    asker: Asker, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, gone = await asker.bench.pair("Duka"), await asker.bench.pair("Duka", "gone")
    asker.bench.in_store(lambda connection: relay.stores.directory.revoke(connection, gone.till_id, 1))
    await ask_as_nobody_and_as_who_is_gone(asker, till, gone)
    await call_back(asker, till, bodies)
    await pair_and_poll(asker, till)
    await claim_and_release(asker, till, bodies)
    await report(asker, till, bodies)
    await seal_and_rule(asker, till)
    await come_too_often(asker, till, monkeypatch)
    await break_the_store(asker, till, monkeypatch)
    assert asker.seen == documented.promised()


def till_paths(till: Any) -> list[tuple[str, str]]:
    return [(route.method, route.path.replace("{stream}", till.stream)) for route in ROUTES if route.who == TILL]


async def ask_as_nobody_and_as_who_is_gone(ask: Asker, till: Any, gone: Any) -> None:
    for method, path in till_paths(till):
        await ask(method, path, token="")
        await ask(method, path, token=gone.token)
        if not path.startswith(protocol.EVENTS_PATH):
            await ask(method, path, b"x" * (MAX_BODY + 1), token=till.token)


async def call_back(ask: Asker, till: Any, bodies: Any) -> None:
    for tail in ("/c2b/confirm", "/c2b/validate", "/stk/n", "/result/n", "/timeout/n"):
        path = bodies.path_of(till, tail)
        await ask("POST", path, {})
        await ask("POST", f"/h/{'0' * 32}{tail}", {})
        await ask("POST", path, b"x" * (MAX_BODY + 1))
        await ask("POST", path, b"{", ending="stalls")
    echoed = await ask("POST", bodies.path_of(till, "/c2b/validate"), bodies.c2b())
    assert set(echoed) == {"ResultCode", "ResultDesc", "ThirdPartyTransID"}


async def pair_and_poll(ask: Asker, till: Any) -> None:
    request = {"code": ask.bench.invite("Duka"), "name": "till", "device": "ab" * 16}
    await ask("POST", protocol.PAIR_PATH, request)
    await ask("POST", protocol.PAIR_PATH, {**request, "device": "ab" * 16 + "\n"})
    for _ in range(WRONG_PER_MINUTE + 1):
        await ask("POST", protocol.PAIR_PATH, request)
    await ask("GET", f"{protocol.EVENTS_PATH}{till.stream}?wait=0", token=till.token)
    await ask("GET", f"{protocol.EVENTS_PATH}{till.stream}?after=x", token=till.token)
    await ask("GET", f"{protocol.EVENTS_PATH}st_0", token=till.token)


async def claim_and_release(ask: Asker, till: Any, bodies: Any) -> None:
    await ask("POST", bodies.path_of(till, "/c2b/confirm"), bodies.c2b(RECEIPT))
    await ask("POST", bodies.path_of(till, "/c2b/confirm"), bodies.c2b("HELDBACK"), client="203.0.113.9")
    for receipt, sale in ((RECEIPT, "142"), (RECEIPT, "143"), ("HELDBACK", "142"), ("NONE", "142"), ("x", "142")):
        await ask("POST", protocol.CLAIMS_PATH, {"receipt": receipt, "sale": sale}, token=till.token)
    for receipt, generation in ((RECEIPT, 2), (RECEIPT, 1), ("x", 1)):
        await ask("POST", protocol.RELEASES_PATH, {"receipt": receipt, "generation": generation}, token=till.token)


async def report(ask: Asker, till: Any, bodies: Any) -> None:
    row = {"transactionId": "PULLED", "amount": "10.00"}
    for short_code in ("600966", "6٣"):
        await ask("POST", protocol.PULLED_PATH, {"short_code": short_code, "rows": [row]}, token=till.token)
    events = await ask.bench.events(till)
    held_back = next(event for event in events if event.receipt == "HELDBACK" and event.trust == "quarantined")
    for digest in (held_back.body_sha256, "0" * 64, "x"):
        said = {"key": held_back.key if digest != "0" * 64 else "c2b:1:NONE", "body_sha256": digest}
        await ask("POST", protocol.PROMOTIONS_PATH, said, token=till.token)


async def seal_and_rule(ask: Asker, till: Any) -> None:
    await ask("GET", protocol.ANCHORS_PATH, token=till.token)
    for seq, mac in ((2, "ab" * 32), (1, "cd" * 32), (3, "x")):
        await ask("POST", protocol.ANCHORS_PATH, {"seq": seq, "mac": mac}, token=till.token)
    await ask("GET", protocol.ANCHORS_PATH, token=till.token)
    for rules in ({"version": 2}, {"version": 1}, {"min": -1}):
        await ask("PUT", protocol.RULES_PATH, rules, token=till.token)
    await ask("GET", protocol.RULES_PATH, token=till.token)
    await ask("GET", "/livez")
    await ask("GET", "/readyz")
    for client in ("127.0.0.1", "203.0.113.10"):
        await ask("GET", "/metrics", client=client)


async def come_too_often(ask: Asker, till: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr("relay.pace.Pace.lets", lambda *_: False)
        for method, path in till_paths(till):
            await ask(method, path, token=till.token)


async def break_the_store(ask: Asker, till: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = f"/h/{'f' * 32}"
    with monkeypatch.context() as broken:
        broken.setattr("relay.stores.directory.shop_by_key_hash", fails)
        broken.setattr("relay.stores.directory.credentials", fails)
        broken.setattr("relay.stores.directory.pair", fails)
        for tail in ("/c2b/confirm", "/c2b/validate", "/stk/n", "/result/n", "/timeout/n"):
            await ask("POST", fresh + tail, {})
        for method, path in till_paths(till):
            await ask(method, path, token=till.token)
        request = {"code": "BCDF-GHJK", "name": "till", "device": "ab" * 16}
        await ask("POST", protocol.PAIR_PATH, request, client="203.0.113.10")
    await ask.bench.relay.drain()
    await ask("GET", "/readyz")
