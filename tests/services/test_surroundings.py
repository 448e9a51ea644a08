"""Lights, listeners, the settings page's tests, a full disk, and the whole till opened, connected and closed."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from staffing import OWNER, KeyBox, recorded, signed_in

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.audit import Event
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.receipt import Heading
from pos_app.domain.refund import Refund
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount, TillIdentity
from pos_app.relay_link.delivery import LinkStatus
from pos_app.services.changes import Changes, HealthChanged, Light, Notice, SaleChanged
from pos_app.services.clock import monotonic, utc_now
from pos_app.services.connections import Connections
from pos_app.services.health import Health
from pos_app.services.till import Till
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.scenarios import scenario
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.store import attempts, evidence
from pos_app.store.database import StoreError
from pos_app.store.evidence import Linked

pytestmark = pytest.mark.anyio
Body = Callable[..., dict[str, Any]]
TILL = TillIdentity("ab" * 16, "Counter 1", shop="Duka", stream="st_1")
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
GOOD = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)


# Listeners.


def test_a_listener_that_fails_is_logged_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    changes = Changes()
    heard: list[SaleChanged] = []

    def broken(_change: object) -> None:
        raise ZeroDivisionError

    changes.subscribe(SaleChanged, broken)
    end = changes.subscribe(SaleChanged, heard.append)
    changes.publish(SaleChanged(1))
    end()
    changes.publish(SaleChanged(2))
    changes.publish(Notice("nobody listens"))
    assert heard == [SaleChanged(1)]
    assert "a listener failed on SaleChanged" in caplog.text


def test_a_listener_may_end_itself_while_it_hears() -> None:
    changes = Changes()
    heard: list[str] = []

    def once(_change: object) -> None:
        heard.append("once")
        end()

    end = changes.subscribe(SaleChanged, once)
    changes.subscribe(SaleChanged, lambda _change: heard.append("always"))
    changes.publish(SaleChanged(1))
    changes.publish(SaleChanged(2))
    assert heard == ["once", "always", "always"]


async def test_a_screen_that_fails_stops_no_charge(desk: Any, make_callback: Body) -> None:
    def broken(_change: object) -> None:
        raise ZeroDivisionError

    desk.changes.subscribe(SaleChanged, broken)
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert (await desk.attempt(attempt.id)).state is AttemptState.PAID


# Lights.


def lights(*happenings: object) -> tuple[HealthChanged, int]:
    changes = Changes()
    shown: list[HealthChanged] = []
    changes.subscribe(HealthChanged, shown.append)
    health = Health(changes)
    for happening in happenings:
        if isinstance(happening, LinkStatus):
            health.link_changed(happening)
        elif isinstance(happening, bool):
            health.mpesa_set_up(is_set_up=happening)
        else:
            assert isinstance(happening, Evidence)
            health.answered(happening)
    return health.current, len(shown)


def said(fact: Fact, reason: Reason | None = None) -> Evidence:
    return Evidence(fact, Source.REPLY, utc_now(), reason=reason)


@pytest.mark.parametrize(
    ("happenings", "shown", "words"),
    [
        ([], (Light.OK, Light.OFF, Light.OFF), ""),
        ([True, LinkStatus.LIVE], (Light.OK, Light.OK, Light.OK), ""),
        ([True, LinkStatus.CONNECTING], (Light.OK, Light.SLOW, Light.OK), ""),
        ([True, LinkStatus.CATCHING_UP], (Light.OK, Light.SLOW, Light.OK), ""),
        ([True, LinkStatus.OFFLINE], (Light.OK, Light.DOWN, Light.OK), "No connection to the relay"),
        ([True, LinkStatus.OFFLINE, LinkStatus.CONNECTING], (Light.OK, Light.DOWN, Light.OK), "No connection"),
        ([True, LinkStatus.REFUSED], (Light.OK, Light.DOWN, Light.OK), "does not accept this till"),
        ([True, LinkStatus.REFUSED, LinkStatus.CONNECTING], (Light.OK, Light.SLOW, Light.OK), ""),
        ([True, LinkStatus.INTERCEPTED], (Light.OK, Light.DOWN, Light.OK), "may want you to sign in"),
        ([LinkStatus.INTERCEPTED, LinkStatus.CONNECTING], (Light.OK, Light.DOWN, Light.OFF), "may want you to sign in"),
        ([LinkStatus.INTERCEPTED, said(Fact.NOT_SENT)], (Light.DOWN, Light.DOWN, Light.DOWN), "want you to sign in"),
        ([True, LinkStatus.REFUSED, LinkStatus.LIVE], (Light.OK, Light.OK, Light.OK), ""),
        ([LinkStatus.LIVE, said(Fact.NOT_SENT)], (Light.OK, Light.OK, Light.DOWN), "M-Pesa does not answer"),
        ([LinkStatus.OFFLINE, said(Fact.REPLY_LOST)], (Light.DOWN, Light.DOWN, Light.DOWN), "No internet"),
        ([said(Fact.REJECTED, Reason.DOWN)], (Light.OK, Light.OFF, Light.SLOW), ""),
        ([said(Fact.NO_ANSWER)], (Light.OK, Light.OFF, Light.SLOW), ""),
        ([said(Fact.NOT_SENT), said(Fact.FAILED, Reason.CANCEL)], (Light.OK, Light.OFF, Light.OK), ""),
        ([True, False], (Light.OK, Light.OFF, Light.OFF), ""),
    ],
)
def test_three_lights_say_what_really_happened(
    happenings: list[object], shown: tuple[Light, Light, Light], words: str
) -> None:
    now, _ = lights(*happenings)
    assert (now.internet, now.relay, now.mpesa) == shown
    assert words in now.sentence
    assert bool(words) == bool(now.sentence)


def test_lights_that_stay_as_they_are_are_not_said_again() -> None:
    assert lights(True, said(Fact.ACCEPTED), said(Fact.ACCEPTED), said(Fact.FAILED))[1] == 1


async def test_charges_and_queries_move_the_lights(desk: Any) -> None:
    desk.core.offline = True
    await desk.charged()
    shown = [desk.health.current.mpesa]
    desk.core.offline = False
    await desk.charged()
    assert [*shown, desk.health.current.mpesa] == [Light.DOWN, Light.OK]


def test_one_clock_tells_the_time_and_the_other_only_goes_on() -> None:
    assert utc_now().utcoffset() is not None
    assert monotonic() <= monotonic()


# A full disk (T2).


def disk_full() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


async def test_t2_a_full_disk_refuses_a_charge_before_any_post(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sale = await desk.sale()
    desk.core.offline = True
    never_left = await desk.charged()
    desk.core.offline = False
    posts = len(desk.network.sent)
    monkeypatch.setattr(desk.database, "_keep_reserve", lambda: None)
    desk.database.low_space = True
    for answer in (await desk.charge(sale), await desk.payments.send_again(never_left.id)):
        assert isinstance(answer, Refused)
        assert "disk is full" in answer.sentence
    assert len(desk.network.sent) == posts


async def test_t2_the_disk_fills_up_at_the_intent_itself(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sale = await desk.sale()

    def full(*_args: object) -> None:
        raise disk_full()

    monkeypatch.setattr(attempts, "add", full)
    answer = await desk.charge(sale)
    assert isinstance(answer, Refused)
    assert "disk is full" in answer.sentence
    assert desk.network.sent == []
    monkeypatch.undo()
    assert (await desk.sales.get(sale.id)).state is SaleState.OPEN


async def test_t2_an_answer_that_meets_a_full_disk_is_written_into_the_reserve(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    filling, real = list[bool](), evidence.append

    async def fills(request: httpx.Request) -> None:
        if "stkpush" in request.url.path:
            filling.append(True)

    def append(connection: sqlite3.Connection, *told: Linked) -> None:
        if filling:
            filling.clear()
            raise disk_full()
        real(connection, *told)

    desk.network.before = fills
    monkeypatch.setattr(evidence, "append", append)
    attempt = await desk.charged()
    assert (attempt.state, bool(attempt.checkout_request_id)) == (AttemptState.PENDING, True)
    assert desk.database.low_space
    assert not (desk.folder / "till.db.reserve").exists()
    monkeypatch.undo()


async def test_t3_a_broken_database_takes_no_charge(desk: Any) -> None:
    sale = await desk.sale()
    desk.database.failure = StoreError("Stop taking money here and call your supervisor.")
    answer = await desk.charge(sale)
    assert isinstance(answer, Refused)
    assert "Stop taking money" in answer.sentence
    assert isinstance(await desk.payments.withdraw(1), Refused)
    assert desk.network.sent == []
    desk.database.failure = None


# The settings page's tests.


@pytest.fixture
def make_connections(http: httpx.AsyncClient, desk: Any) -> Connections:
    async def none_open() -> tuple[Attempt, ...]:
        return ()

    return Connections(lambda: http, none_open, no_refunds, desk.guard)


@pytest.fixture
async def http() -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_access_and_passkey_are_tested_without_moving_money(make_connections: Connections) -> None:
    core = Daraja(ManualClock(), default="ask")
    with serving(core) as url:
        for credentials, expected in ((GOOD, True), (Credentials("training-key", "wrong-secret", "x" * 64), False)):
            assert (await make_connections.test_access(url, PAYBILL, credentials)).ok is expected
            assert (await make_connections.test_passkey(url, PAYBILL, credentials)).ok is expected
    assert core.pushes == ()


async def test_an_address_that_is_none_is_a_sentence(make_connections: Connections) -> None:
    for check in (make_connections.test_access, make_connections.test_passkey):
        answer = await check("ftp://nowhere", PAYBILL, GOOD)
        assert (answer.ok, bool(answer.sentence)) == (False, True)


async def test_a_relay_that_is_not_there_is_a_sentence(make_connections: Connections) -> None:
    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "t", "T1", "k", "http://127.0.0.1:1/h/k", "n")
    assert not (await make_connections.test_relay(pairing)).ok
    assert isinstance(await make_connections.pair("http://127.0.0.1:1", "123456", TILL), Refused)


async def no_refunds() -> tuple[Refund, ...]:
    return ()


def relay_of(shop: str, stream: str) -> httpx.AsyncClient:
    """Takes every code for that shop."""
    paired = {"till_id": "t", "till_code": "1", "token": "k", "shop": shop, "stream": stream}
    answer = {**paired, "callback_base": "https://relay.example/h/k", "nonce_key": "n"}
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(200, json=answer)))


@pytest.mark.parametrize(("charges", "words"), [(1, "1 charge is still open"), (3, "3 charges are still open")])
async def test_while_charges_are_open_the_till_stays_with_the_shop_that_hears_their_answers(
    desk: Any, charges: int, words: str
) -> None:
    for _ in range(charges):
        await desk.charged()
    async with relay_of("Kiosk", "st_2") as http:
        refused = await Connections(lambda: http, desk.payments.open_attempts, no_refunds, desk.guard).pair(
            "https://r.example", "code", TILL
        )
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith(f"{words} in Duka")
    assert "Kiosk" in refused.sentence


@pytest.mark.parametrize(
    ("shop", "stream"), [("Duka", "st_1"), ("Duka", "st_of_a_relay_set_up_anew"), ("Duka that was renamed", "st_1")]
)
async def test_the_same_shop_may_be_paired_with_again_at_any_time(desk: Any, shop: str, stream: str) -> None:
    await desk.charged()
    async with relay_of(shop, stream) as http:
        connections = Connections(lambda: http, desk.payments.open_attempts, no_refunds, desk.guard)
        assert isinstance(await connections.pair("https://r.example", "code", TILL), Pairing)


async def test_another_shop_may_be_paired_with_once_no_charge_is_open(desk: Any) -> None:
    async with relay_of("Kiosk", "st_2") as http:
        connections = Connections(lambda: http, desk.payments.open_attempts, no_refunds, desk.guard)
        assert isinstance(await connections.pair("https://r.example", "code", TILL), Pairing)
    assert await recorded(desk.database) == [(Event.CREDENTIALS_CHANGED, OWNER.name, "relay", "paired with Kiosk")]


# The whole till.


async def test_a_till_opens_connects_charges_closes_and_finds_its_charge_again(tmp_path: Path) -> None:
    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "t", "T1", "k", "http://127.0.0.1:1/h/k", "n")
    core = Daraja(ManualClock(), default=scenario("stuck"))
    with serving(core) as url:
        access = MpesaAccess(url, PAYBILL, GOOD, pairing)
        till = signed_in(Till(tmp_path, Changes(), lambda: Heading("Duka", "T1"), KeyBox()))
        await till.open()
        await till.connect(access, "Duka")
        await till.connect(access, "Duka")
        sale = await till.sales.open(Cart((SaleLine("Bread", Money.shillings(65)),)))
        assert isinstance(sale, Sale)
        attempt = await till.payments.charge(sale.id, sale.total, Msisdn("254712345678"))
        assert not isinstance(attempt, Refused)
        assert attempt.state is AttemptState.PENDING
        await till.close()
        with closing(sqlite3.connect(tmp_path / "till.db")) as connection:
            assert connection.execute("SELECT state FROM attempt").fetchall() == [("PENDING",)]
        again = signed_in(Till(tmp_path, Changes(), lambda: Heading("Duka", "T1"), KeyBox()))
        await again.open()
        assert [one.id for one in await again.payments.open_attempts()] == [attempt.id]
        await again.connect(access, "Duka")
        answered = asyncio.Event()
        again.payments._heard = lambda _told: answered.set()
        await asyncio.wait_for(answered.wait(), 20)
        assert core.pushes[0].queries >= 1
        await again.connect(None, "Duka")
        assert again.health.current.mpesa is Light.OFF
        await again.close()


async def test_settings_saved_twice_in_one_breath_leave_one_link(tmp_path: Path) -> None:
    till = signed_in(Till(tmp_path, Changes(), lambda: Heading("Duka", "T1"), KeyBox()))
    await till.open()
    await till.connect(_access(), "Duka")
    await asyncio.gather(*(till.connect(_access(code), "Duka") for code in ("T1", "T2", "T3")))
    assert [task.get_name() for task in asyncio.all_tasks()].count("relay link") == 1
    assert till.payments.charging is not None
    assert till.payments.charging.till_code == "T3"
    await till.close()
    assert "relay link" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_an_address_of_m_pesa_that_cannot_be_used_leaves_a_till_that_takes_cash(tmp_path: Path) -> None:
    changes, notices = Changes(), list[str]()
    changes.subscribe(Notice, lambda notice: notices.append(notice.sentence))
    till = signed_in(Till(tmp_path, changes, lambda: Heading("Duka", "T1"), KeyBox()))
    await till.open()
    await till.connect(replace(_access(), daraja_url="sandbox.example"), "Duka")
    assert (till.health.current.mpesa, len(notices), till.payments.charging) == (Light.OFF, 1, None)
    await till.close()


async def test_a_till_that_is_not_open_has_no_network(tmp_path: Path) -> None:
    till = signed_in(Till(tmp_path, Changes(), lambda: Heading("Duka", "T1"), KeyBox()))
    with pytest.raises(RuntimeError, match="not open"):
        await till.connect(_access(), "Duka")
    await till.close()


def _access(till_code: str = "T1") -> MpesaAccess:
    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "t", till_code, "k", "http://127.0.0.1:1/h/k", "n")
    return MpesaAccess("http://127.0.0.1:1", PAYBILL, GOOD, pairing)
