"""B2C, Reversal, Status and Balance against the simulator, an independent reading of the contract."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja import refund_results
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.initiator import Addresses
from pos_app.daraja.security_credential import read_certificate, security_credential
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact
from pos_app.domain.shop import AccountKind, Credentials, Initiator, ShopAccount
from pos_app.simulator.clock import ManualClock
from pos_app.simulator.customers import Purchase
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.initiator.scenarios import PRESETS, operation_scenario
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP
from pos_app.simulator.transport import SimulatorTransport

pytestmark = pytest.mark.anyio

KES = Money.shillings
PHONE = Msisdn("254712345678")
TO = Addresses("https://pay.example.co.ke/h/k/result/n", "https://pay.example.co.ke/h/k/timeout/n")
PAID = {RefundFact.COMPLETED}
NOT_PAID = {RefundFact.REJECTED, RefundFact.FAILED, RefundFact.NOT_SENT}


class World:
    def __init__(self) -> None:
        self.core = Daraja(ManualClock())
        self.heard: list[tuple[str, Any]] = []
        self.transport = SimulatorTransport(self.core, self._deliver)
        self.http = httpx.AsyncClient(transport=self.transport, timeout=30)
        credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
        account = ShopAccount(AccountKind.PAYBILL, "174379")
        client = DarajaClient(self.http, "https://sandbox.invalid", account, credentials, clock=self.now)
        certificate = read_certificate(self.core.operator.certificate)
        self.credential = security_credential(certificate, self.core.operator.password)
        self.api = client.operated_by(Initiator("testapi", self.credential, "174379"))
        self.fund(100_000)

    async def _deliver(self, url: str, _headers: Mapping[str, str], body: bytes) -> int:
        self.heard.append((url, json.loads(body)))
        return 200

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.core.clock.now(), UTC)

    def fund(self, shillings: int) -> None:
        self.core.initiator.deposit("174379", shillings, self.core.clock.now())

    def plays(self, spec: str) -> None:
        self.core.initiator.payments.default = operation_scenario(spec)

    async def pays(self, originator_id: str = "ours-1", amount: int = 100) -> RefundEvidence:
        return await self.api.b2c(TO, originator_id=originator_id, amount=KES(amount), payee=PHONE, remarks="Refund 1")

    async def hears(self, seconds: float = 120) -> list[RefundEvidence]:
        """What results and queue timeouts say, in order."""
        await self.transport.advance(seconds)
        heard, self.heard = self.heard, []
        return [told for url, body in heard if (told := _read(url, body, self.now())) is not None]

    async def status(self, **asked: str) -> RefundEvidence | None:
        await self.api.transaction_status(TO, **asked)
        await self.transport.advance(60)
        (_, body) = self.heard.pop()
        return refund_results.status_evidence(body, self.now(), trusted=True)


def _read(url: str, body: Any, at: datetime) -> RefundEvidence | None:
    if "/timeout/" in url:
        return refund_results.timeout_evidence(body, at, trusted=True)
    return refund_results.result_evidence(body, at, trusted=True)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.http:
        yield world


async def test_a_payment_is_accepted_and_its_result_names_receipt_amount_and_receiver(world: World) -> None:
    assert (await world.pays()).fact is RefundFact.ACCEPTED
    (told,) = await world.hears()
    (payout,) = world.core.ledger.payouts
    assert (told.fact, told.receipt, told.amount) == (RefundFact.COMPLETED, payout.receipt, KES(100))
    assert told.receiver.startswith("254712345678 - ")
    assert told.completed_at is not None


async def test_the_same_id_is_never_paid_twice_and_the_second_reply_proves_nothing(world: World) -> None:
    await world.pays()
    again = await world.pays()
    assert (again.fact, again.reason) == (RefundFact.REPLY_LOST, Reason.UNKNOWN)
    await world.hears()
    assert len(world.core.ledger.payouts) == 1


async def test_a_reversal_gives_back_the_whole_of_one_payment(world: World) -> None:
    shortcode = TRAINING_SHOP.shortcode("174379")
    assert shortcode is not None
    paid = world.core.pay(Purchase(shortcode, PHONE.digits, 500, "A-142")).payment
    await world.hears()
    told = await world.api.reverse(TO, receipt=paid.receipt, amount=KES(500), receiver="174379", remarks="Refund 1")
    assert told.fact is RefundFact.ACCEPTED
    (result,) = await world.hears()
    assert (result.fact, result.amount) == (RefundFact.COMPLETED, KES(500))
    assert result.receipt == world.core.ledger.payouts[0].receipt
    fate = await world.status(receipt=result.receipt)
    assert fate is not None
    assert fate.fact is RefundFact.COMPLETED


@pytest.mark.parametrize("preset", sorted(PRESETS))
async def test_whatever_happens_the_till_never_takes_paid_for_unpaid_or_the_other_way_round(
    world: World, preset: str
) -> None:
    """What proves a payment is only said of one; what proves that nothing moved is only said where nothing did."""
    world.plays(preset)
    told = [await world.pays(), *await world.hears(seconds=7200)]
    if preset == "token_invalidated":
        world.plays("usual")
        told = [await world.pays("ours-2"), *await world.hears(seconds=7200)]
    paid = bool(world.core.ledger.payouts)
    first = next((one.fact for one in told if one.fact in PAID | NOT_PAID), None)
    assert first is None or (first in PAID) == paid, [one.fact for one in told]


async def test_a_lost_result_is_found_by_its_own_id_and_an_unknown_id_proves_nothing(world: World) -> None:
    world.plays("reply_lost+result_lost")
    assert (await world.pays()).fact is RefundFact.REPLY_LOST
    assert await world.hears() == []
    fate = await world.status(originator_id="ours-1")
    assert fate is not None
    assert (fate.fact, fate.receipt) == (RefundFact.COMPLETED, world.core.ledger.payouts[0].receipt)
    assert (fate.originator_id, fate.receiver[:12]) == ("ours-1", "254712345678")
    nothing = await world.status(originator_id="ours-2")
    assert nothing is not None
    assert nothing.fact is RefundFact.NO_ANSWER


async def test_the_balance_names_what_can_be_paid_out(world: World) -> None:
    await world.api.account_balance(TO)
    await world.transport.advance(60)
    told = refund_results.account_balances(world.heard.pop()[1], world.now())
    assert told is not None
    assert told.utility_available == KES(100_000)


async def test_a_wrong_password_is_a_certain_failure_and_after_three_the_operator_is_locked(world: World) -> None:
    world.core.operator.password = "another"
    codes = []
    for number in range(4):
        await world.pays(f"ours-{number}")
        codes += [told.code for told in await world.hears()]
    assert codes == ["2001", "2001", "2001", "8006"]
    assert world.core.ledger.payouts == ()
