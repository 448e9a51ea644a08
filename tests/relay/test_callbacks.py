"""Callbacks: stored before they are answered, whatever they are (money-safety R1 to R6, R9; contract §7)."""

import asyncio
import base64
import json
import random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from relay import protocol
from relay.addresses import Addresses
from relay.http import MAX_BODY
from relay.protocol import PairResponse, make_nonce

pytestmark = pytest.mark.anyio

ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'


def stk_path(bodies: Any, till: PairResponse, nonce: str | None = None) -> str:
    return str(bodies.path_of(till, f"/stk/{nonce or make_nonce(till.nonce_key)}"))


async def test_an_stk_callback_is_one_trusted_event(bench: Any, till: PairResponse, bodies: Any) -> None:
    nonce = make_nonce(till.nonce_key)
    reply = await bench.post(stk_path(bodies, till, nonce), bodies.stk(), headers={"BusinessShortCode": "174379"})
    assert (reply.status, reply.body) == (200, ACCEPTED)
    (event,) = await bench.events(till)
    assert (event.kind, event.trust, event.src, event.rev) == ("stk", "trusted", "daraja", 0)
    assert (event.nonce, event.short_code, event.receipt) == (nonce, "174379", "UJE7K2M9QX")
    assert event.key == f"stk:{nonce}:ws_CO_14102026153012345712345678"
    assert bytes(event.body) == bodies.stk()
    assert event.at.endswith("Z")


async def test_a_confirmation_is_one_trusted_event(bench: Any, till: PairResponse, bodies: Any) -> None:
    reply = await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())
    assert (reply.status, reply.body) == (200, ACCEPTED)
    (event,) = await bench.events(till)
    assert (event.kind, event.key, event.nonce) == ("c2b.confirmation", "c2b:600966:UJE7K2M9QX", None)
    assert (event.receipt, event.short_code) == ("UJE7K2M9QX", "600966")


async def test_a_hundred_shuffled_copies_are_one_event(bench: Any, till: PairResponse, bodies: Any) -> None:
    nonces = [make_nonce(till.nonce_key) for _ in range(10)]
    posts = [(nonce, f"ws_{number}") for number, nonce in enumerate(nonces)] * 100
    random.Random(7).shuffle(posts)
    replies = await asyncio.gather(
        *(bench.post(stk_path(bodies, till, nonce), bodies.stk(checkout)) for nonce, checkout in posts)
    )
    assert {(reply.status, reply.body) for reply in replies} == {(200, ACCEPTED)}
    assert len(await bench.events(till)) == 10


async def test_a_late_success_after_a_failure_is_a_revision(bench: Any, till: PairResponse, bodies: Any) -> None:
    path = stk_path(bodies, till)
    for code in (1037, 0, 1037, "0"):
        assert (await bench.post(path, bodies.stk(code=code))).status == 200
    assert [event.rev for event in await bench.events(till)] == [0, 1]


async def test_another_amount_or_short_code_is_a_revision(bench: Any, till: PairResponse, bodies: Any) -> None:
    path = stk_path(bodies, till)
    await bench.post(path, bodies.stk())
    await bench.post(path, bodies.stk(amount=1500))
    await bench.post(path, bodies.stk(), headers={"BusinessShortCode": "999999"})
    assert [event.rev for event in await bench.events(till)] == [0, 1, 2]


async def test_revisions_that_come_together_are_numbered_without_a_gap(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    path = stk_path(bodies, till)
    for amounts in ((1,), (2, 3, 4), (5,), (6, 7)):
        replies = await asyncio.gather(*(bench.post(path, bodies.stk(amount=amount)) for amount in amounts))
        assert {reply.status for reply in replies} == {200}
    assert [event.rev for event in await bench.events(till)] == list(range(7))


@pytest.mark.parametrize("nonce", ["0" * 32, "x", "..", "%2e", "é", "a" * 500])
async def test_a_false_nonce_is_quarantined(bench: Any, till: PairResponse, bodies: Any, nonce: str) -> None:
    assert (await bench.post(stk_path(bodies, till, nonce), bodies.stk())).status == 200
    (event,) = await bench.events(till)
    assert (event.trust, event.receipt) == ("quarantined", "UJE7K2M9QX")


async def test_a_forgery_with_a_known_nonce_never_hides_the_real_event(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        path = stk_path(bodies, till)
        for client in ("10.0.0.1", "10.0.0.1", "196.201.214.200", "196.201.214.200", "10.0.0.1"):
            assert (await bench.post(path, bodies.stk(), client=client)).status == 200
        assert [(event.trust, event.rev) for event in await bench.events(till)] == [("quarantined", 0), ("trusted", 1)]


async def test_a_forwarded_address_counts_only_from_our_own_proxy(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    ours = changed(settings, source_ips=frozenset({"1.1.1.1"}), trusted_proxies=Addresses("10.0.0.0/31"))
    cases = [
        ("10.0.0.1", {"X-Forwarded-For": "9.9.9.9, 1.1.1.1"}, "trusted"),
        ("10.0.0.1", {"X-Forwarded-For": "1.1.1.1, 9.9.9.9"}, "quarantined"),
        ("10.0.0.1", {}, "quarantined"),
        ("10.0.0.2", {"X-Forwarded-For": "1.1.1.1"}, "quarantined"),
        ("1.1.1.1", {}, "trusted"),
    ]
    async with running(ours) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        for number, (client, headers, _) in enumerate(cases):
            body = bodies.stk(f"ws_{number}")
            assert (await bench.post(stk_path(bodies, till), body, client=client, headers=headers)).status == 200
        assert [event.trust for event in await bench.events(till)] == [trust for *_, trust in cases]


HOSTILE = [b"", b"\xff\xfe\x00", b"NaN", b"[" * 60_000, b'{"Body":[]}', b'{"a":1,"a":2}', b'{"TransID":1}', b"[1,2]"]


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("tail", ["/stk/", "/c2b/confirm"])
async def test_what_cannot_be_read_is_kept_raw_and_accepted(
    bench: Any, till: PairResponse, bodies: Any, body: bytes, tail: str
) -> None:
    path = stk_path(bodies, till) if tail == "/stk/" else bodies.path_of(till, tail)
    for _ in range(2):
        reply = await bench.post(path, body)
        assert (reply.status, reply.body) == (200, ACCEPTED)
    (event,) = await bench.events(till)
    assert event.kind == "unparsed"
    kept = base64.b64decode(event.raw) if event.raw is not None else bytes(event.body)
    assert kept == body


async def test_an_unknown_key_leaves_no_trace(bench: Any, till: PairResponse, bodies: Any) -> None:
    for path in ("/h/" + "0" * 32 + "/c2b/confirm", "/h/x/stk/y", "/h/", "/h/a/b/c/d/e"):
        assert (await bench.post(path, bodies.c2b())).status == 404
    assert (await bench.post(bodies.path_of(till, "/nothing"), b"{}")).status == 404
    assert (await bench.request("GET", bodies.path_of(till, "/c2b/confirm"))).status == 405
    assert await bench.events(till) == []


async def test_a_shop_added_beside_the_running_relay_is_known_at_once(bench: Any, till: PairResponse) -> None:
    other = bench.add_shop("Kiosk")
    assert (await bench.post(f"/h/{other.callback_key}/c2b/confirm", b"{}")).status == 200
    assert await bench.events(till) == []


async def test_64_kib_are_taken_and_one_more_byte_is_not(bench: Any, till: PairResponse, bodies: Any) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    whole = json.dumps({"Note": "x" * 65_000}).encode().ljust(MAX_BODY)
    assert (await bench.post(path, [whole[:30_000], whole[30_000:]])).status == 200
    refused = await bench.post(path, [whole, b" "])
    assert (refused.status, refused.headers["connection"]) == (413, "close")
    (event,) = await bench.events(till)
    assert len(bytes(event.body)) == len(whole.rstrip())


async def test_a_body_that_dribbles_in_is_refused_and_one_that_stops_is_forgotten(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    path = bodies.path_of(till, "/c2b/confirm")
    assert (await bench.post(path, b"{", ending="stalls")).status == 408
    assert (await bench.post(path, b"{", ending="gone")).status == 0
    assert await bench.events(till) == []


async def test_a_burst_of_a_thousand_is_all_accepted(bench: Any, till: PairResponse, bodies: Any) -> None:
    replies = await asyncio.gather(
        *(bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b(f"UJE{number}")) for number in range(1000))
    )
    assert {reply.status for reply in replies} == {200}
    socket = await bench.connect(till)
    seen = 0
    while seen < 1000:
        frame = await socket.next()
        if isinstance(frame, protocol.Event):
            seen += 1
            assert frame.seq == seen
            socket.say(protocol.Ack(till.stream, seen))


async def test_what_could_not_be_stored_is_never_answered_with_200(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    path = stk_path(bodies, till)
    with monkeypatch.context() as broken:
        broken.setattr("relay.stores.sqlite_batch.write", fails)
        assert (await bench.post(path, bodies.stk())).status == 503
        assert (await bench.request("GET", "/readyz")).status == 503
        assert (await bench.request("GET", "/livez")).status == 200
    assert (await bench.post(path, bodies.stk())).status == 200
    assert (await bench.request("GET", "/readyz")).status == 200
    (event,) = await bench.events(till)
    assert event.seq == 1


async def test_a_directory_that_cannot_be_asked_is_503_for_an_unknown_key_alone(
    bench: Any, till: PairResponse, bodies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    await bench.relay._shops.look_again()
    monkeypatch.setattr("relay.stores.directory.shop_by_key_hash", fails)
    assert (await bench.post(bodies.path_of(till, "/c2b/confirm"), bodies.c2b())).status == 200
    assert (await bench.post(f"/h/{'ab' * 16}/c2b/confirm", bodies.c2b())).status == 503


async def test_a_shop_that_is_added_beside_the_relay_is_known_before_its_first_callback(
    bench: Any, eventually: Any
) -> None:
    shop = bench.add_shop("Duka")
    await eventually(lambda: bench.relay._shops.known(shop.callback_key) == shop)
    other = bench.add_shop("Soko")
    assert await bench.relay._shops.find(other.callback_key) == other
    assert await bench.relay._shops.find("ab" * 16) is None
    await eventually(lambda: bench.relay._shops.known(other.callback_key) is not None)
