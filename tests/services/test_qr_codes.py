"""Codes of the simulator's own making: asked once, one at a time, and done without where there is none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.domain.money import CHARGE_MAX, Money
from pos_app.domain.shop import AccountKind, Credentials, ShopAccount
from pos_app.services.qr_codes import KEPT, REST_SECONDS, QrCodes
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

pytestmark = pytest.mark.anyio
PATH = "/mpesa/qrcode/v1/generate"
PAYBILL = ShopAccount(AccountKind.PAYBILL, "600000")
TILL = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")
GOOD = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
BAD = Credentials("wrong", "wrong", SANDBOX_PASSKEY)
KES_350 = Money.shillings(350)


@pytest.fixture
def simulator() -> Iterator[str]:
    with serving(Daraja(ManualClock())) as url:
        yield url


@dataclass
class Counter:
    """A till's codes and what it asked for them."""

    url: str
    http: httpx.AsyncClient
    asked: list[dict[str, Any]]
    paths: list[str]
    seconds: float = 0.0
    codes: QrCodes = field(init=False)

    def __post_init__(self) -> None:
        self.codes = QrCodes(elapsed=lambda: self.seconds)

    def open(self, account: ShopAccount = TILL, credentials: Credentials = GOOD) -> None:
        self.codes.take_up(DarajaClient(self.http, self.url, account, credentials), "Mama Njeri")


@pytest.fixture
async def counter(simulator: str) -> AsyncIterator[Counter]:
    async with counting(simulator) as made:
        made.open()
        yield made


@asynccontextmanager
async def counting(url: str, gate: Callable[[], asyncio.Event | None] = lambda: None) -> AsyncIterator[Counter]:
    asked: list[dict[str, Any]] = []
    paths: list[str] = []

    async def note(request: httpx.Request) -> None:
        paths.append(request.url.path)
        if request.url.path == PATH:
            asked.append(json.loads(request.content))
            if (waits := gate()) is not None:
                await waits.wait()

    async with httpx.AsyncClient(trust_env=False, event_hooks={"request": [note]}) as http:
        yield Counter(url, http, asked, paths)


@pytest.mark.parametrize(("account", "trx_code", "number"), [(TILL, "BG", "5512345"), (PAYBILL, "PB", "600000")])
async def test_a_code_names_what_customers_pay_to(
    counter: Counter, account: ShopAccount, trx_code: str, number: str
) -> None:
    counter.open(account)
    picture = await counter.codes.code(KES_350, "1-142")
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    (asked,) = counter.asked
    assert (asked["TrxCode"], asked["CPI"], asked["Amount"]) == (trx_code, number, 350)
    assert (asked["RefNo"], asked["MerchantName"]) == ("1-142", "Mama Njeri")


async def test_a_code_is_asked_for_once_and_the_oldest_is_forgotten(counter: Counter) -> None:
    first = await counter.codes.code(KES_350, "1-1")
    assert await counter.codes.code(KES_350, "1-1") == first
    assert len(counter.asked) == 1
    for number in range(2, KEPT + 2):
        await counter.codes.code(KES_350, f"1-{number}")
    await counter.codes.code(KES_350, "1-1")
    assert len(counter.asked) == KEPT + 2


async def test_codes_are_asked_one_at_a_time_and_what_nobody_waits_for_is_not(simulator: str) -> None:
    gate = asyncio.Event()
    async with counting(simulator, lambda: gate) as counter:
        counter.open()
        wanted = [asyncio.create_task(counter.codes.code(Money.shillings(amount), "1-1")) for amount in (1, 2, 3)]
        async with asyncio.timeout(20):
            while not counter.asked:  # noqa: ASYNC110 — until the first is on its way
                await asyncio.sleep(0.01)
        gate.set()
        found = await asyncio.gather(*wanted)
    assert [asked["Amount"] for asked in counter.asked] == [1, 3]
    assert [picture is not None for picture in found] == [True, False, True]


@pytest.mark.parametrize("amount", [Money(35050), Money(0), Money(CHARGE_MAX.cents + 100)])
async def test_what_m_pesa_does_not_take_is_not_asked_for(counter: Counter, amount: Money) -> None:
    assert await counter.codes.code(amount, "1-1") is None
    assert not counter.asked


async def test_a_refusal_is_not_asked_for_again_until_later(counter: Counter) -> None:
    counter.open(credentials=BAD)
    assert await counter.codes.code(KES_350, "1-1") is None
    sent = len(counter.paths)
    assert await counter.codes.code(KES_350, "1-2") is None
    assert len(counter.paths) == sent > 0
    counter.open()
    assert await counter.codes.code(KES_350, "1-1"), "new settings are tried at once"


async def test_when_it_rested_it_asks_again(counter: Counter) -> None:
    counter.url = "http://127.0.0.1:1"
    counter.open()
    assert await counter.codes.code(KES_350, "1-1") is None
    counter.codes._daraja = DarajaClient(counter.http, counter.url, TILL, GOOD)
    counter.seconds = max(REST_SECONDS.values())
    assert await counter.codes.code(KES_350, "1-1") is None
    assert counter.codes._rest_until > counter.seconds


async def test_without_m_pesa_or_a_shop_name_there_is_no_code(counter: Counter) -> None:
    counter.codes.take_up(None)
    assert await counter.codes.code(KES_350, "1-1") is None
    counter.codes.take_up(DarajaClient(counter.http, counter.url, TILL, GOOD), "")
    assert await counter.codes.code(KES_350, "1-1") is None


async def test_a_code_of_the_settings_before_is_not_shown(simulator: str) -> None:
    gate = asyncio.Event()
    async with counting(simulator, lambda: gate) as counter:
        counter.open(PAYBILL)
        wanted = asyncio.create_task(counter.codes.code(KES_350, "1-1"))
        async with asyncio.timeout(20):
            while not counter.asked:  # noqa: ASYNC110 — until it is on its way
                await asyncio.sleep(0.01)
        counter.open(TILL)
        gate.set()
        assert await wanted is None
