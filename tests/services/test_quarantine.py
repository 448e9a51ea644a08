"""Forged and doubtful confirmations between real processes: never money, always in sight, settled only when true."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from staffing import KeyBox, signed_in

from pos_app.commands import children
from pos_app.domain.held_back import Doubt, Finding, HeldBack
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount, TillIdentity
from pos_app.relay_link import reports
from pos_app.relay_link.pairing import pair_now
from pos_app.services.changes import Changes, HealthChanged, Light, QuarantineChanged
from pos_app.services.pulling import Swept
from pos_app.services.quarantine import Quarantine
from pos_app.services.till import Till
from pos_app.services.uplink import Uplink
from pos_app.simulator.clock import RealClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.store import evidence

pytestmark = pytest.mark.anyio
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
HTML = "<img src=x onerror=alert(1)>"
SAFARICOM = "196.201.214.200"


@dataclass
class Shop:
    """A till before a relay that trusts one address only, from which nothing of this test comes unless it says so."""

    till: Till
    uplink: Uplink
    http: httpx.AsyncClient
    pairing: Pairing
    daraja: str

    async def pay(self, amount: int = 350) -> str:
        """Truly, at the simulator; its confirmation comes from an address that the relay does not know."""
        fields = {"to": "174379", "phone": "254712345678", "amount": amount, "scenario": "usual"}
        reply = await self.http.post(f"{self.daraja}/simulator/c2b/pay", json=fields)
        return str(reply.json()["payment"]["receipt"])

    async def post(self, body: object, *, base: str = "", sender: str = "203.0.113.9") -> int:
        url = f"{base or self.pairing.callback_base}/c2b/confirm"
        answer = await self.http.post(url, json=body, headers={"X-Forwarded-For": sender})
        return answer.status_code

    async def until(self, met: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not met():  # noqa: ASYNC110 — many things, and no one event for them all
                await asyncio.sleep(0.02)

    @property
    def held(self) -> tuple[HeldBack, ...]:
        return self.uplink.quarantine.current.newest

    async def received(self) -> Money:
        return await self.till.payments.total_received()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Callable[[], tuple[str, Callable[..., Any]]]]:
    """`python -m relay serve` behind a proxy, and its command line."""
    store = f"sqlite:///{tmp_path / 'relay.db'}"
    guarded = ["--source-ips", SAFARICOM, "--trusted-proxies", "127.0.0.1"]
    server = children.Server("relay", ["serve", "--port", "0", "--store", store, *guarded], tmp_path / "relay.log")

    def run(*arguments: str) -> Any:
        command = [*children.program("relay"), *arguments, "--store", store, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    url = server.wait_ready().url
    run("shop", "add", "Duka")
    yield lambda: (url, run)
    server.close()


@pytest.fixture
async def shop(tmp_path: Path, relay: Callable[[], tuple[str, Callable[..., Any]]]) -> AsyncIterator[Shop]:
    url, run = relay()
    pairing = pair_now(url, str(run("till", "invite", "--shop", "Duka")["code"]), TillIdentity("ab" * 16, "Till 1"))
    assert isinstance(pairing, Pairing)
    credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
    core = Daraja(RealClock(), allow_loopback_urls=True, confirmation_url=f"{pairing.callback_base}/c2b/confirm")
    with serving(core) as daraja:
        till = signed_in(Till(tmp_path / "till", Changes(), lambda: Heading("Duka", "1"), KeyBox()))
        await till.open()
        uplink = await till.network()
        way = MpesaAccess(daraja, PAYBILL, credentials, pairing)
        await uplink.registrations.register_pull(way, Msisdn.parse("0712000111"))
        async with httpx.AsyncClient(trust_env=False) as http:
            shop = Shop(till, uplink, http, pairing, daraja)
            await till.connect(way, "Duka")
            await shop.until(lambda: till.health.current.relay is Light.OK)
            await shop.until(lambda: uplink.pulling.current.complete_until)
            yield shop
        await till.connect(None, "Duka")
        await till.close()


async def test_a_true_payment_from_an_unlisted_address_counts_once_safaricom_lists_it(shop: Shop) -> None:
    said: list[QuarantineChanged] = []
    shop.till.changes.subscribe(QuarantineChanged, said.append)
    receipt = await shop.pay(350)
    await shop.until(lambda: any(change.count for change in said) and not shop.held)
    assert await shop.received() == Money.shillings(350)
    (payment,) = await shop.till.matching.unclaimed()
    assert (payment.receipt, payment.amount) == (receipt, Money.shillings(350))
    assert next(change for change in said if change.count).newest[0].doubt is Doubt.SENDER
    assert said[-1] == QuarantineChanged((), 0, "")


async def test_forged_confirmations_are_never_money_and_stay_in_sight(shop: Shop, make_confirmation: Any) -> None:
    true = await shop.pay(120)
    await shop.until(lambda: not shop.held and shop.uplink.quarantine._looked_for)
    forged = [
        (make_confirmation(TransID="TJE1A2B3C4", FirstName=HTML, BillRefNumber="T1-1"), SAFARICOM.replace("200", "9")),
        (make_confirmation(TransID="TJE1A2B3C5", TransAmount="999999999999.00"), "203.0.113.9"),
        (make_confirmation(TransID="TJE1A2B3C6", BusinessShortCode="600000"), SAFARICOM),
        (make_confirmation(TransID=true, TransAmount="90000.00"), "203.0.113.9"),
    ]
    for body, sender in forged:
        assert await shop.post(body, sender=sender) == 200
    await shop.until(lambda: len(shop.held) == 4)
    by_receipt = {held.receipt: held for held in shop.held}
    assert by_receipt["TJE1A2B3C4"].payer_name == HTML
    assert by_receipt["TJE1A2B3C5"].amount == Money.shillings(999_999_999_999)
    assert by_receipt["TJE1A2B3C6"].doubt is Doubt.ACCOUNT
    assert by_receipt[true].finding is Finding.OTHER_AMOUNT
    # What it says of its time is years old, so only a look as far as Safaricom remembers can be made.
    assert await shop.uplink.quarantine.check(by_receipt["TJE1A2B3C4"]) == ""
    assert "4 payment messages are held back" in shop.uplink.quarantine.current.sentence
    assert await shop.received() == Money.shillings(120)
    refused = await shop.uplink.quarantine.put_aside(by_receipt[true], "  ")
    assert isinstance(refused, Refused)
    for held in by_receipt.values():
        assert await shop.uplink.quarantine.put_aside(held, "forged, told the police") is None
        assert isinstance(await shop.uplink.quarantine.put_aside(held, "again"), Refused)
    assert shop.uplink.quarantine.current == QuarantineChanged((), 0, "")
    assert await shop.received() == Money.shillings(120)


async def test_what_no_till_can_read_or_nobody_may_send_is_not_held_back(shop: Shop, make_confirmation: Any) -> None:
    base = shop.pairing.callback_base
    assert await shop.post(make_confirmation(), base=base.rpartition("/")[0] + "/" + "0" * 32) == 404
    assert await shop.post(make_confirmation(TransAmount="9" * 40)) == 200
    assert await shop.post(make_confirmation(TransID="TJE1A2B3C9")) == 200
    await shop.until(lambda: shop.held)
    assert [held.receipt for held in shop.held] == ["TJE1A2B3C9"]
    assert await shop.received() == Money(0)


# How often Safaricom is asked because of strangers.


class Looker:
    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.looks: list[timedelta] = []
        self.promoted: list[str] = []
        self.reachable = True
        self.trouble = ""
        self.quarantine = Quarantine(
            desk.database, desk.changes, guard=desk.guard, look=self._look, clock=desk.now, elapsed=desk.elapsed
        )
        self.running = asyncio.create_task(self.quarantine.run(self._promote))

    async def _look(self, reach: timedelta) -> Swept:
        self.looks.append(reach)
        return Swept(frozenset(), is_complete=not self.trouble, trouble=self.trouble)

    async def _promote(self, event_key: str) -> bool:
        if self.reachable:
            self.promoted.append(event_key)
        return self.reachable

    async def settle(self) -> None:
        wake = self.quarantine._wake
        wake.set()
        while wake.is_set() or not wake._waiters:  # noqa: ASYNC110 — no event says so
            await asyncio.sleep(0)


@pytest.fixture
async def looker(desk: Any) -> AsyncIterator[Looker]:
    looker = Looker(desk)
    await looker.settle()
    yield looker
    looker.running.cancel()
    await asyncio.wait({looker.running})


async def test_a_forger_has_safaricom_asked_once_a_minute_and_no_oftener(
    looker: Looker, make_confirmation: Any
) -> None:
    desk = looker.desk
    for second in range(180):
        body = make_confirmation(TransID=f"TJE1A2{second:04}", TransTime="20200101000000")
        desk.log.confirm(body, trusted=False)
        await desk.advance(1)
        await looker.settle()
    assert 3 <= len(looker.looks) <= 4
    assert max(looker.looks) <= timedelta(hours=2)
    assert looker.quarantine.current.count == 180
    assert len(looker.quarantine.current.newest) == 50


async def test_a_look_that_fails_is_said_and_ends_no_watching(looker: Looker, make_confirmation: Any) -> None:
    desk, looker.trouble = looker.desk, "M-Pesa does not answer just now."
    desk.log.confirm(make_confirmation(), trusted=False)
    await desk.pump()
    await looker.settle()
    (held,) = looker.quarantine.current.newest
    assert held.finding is Finding.NOT_ASKED
    assert "KES 150 is held back" in looker.quarantine.current.sentence
    assert await looker.quarantine.check(held) == looker.trouble

    async def breaks(_reach: timedelta) -> Swept:
        raise OSError("broken")

    looker.quarantine._look = breaks
    await desk.advance(61)
    desk.log.confirm(make_confirmation(TransID="TJE1A2B3C7"), trusted=False)
    await desk.pump()
    await looker.settle()
    assert not looker.running.done()
    assert looker.quarantine.current.count == 2


# A callback that a query proved.


async def test_a_callback_that_a_query_proved_is_told_to_the_relay_until_it_knows(
    looker: Looker, make_callback: Any
) -> None:
    desk, looker.reachable = looker.desk, False
    attempt = await desk.charged()
    desk.log.stk(attempt.nonce, make_callback(attempt), trusted=False)
    await desk.pump()
    assert await desk.database.read(evidence.proved_later) == ()
    desk.core.act(attempt.checkout_request_id, "approve")
    await desk.payments.check_now(attempt.id)
    await looker.settle()
    assert looker.promoted == []
    looker.reachable = True
    desk.changes.publish(HealthChanged(Light.OK, Light.OK, Light.OK))
    for _ in range(2):
        await looker.settle()
    (key,) = looker.promoted
    assert key.startswith(f"stk:{attempt.nonce}:{attempt.checkout_request_id}#q#")
    desk.log.stk(attempt.nonce, make_callback(attempt))
    await desk.pump()
    assert await desk.database.read(evidence.proved_later) == ()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, json={"new": True}), True),
        (httpx.Response(404), False),
        (httpx.ConnectError("down"), False),
    ],
)
async def test_the_relay_is_told_which_message_was_true(
    desk: Any, answer: httpx.Response | Exception, *, told: bool
) -> None:
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pairing = Pairing("http://127.0.0.1:1", "Duka", "st_1", "t", "T1", "token", "http://127.0.0.1:1/h/k", "nonce")
    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as http:
        assert await reports.report_proved(http, pairing, "stk:n:ws#q#1#q#" + "ab" * 16) is told
    assert json.loads(asked[0].content) == {"key": "stk:n:ws#q#1", "body_sha256": "ab" * 16}
