"""The simulator under an httpx client, without a network and on a clock moved by hand."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from pos_app.simulator.daraja import PUSH_PATH, TOKEN_PATH, Daraja
from pos_app.simulator.scenarios import scenario
from pos_app.simulator.transport import SimulatorTransport

pytestmark = pytest.mark.anyio


class Shop:
    """Receives callbacks; `broken` breaks the connection instead."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.broken = False

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        if self.broken:
            raise httpx.ConnectError("nobody there")
        self.bodies.append(json.loads(body))
        return 200


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def transport(core: Daraja, shop: Shop) -> SimulatorTransport:
    return SimulatorTransport(core, shop.deliver)


async def push(client: httpx.AsyncClient, caller: Any, **changes: Any) -> httpx.Response:
    caller.token()
    headers = {"authorization": f"Bearer {caller.bearer}"}
    return await client.post(PUSH_PATH, json=caller.fields(**changes), headers=headers)


def client_of(transport: SimulatorTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url="https://sandbox.invalid", timeout=4.0)


async def test_a_token_and_a_push_and_its_callbacks(transport: SimulatorTransport, caller: Any, shop: Shop) -> None:
    async with client_of(transport) as client:
        token = await client.get(
            TOKEN_PATH, params={"grant_type": "client_credentials"}, headers={"authorization": caller.basic()}
        )
        assert set(token.json()) == {"access_token", "expires_in"}
        reply = await push(client, caller)
        assert reply.json()["ResponseCode"] == "0"
        assert shop.bodies == []
        await transport.advance(3)
        assert shop.bodies[0]["Body"]["stkCallback"]["ResultCode"] == 0
        await transport.advance(1)
        assert shop.bodies[1]["TransAmount"] == "150.00"
        assert [delivery.status for delivery in transport.core.deliveries] == [200, 200]
        await transport.advance(0)


async def test_a_lost_and_a_hanging_reply_are_read_timeouts(
    transport: SimulatorTransport, caller: Any, shop: Shop
) -> None:
    async with client_of(transport) as client:
        for name in ("reply_lost", "reply_hangs", "request_lost"):
            transport.core.script.queue = [scenario(name)]
            with pytest.raises(httpx.ReadTimeout):
                await push(client, caller)
            await transport.advance(300)
    assert len(transport.core.ledger.payments) == 2
    assert len(shop.bodies) == 4


async def test_a_slow_reply_meets_the_callers_patience(transport: SimulatorTransport, caller: Any, shop: Shop) -> None:
    transport.core.script.default = scenario({"reply_delay": 3.5, "answer_after": 1})
    async with client_of(transport) as client:
        started = transport.core.clock.now()
        assert (await push(client, caller)).status_code == 200
        assert transport.core.clock.now() - started == pytest.approx(3.5)
        assert len(shop.bodies) == 2
        transport.core.script.default = scenario({"reply_delay": 5})
        with pytest.raises(httpx.ReadTimeout):
            await push(client, caller, Amount=2)
        assert transport.core.clock.now() - started == pytest.approx(7.5)


async def test_a_callback_before_the_reply_is_delivered_before_it(
    transport: SimulatorTransport, caller: Any, shop: Shop
) -> None:
    transport.core.script.default = scenario("approve+callback_before_reply+reply_lost")
    async with client_of(transport) as client:
        with pytest.raises(httpx.ReadTimeout):
            await push(client, caller)
    assert shop.bodies[0]["Body"]["stkCallback"]["ResultCode"] == 0


async def test_offline_is_a_refused_connection_and_nothing_happened(transport: SimulatorTransport, caller: Any) -> None:
    transport.core.offline = True
    async with client_of(transport) as client:
        with pytest.raises(httpx.ConnectError):
            await push(client, caller)
    assert transport.core.pushes == ()


async def test_a_callback_that_nobody_takes_is_not_sent_again(
    transport: SimulatorTransport, caller: Any, shop: Shop
) -> None:
    shop.broken = True
    async with client_of(transport) as client:
        await push(client, caller)
    await transport.advance(10)
    shop.broken = False
    await transport.advance(7200)
    assert shop.bodies == []
    assert [(one.status, one.error) for one in transport.core.deliveries] == [(None, "ConnectError")] * 2


async def test_the_receivers_body_decides_a_validation(core: Daraja, caller: Any) -> None:
    async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        return 200, b'{"ResultCode":"C2B00012","ResultDesc":"Rejected"}'

    caller.register()
    core.memory.urls.validating.add("174379")
    tried = caller.pay()
    await SimulatorTransport(core, deliver).pump()
    assert (tried.state, tried.code) == ("rejected", "C2B00012")
    assert core.ledger.payments == ()
