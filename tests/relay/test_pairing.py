"""Pairing: a one-time code becomes a token, and nothing else does."""

import asyncio
import sqlite3
import time
from typing import Any

import pytest
from database_server import ON_A_FILE

from relay import protocol
from relay.addresses import network_of
from relay.protocol import PairRequest, PairResponse
from relay.stores import directory

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
DEVICE = "ab" * 16


async def ask(bench: Any, code: str, name: str = "till", client: str = "10.0.0.9") -> int:
    reply = await bench.post(protocol.PAIR_PATH, protocol.encode(PairRequest(code, name, DEVICE)), client=client)
    return int(reply.status)


async def test_a_code_gives_everything_a_till_needs(bench: Any, till: PairResponse) -> None:
    (shop,) = bench.in_store(directory.shops)
    assert (till.shop, till.stream, till.nonce_key) == ("Duka", shop.stream, shop.nonce_key)
    assert till.callback_base == f"http://relay.test/h/{shop.callback_key}"
    assert len(bytes.fromhex(till.token)) == 32
    assert len(bytes.fromhex(shop.callback_key)) == 16
    assert shop.callback_key == shop.callback_key.lower()


@ON_A_FILE
async def test_the_token_is_not_in_the_database(bench: Any, till: PairResponse) -> None:
    connection = sqlite3.connect(bench.file)
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert till.till_id in dump
    assert till.token not in dump
    assert directory.sha256(till.token) in dump


async def test_a_code_works_once_and_however_it_is_typed(bench: Any) -> None:
    bench.add_shop("Duka")
    code = bench.invite("Duka")
    assert len(code.replace("-", "")) == 8
    assert set(code.replace("-", "")) <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert await ask(bench, f" {code.lower().replace('-', ' ')} ") == 200
    assert await ask(bench, code) == 403


async def test_five_wrong_tries_burn_a_code(bench: Any) -> None:
    bench.add_shop("Duka")
    code = bench.invite("Duka")
    wrong = code[:5] + ("BBBB" if code[5:] != "BBBB" else "CCCC")
    assert [await ask(bench, wrong) for _ in range(5)] == [403] * 5
    assert await ask(bench, code) == 403
    assert await ask(bench, bench.invite("Duka")) == 200


async def test_a_code_ends_after_ten_minutes(bench: Any) -> None:
    bench.add_shop("Duka")
    old = int(time.time() * 1000) - directory.CODE_MS
    code = bench.in_store(lambda connection: directory.invite_till(connection, "Duka", old)).code
    assert await ask(bench, code) == 403


async def test_guessing_from_one_address_is_slowed_and_others_are_not(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.pairing._minute", lambda: 7)
    monkeypatch.setattr("relay.pairing._NETWORKS", 2)
    bench.add_shop("Duka")
    assert [await ask(bench, "BBBB-BBBB", client="1") for _ in range(21)] == [403] * 20 + [429]
    assert await ask(bench, bench.invite("Duka"), client="2") == 200
    for client in ("2", "3", "4"):
        assert await ask(bench, "BBBB-BBBB", client=client) == 403
    assert await ask(bench, "BBBB-BBBB", client="1") == 403


async def test_who_guesses_all_at_once_is_slowed_too(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.pairing._minute", lambda: 7)
    bench.add_shop("Duka")
    guessed = await asyncio.gather(*(ask(bench, "BBBB-BBBB") for _ in range(50)))
    assert sorted(guessed) == [403] * 20 + [429] * 30


async def test_a_right_code_does_not_count_against_where_it_comes_from(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.pairing._minute", lambda: 7)
    bench.add_shop("Duka")
    assert [await ask(bench, bench.invite("Duka")) for _ in range(21)] == [200] * 21
    assert [await ask(bench, "BBBB-BBBB") for _ in range(19)] == [403] * 19
    assert await ask(bench, bench.invite("Duka")) == 200
    assert [await ask(bench, "BBBB-BBBB") for _ in range(2)] == [403, 429]


async def test_all_addresses_of_one_line_are_counted_together(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.pairing._minute", lambda: 7)
    line = [f"2001:db8:0:7::{number:x}" for number in range(21)]
    assert [await ask(bench, "BBBB-BBBB", client=client) for client in line] == [403] * 20 + [429]
    assert await ask(bench, "BBBB-BBBB", client="2001:db8:0:8::1") == 403


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("196.201.214.200", "196.201.214.200"),
        ("::ffff:196.201.214.200", "196.201.214.200"),
        ("2001:DB8:0:7:1:2:3:4", "2001:db8:0:7::"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_the_network_that_an_address_is_counted_by(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"code":1}',
        b'{"code":"","name":"","device":"x"}',
        b"\xff",
        b"[" * 60_000,
        b'{"code":"\xff","name":""}',
    ],
)
async def test_what_is_no_request_is_refused(bench: Any, body: bytes) -> None:
    assert (await bench.post(protocol.PAIR_PATH, body)).status == 400
    assert (await bench.post(protocol.PAIR_PATH, b"{", ending="stalls")).status == 400
    assert (await bench.post(protocol.PAIR_PATH, b"{", ending="gone")).status == 0


# The till code.


async def test_tills_that_pair_at_once_and_want_the_same_code_each_get_their_own(bench: Any) -> None:
    bench.add_shop("Duka")
    paired = await asyncio.gather(*(bench.pair("Duka", f"till {at}", till_code="1") for at in range(12)))
    codes = [till.till_code for till in paired]
    assert sorted(codes) == sorted(set(codes))
    assert set(codes) == set("123456789ABC")


async def test_a_device_that_pairs_again_keeps_its_code_and_its_old_token_opens_nothing(bench: Any) -> None:
    bench.add_shop("Duka")
    first = await bench.pair("Duka", device=DEVICE, till_code="a2")
    bench.in_store(lambda connection: directory.revoke(connection, first.till_id, 1))
    again = await bench.pair("Duka", "Counter 2", device=DEVICE, till_code="9")
    assert (first.till_code, again.till_code, again.till_id) == ("A2", "A2", first.till_id)
    assert (await bench.poll(first)).status == 401
    assert (await bench.poll(again)).status == 200
    (till,) = bench.in_store(directory.tills)
    assert (till.code, till.name, till.revoked_at) == ("A2", "Counter 2", None)


async def test_the_code_of_a_till_that_is_gone_is_never_given_to_another(bench: Any) -> None:
    bench.add_shop("Duka")
    gone = await bench.pair("Duka", till_code="1")
    bench.in_store(lambda connection: directory.revoke(connection, gone.till_id, 1))
    assert (await bench.pair("Duka", till_code="1")).till_code == "2"


async def test_each_shop_has_codes_of_its_own(bench: Any) -> None:
    for shop in ("Duka", "Kiosk"):
        bench.add_shop(shop)
    assert [(await bench.pair(shop, device=DEVICE)).till_code for shop in ("Duka", "Kiosk")] == ["1", "1"]


@pytest.mark.parametrize("wanted", ["", "1-2", "TILL", "é", "  "])
async def test_what_can_be_no_code_is_not_given(bench: Any, wanted: str) -> None:
    bench.add_shop("Duka")
    assert (await bench.pair("Duka", till_code=wanted)).till_code == "1"


def test_codes_are_short_and_there_are_enough_of_them() -> None:
    codes = list(directory._codes())
    assert codes[:10] == [*"123456789", "A"]
    assert codes[34:36] == ["Z", "10"]
    assert len(codes) == len(set(codes)) == 36**3 - 1
    assert max(map(len, codes)) == 3


async def test_a_till_from_before_codes_is_listed_without_one(bench: Any, till: PairResponse) -> None:
    bench.in_store(lambda connection: connection.exec_driver_sql("DELETE FROM seat"))
    assert [held.code for held in bench.in_store(directory.tills)] == [None]


async def test_answers_of_the_api_are_not_kept_by_anyone(bench: Any) -> None:
    for path in ("/livez", "/readyz", "/nothing", "/v1/pair"):
        reply = await bench.request("GET", path)
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_pairing_with_a_broken_store_is_503(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def fails(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr("relay.stores.directory.pair", fails)
    assert await ask(bench, "BBBB-BBBB") == 503
