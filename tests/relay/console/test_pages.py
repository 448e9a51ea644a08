"""What the pages say and do: shops, codes, secrets, tills, the record, health; and that no text breaks out of them."""

import asyncio
import re
import time
from html import unescape
from typing import Any

import pytest
from console_desk import PASSWORD, words_of
from sqlalchemy.exc import OperationalError

from relay import protocol
from relay.console.income import Income, usual_gap
from relay.protocol import Ack, CaughtUp, PairRequest, StreamCursor
from relay.stores import directory, overview, reading_again

STORES = ["sqlite", "postgresql"]
pytestmark = pytest.mark.anyio

NASTY = "\"'><script>alert(1)</script>&amp;"


async def test_a_shop_is_added_and_stands_in_the_record(joan: Any) -> None:
    reply = await joan.post("/shops", name="  Duka la Mama ")
    page = await joan.client.get(reply.headers["location"])
    assert page.text.count("Duka la Mama") >= 1
    assert "No tills yet" in page.text
    assert joan.record()[0] == "added a shop"
    assert "Duka la Mama" in words_of(await joan.get("/record"))


async def test_a_name_that_is_taken_or_none_is_refused_with_a_sentence(joan: Any) -> None:
    await joan.post("/shops", name="Duka")
    taken = await joan.post("/shops", name="Duka")
    assert (taken.status_code, "“Duka” already. Nothing was added." in taken.text) == (409, True)
    empty = await joan.post("/shops", name="  ")
    assert (empty.status_code, "A shop needs a name" in empty.text) == (400, True)
    assert joan.record().count("added a shop") == 1


async def test_shops_are_found_by_name_and_come_a_page_at_a_time(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.shops.PAGE", 3)
    for number in range(5):
        joan.bench.add_shop(f"Shop {number}")
    joan.bench.add_shop("100% Duka")
    first = await joan.get("/shops")
    assert [name in first.text for name in ("100% Duka", "Shop 0", "Shop 1", "Shop 2")] == [True, True, True, False]
    assert "/console/shops?skip=3" in first.text
    last = await joan.get("/shops?skip=3")
    assert ("Shop 4" in last.text, "More shops" in last.text) == (True, False)
    assert "Shop 1" not in (await joan.get("/shops?name=%25")).text
    assert "100% Duka" in (await joan.get("/shops?name=dUKA")).text
    assert "No shop has “nothing” in its name." in (await joan.get("/shops?name=nothing")).text
    assert (await joan.get("/shops?skip=x")).status_code == 200


async def test_a_code_for_a_till_is_shown_once_for_the_password_and_works(joan: Any) -> None:
    shop = joan.bench.add_shop("Duka")
    refused = await joan.post(f"/shops/{shop.stream}/invitations", password="wrong")
    assert (refused.status_code, "Nothing was done" in refused.text) == (403, True)
    page = await joan.post(f"/shops/{shop.stream}/invitations", password=PASSWORD)
    code = re.search(r'class="code">([A-Z]{4}-[A-Z]{4})<', page.text)
    assert code is not None
    assert "<svg" in page.text
    assert "http://relay.test" in page.text
    request = PairRequest(code[1], "till", "ab" * 16)
    assert (await joan.bench.post(protocol.PAIR_PATH, protocol.encode(request))).status == 200
    assert joan.record()[:2] == ["invited a till", "wrong password"]


async def test_the_callback_path_is_hidden_until_the_password_is_said_again(joan: Any) -> None:
    shop = joan.bench.add_shop("Duka")
    paths = ("/shops", f"/shops/{shop.stream}", "/tills", "/held", "/health", "/record")
    for path in paths:
        assert shop.callback_key not in (await joan.get(path)).text
    for wrong in ("", "wrong", PASSWORD + " "):
        refused = await joan.post(f"/shops/{shop.stream}/callback-path", password=wrong)
        assert (refused.status_code, shop.callback_key in refused.text) == (403, False)
    shown = await joan.post(f"/shops/{shop.stream}/callback-path", password=PASSWORD)
    assert f"http://relay.test/h/{shop.callback_key}" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert joan.record()[0] == "looked at the callback path"
    assert shop.callback_key not in (await joan.get("/record")).text


async def test_who_does_not_know_the_password_of_his_session_is_out_after_five_tries(joan: Any) -> None:
    shop = joan.bench.add_shop("Duka")
    path = f"/shops/{shop.stream}/callback-path"
    for _ in range(4):
        assert "That is not your password" in (await joan.post(path, password="x")).text
    assert "you are signed out" in (await joan.post(path, password="x")).text
    assert (await joan.get("/shops")).status_code == 303


async def test_the_right_password_forgets_the_wrong_ones_before(joan: Any) -> None:
    shop = joan.bench.add_shop("Duka")
    path = f"/shops/{shop.stream}/callback-path"
    for _ in range(3):
        for _ in range(4):
            assert (await joan.post(path, password="x")).status_code == 403
        assert (await joan.post(path, password=PASSWORD)).status_code == 200


async def test_what_is_not_there_is_said_so(joan: Any) -> None:
    for path in ("/shops/st_0", "/tills/till_0/revoke", "/tills/till_0/read-again", "/held/st_0/1", "/nothing"):
        reply = await joan.get(path)
        assert (reply.status_code, "Nothing here" in reply.text) == (404, True)
    posted = (
        "/shops/st_0/invitations",
        "/shops/st_0/callback-path",
        "/tills/till_0/revoke",
        "/tills/till_0/read-again",
    )
    for path in (*posted, "/held/st_0/1/believe"):
        assert (await joan.post(path, password=PASSWORD)).status_code == 404


# Tills.


async def test_the_tills_say_who_is_there_and_how_far_behind(joan: Any, till: Any, eventually: Any) -> None:
    away = await joan.bench.pair("Duka", "Back door")
    for number in range(5):
        await joan.pay(till, f"UJE7K2M9Q{number}")
    socket = joan.bench.socket(till.token)
    await socket.raw()
    socket.say(protocol.Hello([StreamCursor(till.stream)], app="0.3.0"))
    await socket.until(CaughtUp)
    socket.say(Ack(till.stream, 3))

    async def noted() -> bool:
        return "2 events," in words_of(await joan.get("/tills"))

    await eventually(noted)
    here, there = words_of(await joan.get("/tills")).split("Back door")
    assert re.search(
        r"till one code 1 Duka ✓ connected for \d seconds? \? 2 events, \d seconds? \D*[\d ]*\D* 0\.3\.0", here
    )
    assert re.search(r"code 2 Duka \? not connected \? 5 events, \d seconds? never –", there)
    assert away.token not in there
    shop = words_of(await joan.get(f"/shops/{till.stream}"))
    assert "till one code 1 ✓ connected" in shop


async def test_tills_come_a_page_at_a_time(joan: Any, till: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.tills.PAGE", 1)
    await joan.bench.pair("Duka", "Back door")
    assert "/console/tills?skip=1" in (await joan.get("/tills")).text
    assert "Back door" in (await joan.get("/tills?skip=1")).text


async def test_a_revoked_till_is_out_and_says_so_on_the_page(joan: Any, till: Any) -> None:
    socket = await joan.bench.connect(till)
    await socket.until(CaughtUp)
    asked = words_of(await joan.get(f"/tills/{till.till_id}/revoke"))
    assert "till one of Duka" in asked
    assert "Money: nothing is charged, refunded or cancelled." in asked
    assert joan.record() == ["signed in"]
    done = await joan.post(f"/tills/{till.till_id}/revoke")
    assert (await socket.until(int))[-1] == protocol.CLOSE_REVOKED
    page = words_of(await joan.client.get(done.headers["location"]))
    assert "out within five seconds" in page
    assert "– revoked" in page
    assert "Read again" not in page
    assert joan.record()[0] == "revoked a till"
    assert (await joan.get(f"/tills/{till.till_id}/read-again")).status_code == 404


async def test_a_till_is_made_to_read_again_after_it_was_asked_twice(joan: Any, till: Any) -> None:
    for number in range(6):
        await joan.pay(till, f"UJE7K2M9Q{number}")
    socket = await joan.bench.connect(till)
    await socket.until(CaughtUp)
    socket.say(Ack(till.stream, 6))
    joan.bench.in_store(lambda connection: connection.exec_driver_sql("UPDATE till SET acked_seq = 6"))
    path = f"/tills/{till.till_id}/read-again"
    assert "Money: nothing is charged, refunded or counted twice." in words_of(await joan.get(path))
    sure = await joan.post(path, **{"from": "event", "event": "3"})
    assert "It reads 4 events again, from event 3, which came on" in words_of(sure)
    assert joan.bench.in_store(reading_again.all_of_them) == {}
    done = await joan.post(path, **{"from": "event", "event": "3", "sure": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/console/tills?done=again")
    reset = (await socket.until(int))[0]
    assert (reset.reason, reset.floor) == ("replay", 2)
    assert joan.record()[0] == "had a till read again"


async def test_where_a_till_is_to_read_from_can_be_a_time(joan: Any, till: Any) -> None:
    for number in range(4):
        await joan.pay(till, f"UJE7K2M9Q{number}")
    noon = 1_796_817_600_000  # 9 Dec 2026, 15:00 in Nairobi
    for seq in range(1, 5):
        joan.bench.in_store(
            lambda connection, seq=seq: connection.exec_driver_sql(
                f"UPDATE event SET at = {noon + seq * 60_000} WHERE id & 1099511627775 = {seq}"
            )
        )
    joan.bench.in_store(lambda connection: connection.exec_driver_sql("UPDATE till SET acked_seq = 4"))
    path = f"/tills/{till.till_id}/read-again"
    sure = words_of(await joan.post(path, **{"from": "time", "time": "2026-12-09T15:03"}))
    assert "It reads 2 events again, from event 3, which came on 9 Dec 2026, 15:03:00 EAT." in sure
    assert "reads 4 events again" in words_of(await joan.post(path, **{"from": "time", "time": "2020-01-01T00:00"}))
    assert "reads 4 events again" in words_of(await joan.post(path, **{"from": "start"}))


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"from": "event", "event": "x"}, "An event’s number is a whole number"),
        ({"from": "event", "event": "0"}, "An event’s number is a whole number"),
        ({"from": "event", "event": ""}, "An event’s number is a whole number"),
        ({"from": "time", "time": "soon"}, "Say the day and the time"),
        ({"from": "time", "time": "9999-99-99T00:00"}, "Say the day and the time"),
        ({"from": "event", "event": "7"}, "will read it anyway"),
        ({"from": "start"}, "will read it anyway"),
    ],
)
async def test_a_place_that_is_none_is_refused_with_a_sentence(
    joan: Any, till: Any, form: dict[str, str], sentence: str
) -> None:
    await joan.pay(till)
    reply = await joan.post(f"/tills/{till.till_id}/read-again", sure="yes", **form)
    assert (reply.status_code, sentence in words_of(reply)) == (400, True)
    assert joan.bench.in_store(reading_again.all_of_them) == {}


# How money comes in.


def test_nine_of_ten_gaps_are_the_usual_one_so_nights_do_not_count() -> None:
    assert usual_gap([]) == usual_gap([5, 4, 3, 2, 1]) == 0
    minute, at = 60_000, [0]
    for number in range(40):
        at.append(at[-1] + (8 * 60 * minute if number % 20 == 19 else 2 * minute))
    assert usual_gap(at[::-1]) == 2 * minute


def test_a_shop_is_quiet_at_three_times_its_usual_gap() -> None:
    minute = 60_000
    usual = Income(0, 10 * minute, 0, 9)
    assert [usual.is_quiet(at * minute) for at in (1, 30, 31)] == [False, False, True]
    assert [Income(0, 1000, 0, 9).is_quiet(at * minute) for at in (5, 6)] == [False, True]
    assert not Income(None, 1000, 0, 0).is_quiet(minute)
    assert not Income(0, 0, 0, 1).is_quiet(10**12)


async def test_what_tills_or_strangers_say_is_not_taken_for_a_callback(joan: Any, till: Any) -> None:
    await joan.pay(till)
    await joan.pay(till, "UJE7K2M9QY", sender="203.0.113.9")
    headers = {"Authorization": f"Bearer {till.token}"}
    claim = b'{"receipt":"UJE7K2M9QX","sale":"S-1"}'
    assert (await joan.bench.post(protocol.CLAIMS_PATH, claim, headers=headers)).status == 200
    stream_id = (await joan.bench.relay._log.head(till.stream)).stream_id
    assert len(joan.bench.in_store(lambda connection: overview.last_callbacks(connection, stream_id, 3))) == 1


# Health and the record.


async def test_health_says_what_is_well_and_what_a_failure_means(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    well = words_of(await joan.get("/health"))
    assert "Callbacks ✓ stored before they are answered" in well
    assert "Senders ✓ checked against a list of 1" in well
    assert "Public address ? http://relay.test" in well
    assert "Held back ✓ nothing" in well
    monkeypatch.setattr("relay.log.EventLog.healthy", False)
    kept = words_of(await joan.get("/health", **{"X-Refresh": "1"}))
    assert "Callbacks ? kept in the spool: 0 callbacks They are safe." in kept
    monkeypatch.setattr("relay.spool.Spool.healthy", False)
    monkeypatch.setattr("relay.console.health._LITTLE_ROOM", 2)
    joan.bench.relay._draining = True
    joan.bench.relay._pairing.public_url = "https://relay.example"
    monkeypatch.setattr("relay.console.health.wal_bytes", lambda _path: 10**9)
    ill = words_of(await joan.get("/health", **{"X-Refresh": "1"}))
    for sentence in ("! cannot be stored", "When it is full no callback", "its tills are being sent away"):
        assert sentence in ill
    assert ("on a server" if joan.bench.relay._log.is_shared else "held up") in ill
    assert "Public address ✓ https://relay.example" in ill


async def test_a_till_that_another_relay_serves_is_not_called_away(joan: Any, till: Any) -> None:
    minute_ago = int(time.time() * 1000) - 60_000
    joan.bench.in_store(lambda connection: directory.note_acks(connection, {till.till_id: 0}, minute_ago))
    said = "at another relay 1 minute ago" if joan.bench.relay._log.is_shared else "not connected"
    assert said in words_of(await joan.get("/tills"))
    joan.bench.in_store(lambda connection: directory.note_acks(connection, {till.till_id: 0}, minute_ago - 400_000))
    assert "not connected" in words_of(await joan.get("/tills"))


async def test_senders_that_are_not_checked_are_said(joan: Any) -> None:
    from dataclasses import replace

    from relay.console import health
    from relay.console.parts import Parts

    unlisted = replace(joan.bench.settings, source_ips=frozenset())
    relay = joan.bench.relay
    parts = Parts(relay._log, relay._feed, unlisted, lambda: "", lambda: False, 0, relay._spool, relay._overload)
    assert "not checked" in health._addresses(parts).mark.said


async def test_the_record_is_only_ever_added_to(joan: Any) -> None:
    for statement in ("UPDATE operator_record SET operator = 'ali'", "DELETE FROM operator_record"):
        with pytest.raises(Exception, match="only ever added to"):
            joan.bench.in_store(lambda connection, said=statement: connection.exec_driver_sql(said))
    assert joan.record() == ["signed in"]


async def test_the_record_comes_a_page_at_a_time(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.record.PAGE", 2)
    for number in range(3):
        await joan.post("/shops", name=f"Shop {number}")
    first = await joan.get("/record")
    assert ("Shop 2" in first.text, "Shop 0" in first.text) == (True, False)
    older = re.search(r'href="/console(/record\?before=\d+)"', first.text)
    assert older is not None
    assert "Shop 0" in (await joan.get(older[1])).text


# Whatever somebody types.


async def test_no_text_breaks_out_of_a_page(joan: Any) -> None:
    shop = joan.bench.add_shop(NASTY)
    till = await joan.bench.pair(NASTY, NASTY)
    await joan.pay(till, sender="203.0.113.9", FirstName="<b>x", BillRefNumber=NASTY, MSISDN=NASTY, TransAmount=NASTY)
    await joan.post("/shops", name=NASTY)
    await joan.another().sign_in(NASTY, NASTY)
    pages = [
        await joan.get(path)
        for path in (
            "/shops",
            f"/shops?name={NASTY}",
            f"/shops/{shop.stream}",
            "/tills",
            f"/tills/{till.till_id}/revoke",
            f"/tills/{till.till_id}/read-again",
            "/held",
            f"/held?stream={shop.stream}",
            f"/held/{shop.stream}/1",
            "/record",
            "/health",
        )
    ]
    pages.append(await joan.post(f"/held/{shop.stream}/1/believe", reason=NASTY, password="x"))
    pages.append(await joan.post(f"/shops/{shop.stream}/invitations", password=PASSWORD))
    pages.append(await joan.another().post("/sign-in", "/sign-in", name=NASTY, password=NASTY))
    for page in pages:
        assert page.status_code in (200, 403)
        assert "<script>" not in page.text
        assert "<b>x" not in page.text
        assert NASTY not in page.text
    shown = unescape(pages[8].text)
    assert NASTY[:40] in shown


async def test_a_database_that_fails_is_a_page_with_a_sentence(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr("relay.stores.overview.shops", fails)
    reply = await joan.get("/shops")
    assert (reply.status_code, "does not answer just now" in reply.text) == (503, True)
    assert "content-security-policy" in reply.headers
    monkeypatch.setattr("relay.stores.overview.tills", lambda *_: 1 / 0)
    broken = await joan.get("/tills")
    assert (broken.status_code, "Payments are not touched" in broken.text) == (500, True)
    assert "ZeroDivision" not in broken.text


async def test_callbacks_are_answered_while_pages_are_asked_for(joan: Any, till: Any) -> None:
    pages = [asyncio.ensure_future(joan.get("/shops")) for _ in range(20)]
    for number in range(20):
        await joan.pay(till, f"UJE7K2M9Q{number}")
    assert {(await page).status_code for page in pages} == {200}
