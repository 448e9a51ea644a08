"""Who gets in: with the right password, from a form of ours, within its time; and how those who guess are slowed."""

import asyncio
import re
from typing import Any

import pytest
from console_desk import Desk

from relay.console import sessions
from relay.stores import operators, tries

STORES = ["sqlite", "postgresql"]
pytestmark = pytest.mark.anyio

MINUTE = 60 * 1000
WRONG = "That name and password do not belong together."


def said(reply: Any) -> str:
    found = re.search(r'<p class="notice [a-z]+" role="status">([^<]*)</p>', reply.text)
    return found[1] if found else ""


async def test_the_right_password_opens_the_shops(desk: Any) -> None:
    assert (await desk.get("/shops")).headers["location"] == "/console/sign-in"
    reply = await desk.sign_in("  JOAN ")
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/shops")
    assert "No shops yet" in (await desk.get("/shops")).text
    assert desk.record() == ["signed in"]


@pytest.mark.parametrize(
    ("name", "password"), [("joan", "four quiet words"), ("nobody", "four quiet words here"), ("", "")]
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(desk: Any, name: str, password: str) -> None:
    reply = await desk.sign_in(name, password)
    assert (reply.status_code, said(reply)) == (403, WRONG)
    assert (await desk.get("/shops")).status_code == 303


async def test_an_unknown_name_costs_the_same_work(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    right = sessions.hashed

    def is_right(_password: str, kept: str) -> bool:
        looked.append(kept[:10])
        return False

    monkeypatch.setattr("relay.console.passwords.is_right", is_right)
    for name in ("joan", "nobody"):
        await desk.sign_in(name, "no")
    assert looked == ["$argon2id$"] * 2
    assert right("x") == sessions.hashed("x")


async def test_a_name_that_nobody_has_is_not_written_down(desk: Any) -> None:
    await desk.sign_in("my secret password", "x")
    await desk.sign_in("joan", "x")
    entries = desk.bench.in_store(lambda connection: connection.exec_driver_sql("SELECT * FROM operator_record").all())
    assert [entry.operator for entry in entries] == ["", "joan"]
    dump = str(desk.bench.in_store(lambda connection: connection.exec_driver_sql("SELECT * FROM operator_tries").all()))
    assert "secret" not in dump


async def test_without_an_operator_the_page_says_how_to_make_one(bench: Any, desk: Any) -> None:
    bench.in_store(lambda connection: operators.remove(connection, "joan"))
    assert "python -m relay operator add NAME" in said(await desk.get("/sign-in"))


# Guessing.


async def test_after_five_wrong_tries_even_the_right_password_has_to_wait(desk: Any, clock: Any) -> None:
    for _ in range(5):
        assert said(await desk.sign_in("joan", "x")) == WRONG
    reply = await desk.another("10.0.0.7").sign_in()
    assert (reply.status_code, said(reply)) == (429, "Too many wrong tries. Wait 1 minute, then try again.")
    clock.pass_ms(MINUTE)
    assert (await desk.sign_in()).status_code == 303


async def test_a_name_that_nobody_has_waits_just_the_same(desk: Any, clock: Any) -> None:
    answers = []
    for name in ("joan", "nobody"):
        other = desk.another(f"10.0.{len(answers)}.1")
        answers.append(
            [(reply.status_code, said(reply)) for reply in [await other.sign_in(name, "x") for _ in range(6)]]
        )
    assert answers[0] == answers[1]


async def test_the_wait_grows_to_half_an_hour_and_no_further(desk: Any, clock: Any) -> None:
    waits = []
    for _ in range(9):
        while (reply := await desk.sign_in("joan", "x")).status_code == 403:
            pass
        waits.append(said(reply).removeprefix("Too many wrong tries. Wait ").removesuffix(", then try again."))
        clock.pass_ms(30 * MINUTE)
    assert waits == ["1 minute", "2 minutes", "5 minutes", "10 minutes"] + ["30 minutes"] * 5


async def test_tries_that_are_refused_do_not_make_the_wait_longer(desk: Any, clock: Any) -> None:
    for _ in range(5):
        await desk.sign_in("joan", "x")
    for _ in range(20):
        assert (await desk.sign_in("joan", "x")).status_code == 429
        clock.pass_ms(2000)
    clock.pass_ms(20_000)
    assert (await desk.sign_in()).status_code == 303


async def test_strangers_cannot_lock_somebody_out_of_the_browser_that_he_uses(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    await desk.post("/sign-out")
    stranger = desk.another("203.0.113.9")
    for _ in range(40):
        await stranger.sign_in("joan", "x")
        clock.pass_ms(30 * MINUTE)
    assert (await stranger.sign_in("joan", "x")).status_code in (403, 429)
    assert (await desk.sign_in()).status_code == 303


async def test_a_known_browser_has_five_tries_too(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    await desk.post("/sign-out")
    assert [(await desk.sign_in("joan", "x")).status_code for _ in range(6)] == [403] * 5 + [429]
    assert (await desk.another().sign_in()).status_code == 303


async def test_one_address_cannot_try_many_names(desk: Any, clock: Any) -> None:
    desk.add_operator("ali")
    codes = [(await desk.sign_in(f"name{number}", "x")).status_code for number in range(6)]
    assert codes == [403] * 5 + [429]
    assert (await desk.sign_in("ali")).status_code == 429
    assert (await desk.another("10.0.0.7").sign_in("ali")).status_code == 303


async def test_all_addresses_of_one_ipv6_line_are_one(desk: Any, clock: Any) -> None:
    for number in range(5):
        await desk.another(f"2001:db8:1:2::{number}").sign_in(f"name{number}", "x")
    assert (await desk.another("2001:db8:1:2:ffff::1").sign_in()).status_code == 429
    assert (await desk.another("2001:db8:1:3::1").sign_in()).status_code == 303


async def test_what_was_counted_survives_a_restart(settings: Any, running: Any, clock: Any) -> None:
    for attempt in range(2):
        async with running(settings) as bench:
            console = bench.relay.console()
            desk = Desk(bench, console)
            if attempt == 0:
                desk.add_operator()
                for _ in range(5):
                    await desk.sign_in("joan", "x")
            assert (await desk.sign_in()).status_code == 429
            console.close()


async def test_many_tries_at_once_are_counted_before_any_is_looked_at(desk: Any, clock: Any) -> None:
    await desk.get("/sign-in")
    codes = [reply.status_code for reply in await asyncio.gather(*(desk.sign_in("joan", "x") for _ in range(12)))]
    assert sorted(set(codes)) in ([403, 429, 503], [403, 503], [403, 429])
    assert codes.count(403) <= 5


async def test_a_flood_of_passwords_waits_in_no_line(desk: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    gate = threading.Event()
    monkeypatch.setattr("relay.console.passwords.is_right", lambda *_: gate.wait(20))
    strangers = [desk.another(f"10.1.{number}.1") for number in range(40)]
    for one in strangers:
        await one.get("/sign-in")
    flood = [asyncio.ensure_future(one.sign_in(f"name{at}", "x")) for at, one in enumerate(strangers)]
    done, waiting = await asyncio.wait(flood, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    while len(waiting) > 4:
        more, waiting = await asyncio.wait(waiting, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert {one.result().status_code for one in done} == {503}
    counted = desk.bench.in_store(lambda connection: connection.exec_driver_sql("SELECT * FROM operator_tries").all())
    assert len(counted) <= 8
    gate.set()
    await asyncio.gather(*waiting)


async def test_who_is_signed_in_waits_in_no_line_either(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.passwords.WAITING_KNOWN", 0)
    shop = joan.bench.add_shop("Duka")
    reply = await joan.post(f"/shops/{shop.stream}/callback-path", password="four quiet words here")
    assert (reply.status_code, said(reply).startswith("Too many people")) == (503, True)


async def test_a_caller_without_an_address_is_counted_as_one(desk: Any, clock: Any) -> None:
    for number in range(5):
        await desk.another("").sign_in(f"name{number}", "x")
    assert (await desk.another("").sign_in()).status_code == 429


async def test_the_store_of_a_wait_forgets_after_a_day(bench: Any) -> None:
    day = 24 * 3600 * 1000
    for _ in range(5):
        assert bench.in_store(lambda connection: tries.begin(connection, ["a"], 1)) == 0
    assert bench.in_store(lambda connection: tries.begin(connection, ["b"], 2 + day)) == 0
    assert bench.in_store(
        lambda connection: connection.exec_driver_sql("SELECT who FROM operator_tries").scalars().all()
    ) == ["b"]


@pytest.mark.parametrize(
    ("wrong", "passed", "left"),
    [
        (4, 0, 0),
        (5, 0, 60),
        (5, 59_000, 1),
        (5, 60_000, 0),
        (7, 0, 300),
        (9, 0, 1800),
        (5000, 0, 1800),
        (5, -86_400_000, 60),
    ],
)
def test_how_long_a_wait_is(wrong: int, passed: int, left: int) -> None:
    now = 1_700_000_000_000
    assert tries.seconds_to_wait(wrong, now, now + passed) == left


# Sessions.


async def test_a_session_that_somebody_else_chose_opens_nothing(desk: Any) -> None:
    planted = "ab" * 32
    for name in ("relay-console", "relay-console-browser"):
        desk.client.cookies.set(name, planted, domain="127.0.0.1", path="/")
    assert (await desk.sign_in()).status_code == 303
    mallory = desk.another()
    for name in ("relay-console", "relay-console-browser"):
        mallory.client.cookies.set(name, planted, domain="127.0.0.1", path="/")
    assert (await mallory.get("/shops")).status_code == 303
    assert planted not in desk.cookies.values()


async def test_every_sign_in_is_a_new_session(joan: Any) -> None:
    first = joan.cookies["relay-console"]
    await joan.sign_in()
    assert joan.cookies["relay-console"] != first
    held = joan.bench.in_store(
        lambda connection: connection.exec_driver_sql("SELECT id_sha256 FROM operator_session").scalars().all()
    )
    assert held == [sessions.hashed(joan.cookies["relay-console"])]


async def test_fifteen_minutes_without_use_end_it(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    for _ in range(3):
        clock.pass_ms(14 * MINUTE)
        assert (await desk.get("/shops")).status_code == 200
    clock.pass_ms(15 * MINUTE)
    reply = await desk.get("/shops")
    assert reply.headers["location"] == "/console/sign-in?over=1"
    assert "You are signed out" in said(await desk.get("/sign-in?over=1"))


async def test_a_page_that_brings_itself_up_to_date_is_no_use(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    for _ in range(14):
        clock.pass_ms(MINUTE)
        assert (await desk.get("/shops", **{"X-Refresh": "1"})).status_code == 200
    clock.pass_ms(MINUTE)
    assert (await desk.get("/shops", **{"X-Refresh": "1"})).status_code == 303


async def test_eight_hours_end_it_however_much_it_is_used(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    for _ in range(47):
        clock.pass_ms(10 * MINUTE)
        assert (await desk.get("/shops")).status_code == 200
    clock.pass_ms(10 * MINUTE)
    assert (await desk.get("/shops")).status_code == 303


async def test_a_clock_that_was_set_back_ends_it(desk: Any, clock: Any) -> None:
    await desk.sign_in()
    clock.pass_ms(-24 * 60 * MINUTE)
    assert (await desk.get("/shops")).status_code == 303


async def test_signing_out_ends_this_session_alone(joan: Any) -> None:
    other = joan.another()
    await other.sign_in()
    reply = await joan.post("/sign-out")
    assert 'relay-console=""' in reply.headers["set-cookie"]
    assert (await other.get("/shops")).status_code == 200
    joan.client.cookies.clear()
    assert (await joan.get("/shops")).status_code == 303
    assert joan.record()[0] == "signed out"


async def test_signing_out_everywhere_ends_all_of_them_and_nobody_elses(joan: Any) -> None:
    joan.add_operator("ali")
    other, ali = joan.another(), joan.another()
    await other.sign_in()
    await ali.sign_in("ali")
    await joan.post("/sign-out-everywhere")
    assert [(await one.get("/shops")).status_code for one in (joan, other, ali)] == [303, 303, 200]
    assert joan.record()[0] == "signed out everywhere"


async def test_who_is_removed_or_has_another_password_is_out_at_once(joan: Any) -> None:
    joan.bench.in_store(lambda connection: operators.set_password(connection, "joan", "x"))
    assert (await joan.get("/shops")).status_code == 303
    joan.bench.in_store(lambda connection: operators.remove(connection, "joan"))
    assert (await joan.sign_in()).status_code == 403


async def test_who_is_removed_while_the_password_is_looked_at_does_not_get_in(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removes(*_: object) -> bool:
        desk.bench.in_store(lambda connection: operators.remove(connection, "joan"))
        return True

    monkeypatch.setattr("relay.console.passwords.is_right", removes)
    assert (await desk.sign_in()).status_code == 403
    assert "relay-console" not in desk.cookies


async def test_of_many_browsers_the_newest_are_known(bench: Any) -> None:
    def all_known(connection: Any) -> list[bool]:
        for at in range(25):
            operators.know(connection, "joan", f"browser{at}", at)
        return [operators.knows(connection, "joan", f"browser{at}", 0) for at in range(25)]

    assert bench.in_store(all_known) == [False] * 5 + [True] * 20


# Forms.


async def test_a_form_without_our_token_does_nothing(joan: Any) -> None:
    token = sessions.form_token(joan.cookies["relay-console"])
    other = sessions.form_token("ab" * 32)
    for form in ({}, {"token": ""}, {"token": other}, {"token": token[:-1]}, {"token": "é" * 64}):
        reply = await joan.send("/shops", {"name": "Duka", **form})
        assert reply.status_code == 403
        assert "Nothing was done" in reply.text
    assert "Duka" not in (await joan.get("/shops")).text
    assert (await joan.send("/shops", {"name": "Duka", "token": token})).status_code == 303


async def test_a_form_from_another_site_does_nothing(joan: Any) -> None:
    token = sessions.form_token(joan.cookies["relay-console"])
    for origin in ("https://evil.test", "null", "", "http://127.0.0.1:1", "https://127.0.0.1:8444"):
        reply = await joan.send("/shops", {"name": "Duka", "token": token}, origin=origin)
        assert reply.status_code == 403
    assert joan.record() == ["signed in"]


async def test_signing_in_needs_a_form_of_ours_too(desk: Any) -> None:
    form = {"name": "joan", "password": "four quiet words here"}
    assert (await desk.send("/sign-in", form)).status_code == 403
    await desk.get("/sign-in")
    assert (await desk.send("/sign-in", form)).status_code == 403
    token = sessions.form_token(desk.cookies["relay-console-browser"])
    assert (await desk.send("/sign-in", {**form, "token": token}, origin="https://evil.test")).status_code == 403
    assert (await desk.send("/sign-in", {**form, "token": token})).status_code == 303


async def test_nothing_is_done_by_an_address_alone(joan: Any) -> None:
    for path in ("/sign-out", "/sign-out-everywhere", "/shops/st_0/invitations", "/shops/st_0/callback-path"):
        assert (await joan.get(path)).status_code == 405
    assert (await joan.get("/shops")).status_code == 200


@pytest.mark.parametrize("body", [b"a" * 20_000, b"\xff=1", b"&".join([b"a=1"] * 50)])
async def test_a_form_that_is_none_does_nothing(joan: Any, body: bytes) -> None:
    reply = await joan.client.post("/console/shops", content=body, headers={"origin": joan.url})
    assert reply.status_code == 403


async def test_a_form_that_never_ends_is_given_up(joan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.console.asked.BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    cookie = f"relay-console={joan.cookies['relay-console']}".encode()
    headers = [(b"host", b"127.0.0.1:8444"), (b"origin", joan.url.encode()), (b"cookie", cookie)]
    scope = {"type": "http", "method": "POST", "path": "/console/shops", "headers": headers, "query_string": b""}
    await joan.console(scope | {"client": ("127.0.0.1", 1), "root_path": "", "scheme": "http"}, receive, send)
    assert sent[0]["status"] == 403
