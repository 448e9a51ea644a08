"""C2B, Pull and QR codes against the simulator, an independent reading of the contract: no payment is lost."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pos_app.daraja import wire
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.pull import Pulled
from pos_app.daraja.registration import DefaultAction, MsisdnStyle, Registered, Registration
from pos_app.daraja.validation import c2b_validation
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import AccountKind, Credentials, ShopAccount
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.customers import Purchase
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.payment_scenarios import PRESETS, payment_scenario
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.simulator.transport import SimulatorTransport

pytestmark = pytest.mark.anyio

CREDENTIALS = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
TILL = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")
BASE = "https://pay.example.co.ke/h/k/c2b"


class World:
    """One simulated Safaricom, what it delivered, and clients of it that share its clock."""

    def __init__(self, *, production: bool = False) -> None:
        self.core = Daraja(ManualClock(), production=production)
        self.confirmed: list[Any] = []
        self.asked: list[Any] = []
        self.verdict = "0"
        self.transport = SimulatorTransport(self.core, self._deliver)
        self.http = httpx.AsyncClient(transport=self.transport)

    async def _deliver(self, url: str, _headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        (self.confirmed if url.endswith("/confirm") else self.asked).append(json.loads(body))
        return 200, json.dumps({"ResultCode": self.verdict, "ResultDesc": "", "ThirdPartyTransID": "A-142"}).encode()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.core.clock.now(), UTC)

    def client(self, account: ShopAccount = PAYBILL) -> DarajaClient:
        return DarajaClient(self.http, "https://sandbox.invalid", account, CREDENTIALS, clock=self.now)

    def pay(self, account: ShopAccount, amount: int, scenario: str = "usual") -> str:
        """By a customer's own hand; the receipt."""
        shortcode = TRAINING_SHOP.shortcode(account.short_code)
        assert shortcode is not None
        purchase = Purchase(shortcode, "254712345678", amount, "A-142")
        return self.core.pay(purchase, payment_scenario(scenario)).payment.receipt


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.http:
        yield world


async def _register(client: DarajaClient, **more: Any) -> Registration:
    return await client.register_urls(confirmation_url=f"{BASE}/confirm", validation_url=f"{BASE}/validate", **more)


async def _pull_everything(world: World, account: ShopAccount = PAYBILL) -> Pulled:
    client = world.client(account)
    registration = await client.pull_register(
        nominated=Msisdn.parse("0712000111"), callback_url="https://pay.example.co.ke/pull"
    )
    assert registration.state in {Registered.REGISTERED, Registered.ALREADY_REGISTERED}
    # So short that it shows by itself which zone its dates are in.
    return await client.pull(world.now() - timedelta(hours=2), world.now())


@pytest.mark.parametrize("spelling", ["E33", "E34"])
async def test_a_registration_is_done_in_either_spelling_and_again_in_the_sandbox(world: World, spelling: Any) -> None:
    world.core.c2b.spellings.register = spelling
    for style in MsisdnStyle:
        assert (await _register(world.client(), style=style)).state is Registered.REGISTERED


async def test_production_registers_once_and_the_older_platform_is_named() -> None:
    world = World(production=True)
    async with world.http:
        assert (await _register(world.client())).state is Registered.REGISTERED
        assert (await _register(world.client())).state is Registered.ALREADY_REGISTERED
        world.core.faults.set("register", "duplicate_notification")
        assert (await _register(world.client())).state is Registered.ELSEWHERE


@pytest.mark.parametrize("account", [PAYBILL, TILL], ids=["paybill", "till"])
@pytest.mark.parametrize("style", MsisdnStyle)
@pytest.mark.parametrize("name", sorted(PRESETS))
async def test_a_confirmation_of_any_shape_is_the_money_of_the_ledger(
    world: World, *, account: ShopAccount, style: MsisdnStyle, name: str
) -> None:
    await _register(world.client(account), style=style)
    receipt = world.pay(account, 350, name)
    await world.transport.advance(4000)
    assert len(world.confirmed) == PRESETS[name].get("confirmation_copies", 1)
    for body in world.confirmed:
        confirmation = wire.c2b_confirmation(body)
        assert confirmation is not None
        assert (confirmation.receipt, confirmation.amount) == (receipt, Money.shillings(350))
        assert account.owns(confirmation.short_code)
        assert confirmation.paid_at is not None
        assert "712345" not in repr(confirmation)


@pytest.mark.parametrize(("verdict", "arrives"), [("0", True), ("C2B00012", False), ("C2B00016", False)])
async def test_a_verdict_decides_before_the_money_moves(world: World, *, verdict: str, arrives: bool) -> None:
    world.verdict = verdict
    world.core.memory.urls.validating.add(PAYBILL.short_code)
    await _register(world.client(), default_action=DefaultAction.CANCELLED)
    receipt = world.pay(PAYBILL, 350)
    await world.transport.advance(10)
    (intended,) = map(c2b_validation, world.asked)
    assert intended is not None
    assert (intended.receipt, intended.amount, intended.bill_reference) == (receipt, Money.shillings(350), "A-142")
    confirmations = [wire.c2b_confirmation(body) for body in world.confirmed]
    assert [told.third_party_id for told in confirmations if told] == (["A-142"] if arrives else [])
    assert len(confirmations) == arrives


@pytest.mark.parametrize("date", ["example", "utc", "plain"])
@pytest.mark.parametrize(
    "other",
    [{"pull_status": "plain", "pull_phone": "number"}, {"pull_sender": "name"}, {"pull_empty": "500"}],
    ids=["plain", "name", "500"],
)
async def test_a_pull_finds_every_payment_whose_confirmation_was_lost(world: World, date: Any, other: Any) -> None:
    for name, value in {"pull_date": date, **other}.items():
        setattr(world.core.c2b.spellings, name, value)
    assert (await _pull_everything(world)).rows == ()
    paid = {world.pay(PAYBILL, 1 + number, "confirmation_lost"): 1 + number for number in range(200)}
    at = world.now()
    await world.transport.advance(600)
    pulled = await _pull_everything(world)
    assert pulled.is_complete
    assert {row.receipt: row.amount for row in pulled.rows} == {r: Money.shillings(n) for r, n in paid.items()}
    assert {row.paid_at for row in pulled.rows} == {at.replace(microsecond=0)}
    assert "712345" not in repr(pulled)


async def test_a_till_pulls_its_own_money_only(world: World) -> None:
    world.pay(PAYBILL, 20)
    receipt = world.pay(TILL, 30)
    await world.transport.advance(5)
    assert [row.receipt for row in (await _pull_everything(world, TILL)).rows] == [receipt]


@pytest.mark.parametrize("fault", ["internal", "spike_arrest", "waf_503", "gateway_timeout", "token_pull", "lost"])
async def test_a_pull_that_fails_never_says_that_nothing_is_there(world: World, fault: str) -> None:
    await _pull_everything(world)
    world.core.faults.set("pull", fault)
    pulled = await _pull_everything(world)
    assert pulled.gap is not None
    assert not pulled.is_complete


async def test_a_refused_token_is_renewed_and_the_pull_asked_again(world: World) -> None:
    await _pull_everything(world)
    world.core.faults.set("pull", "token_pull", times=1)
    assert (await _pull_everything(world)).is_complete


async def test_pull_without_a_registration_is_refused(world: World) -> None:
    pulled = await world.client().pull(world.now() - timedelta(hours=1), world.now())
    assert pulled.gap is not None
    assert pulled.gap.code == "400.001"


@pytest.mark.parametrize("account", [PAYBILL, TILL], ids=["paybill", "till"])
@pytest.mark.parametrize("spelling", ["00", "AG"])
async def test_a_qr_code_is_a_picture_in_either_spelling(world: World, *, account: ShopAccount, spelling: Any) -> None:
    world.core.c2b.spellings.qr_code = spelling
    picture = await world.client(account).dynamic_qr(
        merchant_name="Duka la Mfano", reference="A-142", amount=Money.shillings(350), size=600
    )
    assert isinstance(picture, bytes)
    assert picture.startswith(b"\x89PNG")
