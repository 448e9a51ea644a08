"""The client against the simulator, an independent reading of the contract: no phone that rang is called refused."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pos_app.daraja import wire
from pos_app.daraja.client import DarajaClient
from pos_app.domain.evidence import Evidence, Fact
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, Credentials, ShopAccount
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.scenarios import PRESETS
from pos_app.simulator.scenarios import scenario as named
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.simulator.transport import SimulatorTransport

pytestmark = pytest.mark.anyio

CREDENTIALS = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
PAYBILL = ShopAccount(AccountKind.PAYBILL, "174379")
TILL = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")


class World:
    """One simulated Safaricom, what it delivered, and clients of it."""

    def __init__(self) -> None:
        self.core = Daraja(ManualClock(), confirmation_url="http://127.0.0.1:9/h/k/c2b/confirm")
        self.delivered: list[tuple[str, Any]] = []
        self.transport = SimulatorTransport(self.core, self._deliver)
        self.http = httpx.AsyncClient(transport=self.transport)

    async def _deliver(self, url: str, _headers: Mapping[str, str], body: bytes) -> int:
        self.delivered.append((url, json.loads(body)))
        return 200

    def client(self, account: ShopAccount = PAYBILL, **changes: str) -> DarajaClient:
        return DarajaClient(self.http, "https://sandbox.invalid", account, replace(CREDENTIALS, **changes))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.http:
        yield world


async def _push(world: World, charge: dict[str, Any], scenario: str, account: ShopAccount = PAYBILL) -> Evidence:
    world.core.script.default = named(scenario)
    return await world.client(account).stk_push(**{**charge, "callback_url": "http://127.0.0.1:9/h/k/stk/n"})


@pytest.mark.parametrize("name", sorted(PRESETS))
async def test_no_phone_that_rang_is_called_refused(world: World, charge: dict[str, Any], name: str) -> None:
    evidence = await _push(world, charge, name)
    rang = len(world.core.pushes)
    assert rang <= 1
    if rang:
        assert evidence.fact in {Fact.ACCEPTED, Fact.REPLY_LOST}
    else:
        assert evidence.fact in {Fact.REJECTED, Fact.REPLY_LOST}


@pytest.mark.parametrize("account", [PAYBILL, TILL], ids=["paybill", "till"])
@pytest.mark.parametrize("shape", ["approve", "all_shapes", "callback_before_reply"])
async def test_a_payment_is_told_alike_by_callback_confirmation_and_query(
    world: World, charge: dict[str, Any], account: ShopAccount, shape: str
) -> None:
    accepted = await _push(world, charge, shape, account)
    await world.transport.advance(10)
    callback = next(body for url, body in world.delivered if url.endswith("/stk/n"))
    confirmed = next(body for url, body in world.delivered if url.endswith("/confirm"))
    told = wire.stk_callback(callback, accepted.at, trusted=True)
    confirmation = wire.c2b_confirmation(confirmed)
    assert told is not None
    assert confirmation is not None
    assert (told.fact, told.amount, told.checkout_request_id) == (
        Fact.PAID,
        charge["amount"],
        accepted.checkout_request_id,
    )
    assert (confirmation.receipt, confirmation.amount) == (told.receipt, told.amount)
    assert account.owns(confirmation.short_code)
    queried = await world.client(account).stk_query(accepted.checkout_request_id)
    assert (queried.fact, queried.checkout_request_id) == (Fact.PAID, accepted.checkout_request_id)


@pytest.mark.parametrize(("scenario", "reason"), [("decline", Reason.CANCEL), ("unreachable", Reason.NOANSWER)])
async def test_a_failure_is_definite_once_a_query_says_so(
    world: World, charge: dict[str, Any], scenario: str, reason: Reason
) -> None:
    accepted = await _push(world, charge, scenario)
    client = world.client()
    assert (await client.stk_query(accepted.checkout_request_id)).fact is Fact.STILL_OPEN
    await world.transport.advance(90)
    queried = await client.stk_query(accepted.checkout_request_id)
    assert (queried.fact, queried.reason) == (Fact.FAILED, reason)


@pytest.mark.parametrize("scenario", ["pending_500", "pending_200", "stuck"])
async def test_an_open_prompt_is_open_however_it_is_spelled(
    world: World, charge: dict[str, Any], scenario: str
) -> None:
    accepted = await _push(world, charge, scenario)
    assert (await world.client().stk_query(accepted.checkout_request_id)).fact is Fact.STILL_OPEN


async def test_no_network_means_not_sent(world: World, charge: dict[str, Any]) -> None:
    world.core.offline = True
    assert (await _push(world, charge, "approve")).fact is Fact.NOT_SENT


async def test_the_checks_tell_right_from_wrong(world: World) -> None:
    good = world.client()
    assert (await good.check_access()).ok
    assert (await good.check_passkey()).ok
    assert not (await world.client(passkey="another").check_passkey()).ok
    assert not (await world.client(consumer_secret="another").check_access()).ok
    assert not (await world.client(ShopAccount(AccountKind.PAYBILL, "600000")).check_passkey()).ok
