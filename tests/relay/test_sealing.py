"""Bodies encrypted at rest: nothing of a payer in the database, everything for the tills, and no key no lost cursor."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from relay import protocol
from relay.__main__ import main
from relay.protocol import CaughtUp, Cursor, Event, PairResponse
from relay.settings import SettingError, from_arguments
from relay.stores import claims, sealing
from relay.stores.sealing import BadKeysError, SealedError, Seals
from relay.stores.store import StoreSettingError, opened, transaction

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
RECEIPT = "UJE7K2M9QX"
ONE, TWO = bytes(range(32)), bytes(range(32, 64))
WITH_ONE = Seals([("one", ONE)])
NAMES = ["Wanjikukamau", "254712345678", "Till number one", "Cashier Achieng"]


class Kit(NamedTuple):
    settings: Any
    running: Any
    bodies: Any

    def served(self, *keys: tuple[str, bytes]) -> Any:
        return self.running(replace(self.settings, seals=Seals(keys)))


@pytest.fixture
def kit(settings: Any, running: Any, bodies: Any) -> Kit:
    return Kit(settings, running, bodies)


def said(receipt: str = RECEIPT) -> bytes:
    told = {"TransID": receipt, "TransAmount": "150.00", "BusinessShortCode": "600966", "MSISDN": NAMES[1]}
    return json.dumps({**told, "FirstName": NAMES[0]}).encode()


async def asked(bench: Any, till: PairResponse, path: str, body: object, method: str = "POST") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {till.token}"}
    reply = await bench.request(method, path, json.dumps(body).encode(), headers=headers)
    return reply.status, json.loads(reply.body)


async def pay(bench: Any, till: PairResponse, kit: Kit, receipt: str = RECEIPT) -> None:
    assert (await bench.post(kit.bodies.path_of(till, "/c2b/confirm"), said(receipt))).status == 200


def kept(store: str) -> str:
    """All that the database holds of events, as text."""
    with transaction(opened(store)) as connection:
        tables = ("event", "event_key") if store.startswith("postgresql") else ("event",)
        rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]
    return str(rows)


async def everything(bench: Any, till: PairResponse) -> list[Event]:
    """What the log tells, its chain held."""
    cursor = Cursor()
    events = await bench.events(till)
    for event in events:
        assert event.follows(cursor)
        cursor = Cursor("", event.seq, event.chain)
    return list(events)


async def test_no_name_is_in_the_database_and_all_of_them_come_to_the_till(kit: Kit) -> None:
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka", NAMES[2])
        socket = await bench.connect(till)
        await socket.until(CaughtUp)
        await pay(bench, till, kit)
        live = await socket.next()
        won = await asked(bench, till, protocol.CLAIMS_PATH, {"receipt": RECEIPT, "sale": "1", "cashier": NAMES[3]})
        await bench.post(kit.bodies.path_of(till, "/c2b/confirm"), b"~one~ not json " + said())
        assert won[0] == 200
        events = await everything(bench, till)
        assert events[0] == live
        assert bytes(events[0].body) == said()
        assert json.loads(bytes(events[1].body))["cashier"] == NAMES[3]
        assert base64.b64decode(events[2].raw or "") == b"~one~ not json " + said()
    held = kept(kit.settings.store)
    assert [name for name in NAMES if name in held] == []
    assert held.count("~one~") == (4 if kit.settings.store.startswith("postgresql") else 3)


async def test_what_the_relay_decides_by_its_own_records_is_decided_as_before(kit: Kit) -> None:
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit)
        await pay(bench, till, kit)
        assert len(await everything(bench, till)) == 1
        claim = {"receipt": RECEIPT, "sale": "1"}
        assert (await asked(bench, till, protocol.CLAIMS_PATH, claim))[0] == 200
        assert (await asked(bench, till, protocol.CLAIMS_PATH, {**claim, "sale": "2"}))[0] == 409
        assert (await asked(bench, till, protocol.RELEASES_PATH, {"receipt": RECEIPT, "generation": 1}))[0] == 200
        assert (await asked(bench, till, protocol.CLAIMS_PATH, {**claim, "sale": "2"}))[1]["generation"] == 2
        anchor = {"seq": 1, "mac": "a" * 64}
        assert (await asked(bench, till, protocol.ANCHORS_PATH, anchor))[0] == 200
        assert (await asked(bench, till, protocol.ANCHORS_PATH, None, "GET"))[1]["mac"] == "a" * 64


async def test_a_quarantined_event_is_promoted_with_its_body(kit: Kit) -> None:
    settings = replace(kit.settings, seals=WITH_ONE, source_ips=frozenset({"196.201.214.200"}))
    async with kit.running(settings) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit)
        (held,) = await everything(bench, till)
        promoted = {"key": held.key, "body_sha256": held.body_sha256}
        assert await asked(bench, till, protocol.PROMOTIONS_PATH, promoted) == (200, {"new": True})
        first, again = await everything(bench, till)
        assert (bytes(again.body), again.trust, again.rev) == (bytes(first.body), "trusted", 1)


async def test_a_new_key_writes_and_the_old_one_still_reads(kit: Kit) -> None:
    async with kit.served() as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit, "CLEAR")
    for keys in ([("one", ONE)], [("two", TWO), ("one", ONE)]):
        async with kit.served(*keys) as bench:
            await pay(bench, till, kit, f"BY{keys[0][0].upper()}")
            events = await everything(bench, till)
    assert [event.receipt for event in events] == ["CLEAR", "BYONE", "BYTWO"]
    assert [bytes(event.body) for event in events] == [said(event.receipt or "") for event in events]
    held = kept(kit.settings.store)
    assert (held.count("~one~"), held.count("~two~"), held.count(NAMES[0])) == (1, 1, 1)


@pytest.mark.parametrize(
    "keys", [(), (("two", TWO),), (("one", TWO),), (("two", TWO), ("one", TWO))], ids=["none", "other", "wrong", "both"]
)
async def test_a_relay_that_lacks_a_key_says_so_and_does_not_start(kit: Kit, keys: tuple[Any, ...]) -> None:
    async with kit.served(("one", ONE)):
        pass
    with pytest.raises(StoreSettingError, match="encrypted with a key 'one': RELAY_BODY_KEYS lacks it, or has another"):
        async with kit.served(*keys):
            pass
    async with kit.served(("one", ONE)):
        pass


async def test_where_a_key_is_missing_all_the_same_no_till_loses_its_place_and_callbacks_are_taken(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    """As at a replica that was started before the others were given a key."""
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit)
        await asked(bench, till, protocol.CLAIMS_PATH, {"receipt": RECEIPT, "sale": "1"})
    with transaction(opened(kit.settings.store)) as connection:
        connection.execute(text("DELETE FROM body_key"))
    async with kit.served() as bench:
        socket = await bench.connect(till)
        assert (await socket.until(int))[1:] == [protocol.CLOSE_FAILED]
        assert (await bench.poll(till)).status == 503
        claim = {"receipt": RECEIPT, "sale": "1"}
        assert await asked(bench, till, protocol.CLAIMS_PATH, claim) == (503, {"error": "not possible now"})
        assert "encrypted with the key 'one', which RELAY_BODY_KEYS lacks" in caplog.text
        assert (await bench.request("GET", "/readyz")).status == 200
        await pay(bench, till, kit, "UJE8")
    async with kit.served(("one", ONE)) as bench:
        assert [event.kind for event in await everything(bench, till)] == [
            "c2b.confirmation",
            "claim",
            "c2b.confirmation",
        ]


async def test_a_body_that_was_put_in_the_place_of_another_is_not_told(kit: Kit) -> None:
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        for receipt in ("UJE1", "UJE2"):
            await pay(bench, till, kit, receipt)
        swapped = "UPDATE event SET body = (SELECT body FROM event AS o WHERE o.id <> event.id)"
        await bench.relay._log.run(lambda connection: connection.exec_driver_sql(swapped).rowcount)
        assert (await bench.poll(till)).status == 503


async def test_a_copy_holds_what_the_store_does_and_is_read_with_its_key(
    kit: Kit, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit)
    shown = ["export", "--shop", "Duka", "--phone", NAMES[1], "--store", kit.settings.store]
    assert main(shown) == 1
    assert capsys.readouterr().err == (
        "relay: the store cannot be used: a body cannot be read: it is encrypted with the key 'one', which"
        " RELAY_BODY_KEYS lacks\n"
    )
    monkeypatch.setenv("RELAY_BODY_KEYS", f"one:{base64.b64encode(ONE).decode()}")
    assert main(shown) == 0
    assert json.loads(capsys.readouterr().out)["messages"][0]["body"]["FirstName"] == NAMES[0]


async def test_claims_of_a_log_that_has_no_key_are_no_clear_text_by_chance(kit: Kit) -> None:
    async with kit.served(("one", ONE)) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, kit)
        await asked(bench, till, protocol.CLAIMS_PATH, {"receipt": RECEIPT, "sale": "1"})
    with opened(kit.settings.store).connect() as connection, pytest.raises(SealedError):
        claims.latest(connection, 1, RECEIPT)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_question_to_the_tills_of_other_relays_lies_sealed_too(store: str) -> None:
    from relay.stores import postgresql_replicas as told

    question = told.Question("q1", "st", said().decode(), 3.0)
    with transaction(opened(store, WITH_ONE)) as connection:
        told.ask(connection, question, "a")
        assert [found.body for found in told.open_questions(connection, "b")] == [question.body]
    with transaction(opened(store)) as connection:
        (held,) = connection.execute(text("SELECT body FROM question")).scalars()
        assert held.startswith("~one~")
        assert told.open_questions(connection, "b") == []


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_relays_that_start_together_with_a_new_key_both_start(store: str, tmp_path: Any) -> None:
    serve = [sys.executable, "-c", _OPEN, store]
    starting = [subprocess.Popen([*serve, str(tmp_path / one)], stderr=subprocess.PIPE, text=True) for one in "ab"]
    assert [(one.communicate(timeout=60)[1], one.returncode) for one in starting] == [("", 0)] * 2


_OPEN = """
import asyncio, sys
from pathlib import Path
from relay.log import EventLog
from relay.stores.sealing import Seals
from relay.stores.store import opened

async def start():
    await (await EventLog.open(opened(sys.argv[1], Seals([("one", bytes(range(32)))])), Path(sys.argv[2]))).close()

asyncio.run(start())
"""


@given(st.text(), st.text())
def test_what_is_sealed_comes_back_at_its_place_and_nowhere_else(body: str, bound: str) -> None:
    made = WITH_ONE.seal(bound, body)
    assert WITH_ONE.open(bound, made) == body
    for other in (Seals([("one", TWO)]), Seals([("two", ONE)]), Seals()):
        with pytest.raises(SealedError):
            other.open(bound, made)
    with pytest.raises(SealedError):
        WITH_ONE.open(bound + "x", made)


@given(st.text(max_size=50), st.data())
def test_what_was_changed_in_any_place_is_refused(body: str, data: st.DataObject) -> None:
    made = WITH_ONE.seal("bound", body)
    held = bytearray(base64.b64decode(made.split("~")[2]))
    held[data.draw(st.integers(0, len(held) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealedError):
        WITH_ONE.open("bound", f"~one~{base64.b64encode(held).decode()}")


@pytest.mark.parametrize("cut", ["~one~", "~one~AAAA", "~one~not base64!", "~one", "~"])
def test_what_is_no_whole_sealed_text_is_refused(cut: str) -> None:
    with pytest.raises(SealedError):
        WITH_ONE.open("bound", cut)


def test_without_keys_nothing_is_changed() -> None:
    assert Seals().seal("bound", "text") == "text"
    rows: list[Any] = []
    assert Seals().sealed(rows) is rows


def test_keys_are_read_from_the_environment_and_shown_nowhere() -> None:
    one, two = (base64.b64encode(key).decode() for key in (ONE, TWO))
    settings = from_arguments({}, {"RELAY_BODY_KEYS": f"one:{one}, two:{two}"})
    assert settings.seals.id == "one"
    assert Seals([("two", TWO)]).open("b", sealing.parse(f"two:{two}").seal("b", "t")) == "t"
    assert one not in repr(settings)
    assert from_arguments({}, {}).seals.id == ""


@pytest.mark.parametrize(
    "said", ["one", "one:", ":AAAA", "one:AAAA", "o ne:" + "A" * 43 + "=", "~:" + "A" * 43 + "=", "one:" + "!" * 44]
)
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(said: str) -> None:
    with pytest.raises(SettingError) as wrong:
        from_arguments({}, {"RELAY_BODY_KEYS": said})
    assert str(wrong.value) == (
        "RELAY_BODY_KEYS: each key must look like id:base64, 32 bytes in base64 (openssl rand -base64 32)"
    )
    key = base64.b64encode(os.urandom(32)).decode()
    with pytest.raises(BadKeysError, match="same id"):
        sealing.parse(f"a:{key},a:{key}")
