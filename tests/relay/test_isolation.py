"""One shop's till tries every path with what is another shop's: it reads, claims, guesses and changes nothing."""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from relay import protocol
from relay.manual.routes import ROUTES, SAFARICOM, TILL
from relay.protocol import (
    CAP_VALIDATE,
    CaughtUp,
    Error,
    Event,
    Hello,
    PairRequest,
    PairResponse,
    Reset,
    StreamCursor,
    Validate,
    Verdict,
    make_nonce,
    validation_echo,
)
from relay.stores import directory

pytestmark = pytest.mark.anyio

SENDER = "196.201.214.200"
PAID, CHARGED, HELD_BACK = "UJE7K2M9QX", "UJE7K2M9QY", "UJE7K2M9QZ"
PHONE = "254712345678"


class Shops(NamedTuple):
    """Duka has a bit of everything; Soko has a till that wants it."""

    bench: Any
    duka: PairResponse
    soko: PairResponse
    duka_key: str
    duka_nonce: str
    head: Event
    held_back: Event

    async def ask(self, method: str, path: str, said: Any = b"", *, token: str | None = None) -> tuple[int, Any]:
        """As Soko's till."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        headers = {"Authorization": f"Bearer {self.soko.token if token is None else token}"}
        reply = await self.bench.request(method, path, body, headers=headers, client=SENDER)
        return reply.status, json.loads(reply.body)

    async def state(self) -> list[Any]:
        """All that Duka's till can see, and all that is kept of the shop."""
        headers = {"Authorization": f"Bearer {self.duka.token}"}
        seen = [
            (await self.bench.request("GET", path, headers=headers)).body
            for path in (protocol.RULES_PATH, protocol.ANCHORS_PATH)
        ]
        events = [protocol.encode(event) for event in await self.bench.events(self.duka)]
        tills = self.bench.in_store(directory.tills)
        # The look itself is noted: that the till was here, and that it has acknowledged nothing.
        noted = [till._replace(acked_at=None, acked_seq=till.acked_seq or 0) for till in tills]
        return [seen, events, [till for till in noted if till.shop == "Duka"]]

    @property
    def secrets(self) -> list[str]:
        return [
            self.duka.token,
            self.duka.nonce_key,
            self.duka.stream,
            self.duka.till_id,
            self.duka_key,
            self.duka_nonce,
            self.head.chain,
            PHONE,
            "Duka",
        ]


@pytest.fixture
async def shops(settings: Any, running: Any, changed: Any, bodies: Any) -> Any:
    async with running(changed(settings, source_ips=frozenset({SENDER}))) as bench:
        bench.add_shop("Duka")
        bench.add_shop("Soko")
        duka, soko = await bench.pair("Duka", "Duka's till"), await bench.pair("Soko", "Soko's till")
        nonce, path = make_nonce(duka.nonce_key), bodies.path_of(duka, "")
        for tail, body, client in (
            ("/c2b/confirm", bodies.c2b(PAID)[:-1] + f',"MSISDN":"{PHONE}"}}'.encode(), SENDER),
            (f"/stk/{nonce}", bodies.stk("ws_1", receipt=CHARGED), SENDER),
            ("/c2b/confirm", bodies.c2b(HELD_BACK), "203.0.113.9"),
        ):
            assert (await bench.post(path + tail, body, client=client)).status == 200
        headers = {"Authorization": f"Bearer {duka.token}"}
        for method, asked, said in (
            ("POST", protocol.CLAIMS_PATH, {"receipt": PAID, "sale": "142"}),
            ("POST", protocol.ANCHORS_PATH, {"seq": 7, "mac": "ab" * 32}),
            ("PUT", protocol.RULES_PATH, {"version": 5, "references": ["HSE 12B"]}),
        ):
            assert (await bench.request(method, asked, json.dumps(said).encode(), headers=headers)).status == 200
        events = await bench.events(duka)
        yield Shops(bench, duka, soko, path.removeprefix("/h/"), nonce, events[3], events[2])


def attempts(shops: Shops, names: Shops) -> Iterator[tuple[str, str, Any]]:
    """What Soko's till may try at each path with the names of another shop: real ones, or ones that nobody has."""
    cursor = f"epoch={names.head.chain}&after={names.head.seq}&chain={names.head.chain}&wait=0"
    events = protocol.EVENTS_PATH
    yield "GET", f"{events}{names.duka.stream}?after=0&wait=0", b""
    yield "GET", f"{events}{names.duka.stream}?{cursor}", b""
    yield "GET", f"{events}{shops.soko.stream}/../{names.duka.stream}?wait=0", b""
    yield "GET", f"{events}{shops.soko.stream}?stream={names.duka.stream}&s={names.duka.stream}&wait=0", b""
    for receipt in (names.head.receipt, names.held_back.receipt):
        yield "POST", protocol.CLAIMS_PATH, {"receipt": receipt, "sale": "142", "nonce": names.duka_nonce}
        yield "POST", protocol.CLAIMS_PATH, {"receipt": receipt, "sale": "9", "till_id": names.duka.till_id}
        for generation in (0, 1, 2):
            yield "POST", protocol.RELEASES_PATH, {"receipt": receipt, "generation": generation}
    for one in (names.head, names.held_back):
        yield "POST", protocol.PROMOTIONS_PATH, {"key": one.key, "body_sha256": one.body_sha256}
        yield "POST", protocol.PROMOTIONS_PATH, {"key": one.key, "body_sha256": one.body_sha256[:32]}
    yield "GET", protocol.ANCHORS_PATH, {"till_id": names.duka.till_id}
    yield "GET", protocol.ANCHORS_PATH + f"?till={names.duka.till_id}", b""
    yield "GET", protocol.RULES_PATH + f"?stream={names.duka.stream}", {"stream": names.duka.stream}
    yield "GET", "/livez", b""
    yield "GET", "/readyz", b""


def nobody(shops: Shops) -> Shops:
    """The same sort of names, of no shop."""
    made = Event("", 99, secrets.token_hex(16), "c2b.confirmation", "c2b:600966:NOBODY", "", "", "", "0" * 64, "NOBODY")
    till = PairResponse("till_0", "9", "0" * 64, "Nobody", "st_0", "", "0" * 32)
    return shops._replace(duka=till, duka_key="0" * 32, duka_nonce="0" * 32, head=made, held_back=made)


async def test_what_is_another_shops_answers_as_if_it_were_nobodys(shops: Shops) -> None:
    before = await shops.state()
    paths = set()
    for real, made_up in zip(attempts(shops, shops), attempts(shops, nobody(shops)), strict=True):
        status, said = await shops.ask(*real)
        made_up_status, made_up_said = await shops.ask(*made_up)
        assert (status, without_times(said)) == (made_up_status, without_times(made_up_said)), real
        assert [secret for secret in shops.secrets if secret in json.dumps(said)] == [], real
        paths.add(real[1].partition("?")[0])
    assert await shops.state() == before
    asked = {(route.path.partition("{")[0]) for route in ROUTES if route.who == TILL} - {protocol.PULLED_PATH}
    assert all(any(path.startswith(known) for path in paths) for known in asked)


def without_times(said: Any) -> Any:
    """A welcome says what time it is, and who it is for."""
    if isinstance(said, dict):
        return {name: without_times(value) for name, value in said.items() if name not in ("now", "sid")}
    return [without_times(one) for one in said] if isinstance(said, list) else said


async def test_what_a_till_writes_stays_in_its_own_shop(shops: Shops, bodies: Any) -> None:
    before = await shops.state()
    row = {"transactionId": PAID, "amount": "150.00"}
    assert (await shops.ask("POST", protocol.PULLED_PATH, {"short_code": "600966", "rows": [row]}))[1]["new"] == 1
    assert (await shops.ask("PUT", protocol.RULES_PATH, {"version": 99, "default": "reject", "max": 1}))[0] == 200
    assert (await shops.ask("POST", protocol.ANCHORS_PATH, {"seq": 9, "mac": "cd" * 32}))[0] == 200
    assert (await shops.ask("POST", protocol.CLAIMS_PATH, {"receipt": PAID, "sale": "1"}))[0] == 200
    assert (await shops.ask("GET", f"{protocol.EVENTS_PATH}{shops.soko.stream}?epoch=e&after=9&chain=x&wait=0"))[
        0
    ] == 200
    assert await shops.state() == before
    asked = await shops.bench.post(f"/h/{shops.duka_key}/c2b/validate", bodies.c2b("NEW", "500.00"), client=SENDER)
    assert json.loads(asked.body)["ResultCode"] == "C2B00012"


async def test_no_key_or_token_of_one_door_opens_another(shops: Shops) -> None:
    guesses = [
        "",
        shops.soko.token[:-1],
        shops.soko.token + "0",
        shops.duka.token.upper(),
        shops.duka_key,
        shops.duka.nonce_key,
        shops.duka.till_id,
        shops.duka.stream,
        "' OR 1=1 --",
        "*",
        "%",
    ]
    for guess in guesses:
        for route in ROUTES:
            if route.who == TILL:
                path = route.path.replace("{stream}", shops.duka.stream)
                assert (await shops.ask(route.method, path, token=guess))[0] == 401
            elif route.who == SAFARICOM and "/" not in guess:
                path = route.path.replace("{key}", guess).replace("{nonce}", shops.duka_nonce)
                assert (await shops.ask(route.method, path))[0] == (200 if guess == shops.duka_key else 404)
        socket = shops.bench.socket(guess)
        assert await socket.until_closed() == protocol.CLOSE_BAD_TOKEN


async def test_a_websocket_opens_its_own_stream_alone(shops: Shops) -> None:
    before = await shops.state()
    own, other, none = (StreamCursor(name) for name in (shops.soko.stream, shops.duka.stream, "st_0"))
    for streams in ([other], [none], [own, other], [other, own], [], [own, own]):
        socket = shops.bench.socket(shops.soko.token)
        await socket.raw()
        socket.say(Hello(streams))
        assert await socket.until(int) == [Error("no_such_stream", retry=False), protocol.CLOSE_NO_SUCH_STREAM]
    socket = await shops.bench.connect(shops.soko, "", shops.head.seq, shops.head.chain)
    assert Event not in {type(frame) for frame in await socket.until(CaughtUp)}
    socket.say(protocol.Ack(shops.duka.stream, 99))
    socket.say_text(json.dumps({"t": "hello", "streams": [{"s": shops.duka.stream}]}))
    assert await shops.state() == before


async def test_another_shops_cursor_is_a_log_that_the_relay_does_not_know(shops: Shops) -> None:
    """It resets the till that said it, and turns no epoch but perhaps that of its own stream."""
    duka = await shops.bench.connect(shops.duka)
    (welcome, *_) = await duka.until(CaughtUp)
    epoch = welcome.streams[0].epoch
    soko = await shops.bench.connect(shops.soko, epoch, shops.head.seq, shops.head.chain)
    (_, reset, *_) = await soko.until(CaughtUp)
    assert isinstance(reset, Reset)
    assert reset.epoch != epoch
    again = await shops.bench.connect(shops.duka, epoch, shops.head.seq, shops.head.chain)
    assert Reset not in {type(frame) for frame in await again.until(CaughtUp)}


async def test_a_question_is_for_the_tills_of_its_shop_and_only_they_answer(shops: Shops, bodies: Any) -> None:
    headers = {"Authorization": f"Bearer {shops.duka.token}"}
    rules = json.dumps({"version": 6, "ask": True, "default": "reject"}).encode()
    assert (await shops.bench.request("PUT", protocol.RULES_PATH, rules, headers=headers)).status == 200
    sockets = {}
    for till in (shops.duka, shops.soko):
        sockets[till.shop] = shops.bench.socket(till.token)
        await sockets[till.shop].raw()
        sockets[till.shop].say(Hello([StreamCursor(till.stream)], caps=[CAP_VALIDATE]))
        await sockets[till.shop].until(CaughtUp)
    posted = asyncio.ensure_future(
        shops.bench.post(f"/h/{shops.duka_key}/c2b/validate", bodies.c2b("NEW"), client=SENDER)
    )
    (*_, question) = await sockets["Duka"].until(Validate)
    sockets["Soko"].say(Verdict(question.id, "0"))
    sockets["Soko"].say(Verdict(question.id, "C2B00011"))
    poked = shops.bench.socket(shops.soko.token)  # by the time that it is served, both were heard
    assert (await poked.raw())["type"] == "websocket.accept"
    sockets["Duka"].say(Verdict(question.id, "C2B00014"))
    assert json.loads((await posted).body)["ResultCode"] == "C2B00014"
    assert sockets["Soko"]._from_relay.empty()


async def test_a_nonce_and_an_echo_are_worth_nothing_in_another_shop(shops: Shops, bodies: Any) -> None:
    path = bodies.path_of(shops.soko, "")
    for tail in (f"/stk/{shops.duka_nonce}", f"/result/{shops.duka_nonce}", f"/timeout/{shops.duka_nonce}"):
        assert (await shops.bench.post(path + tail, bodies.stk("ws_2"), client=SENDER)).status == 200
    echoed = json.loads(bodies.c2b("ECHOED")) | {"ThirdPartyTransID": validation_echo(shops.duka.nonce_key, "ECHOED")}
    assert (await shops.bench.post(path + "/c2b/confirm", json.dumps(echoed).encode())).status == 200
    assert {one.trust for one in await shops.bench.events(shops.soko)} == {protocol.QUARANTINED}


async def test_pairing_with_another_shops_device_takes_nothing_from_it(shops: Shops) -> None:
    device = "ab" * 16
    owner = await shops.bench.pair("Duka", "the device's", device)
    before = await shops.state()
    copy = await shops.bench.pair("Soko", "the device's", device, owner.till_code)
    assert copy.till_id != owner.till_id
    assert (copy.stream, copy.shop) == (shops.soko.stream, "Soko")
    assert await shops.state() == before
    assert (await shops.bench.poll(owner)).status == 200


async def test_codes_are_counted_however_they_are_guessed(shops: Shops) -> None:
    """Right first halves and wrong ones are answered alike, so nobody learns that somebody was invited."""
    code = shops.bench.invite("Duka")
    said = set()
    for guess in (code[:4] + "BBBB", "BBBB" + code[5:], code[:4], "", code + "B", code.replace("-", "")[::-1]):
        asked = protocol.encode(PairRequest(guess, "till", secrets.token_hex(16)))
        reply = await shops.bench.post(protocol.PAIR_PATH, asked, client="203.0.113.77")
        said.add((reply.status, reply.body))
    assert said == {(403, b'{"error":"wrong or used code"}')}


async def test_the_store_is_never_asked_for_a_secret_itself(shops: Shops) -> None:
    """Only for its hash: how long that takes says nothing about how much of a guess is right."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        asked.append(repr(parameters))

    wrong = [shops.duka.token[:-1] + "x", shops.duka_key[:-1] + "x"]
    event.listen(Engine, "before_cursor_execute", note)
    try:
        await shops.ask("GET", protocol.RULES_PATH, token=wrong[0])
        await shops.ask("POST", f"/h/{wrong[1]}/c2b/confirm", {})
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert all(any(directory.sha256(secret) in said for said in asked) for secret in wrong)
    assert [secret for secret in wrong for said in asked if secret in said] == []


async def test_no_text_reaches_the_store_that_a_database_may_not_keep(shops: Shops) -> None:
    """PostgreSQL takes no NUL in a text, and would fail the whole statement."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        asked.extend(text for text in parameters if isinstance(text, str))

    pairing = {"code": shops.bench.invite("Duka"), "name": "till\0 \u2028one\n", "device": "cd" * 16, "till_code": "\0"}
    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert (await shops.ask("POST", protocol.PAIR_PATH, {**pairing, "code": "BCDF\0HJK"}))[0] == 403
        assert (await shops.ask("POST", protocol.PAIR_PATH, pairing))[0] == 200
        said = {"key": "c2b:600966:\0", "body_sha256": "0" * 64}
        assert (await shops.ask("POST", protocol.PROMOTIONS_PATH, said))[0] == 404
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert "till one" in asked
    assert [text for text in asked if not text.isprintable()] == []


async def test_a_nearly_right_key_or_token_takes_as_long_as_any(shops: Shops) -> None:
    """As far as a test can say: medians, taken in alternation, of the same order."""
    for near, path in ((shops.duka_key[:-1] + "x", "/h/{}/c2b/confirm"), (shops.duka.token[:-1] + "x", "")):
        taken: dict[bool, list[float]] = {True: [], False: []}
        for number in range(400):
            guess = near if number % 2 else secrets.token_hex(len(near) // 2)
            began = time.perf_counter()
            await (shops.ask("POST", path.format(guess), {}) if path else shops.ask("GET", "/v1/rules", token=guess))
            taken[bool(number % 2)].append(time.perf_counter() - began)
        assert 0.5 < median(taken[True]) / median(taken[False]) < 2
