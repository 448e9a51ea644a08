"""Payments that customers make by themselves: two real tills on one real relay; what is claimed, lost, given back."""

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from staffing import owners_guard

from pos_app.domain.attempt import Attempt, account_reference
from pos_app.domain.claim import Claim
from pos_app.domain.evidence import Evidence, Fact, Source
from pos_app.domain.matching import Matched, Offered, PartOf, Unmatched
from pos_app.domain.money import ZERO, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import Payment
from pos_app.domain.refused import Refused
from pos_app.domain.sale import Cart, Sale, SaleLine, SaleState
from pos_app.domain.shop import AccountKind, Pairing, ShopAccount, TillIdentity
from pos_app.relay_link.claims import ClaimDesk
from pos_app.relay_link.follower import Follower
from pos_app.relay_link.pairing import pair
from pos_app.services import offers
from pos_app.services.callbacks import Callbacks
from pos_app.services.changes import Changes, Notice, OffersChanged, PaymentArrived, PaymentMoved, SaleChanged
from pos_app.services.matching import Accepted, Matching
from pos_app.services.sales import Sales
from pos_app.services.settlement import Settlement, settle
from pos_app.services.whereabouts import Whereabouts
from pos_app.store import claims, payments
from pos_app.store.database import Database, StoreError
from relay import protocol
from relay.app import Relay
from relay.log import new_epoch
from relay.protocol import CaughtUp, Welcome, decode_frames
from relay.settings import Settings
from relay.stores import directory
from relay.stores.store import opened, transaction

pytestmark = pytest.mark.anyio
ACCOUNT = ShopAccount(AccountKind.PAYBILL, "600966")
RELAY_URL = "http://relay.test"
RECEIPT = "TJE1A2B3C4"


class Line(httpx.AsyncBaseTransport):
    """One till's way to the relay; `answer` may cut it before or after the relay hears."""

    def __init__(self, relay: Relay) -> None:
        self._relay = httpx.ASGITransport(relay)
        self.down = False
        self.losing = False
        self.hold: asyncio.Event | None = None
        self.asked: list[str] = []

    def restored(self, relay: Relay) -> None:
        """From an older copy of its log."""
        self._relay = httpx.ASGITransport(relay)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.down:
            raise httpx.ConnectError("no route")
        if self.hold is not None:
            await self.hold.wait()
        answer = await self._relay.handle_async_request(request)
        if self.losing:
            raise httpx.ReadError("cut off")
        return answer


class TillOfShop:
    def __init__(self, folder: Path, line: Line, pairing: Pairing) -> None:
        self.folder, self.line, self.pairing = folder, line, pairing
        self.http = httpx.AsyncClient(transport=line)
        self.now = datetime.now(UTC)
        self.told: list[object] = []
        self.going_on: asyncio.Task[None] | None = None

    async def open(self) -> "TillOfShop":
        """Also after `close`: another start with the same disk."""
        self.changes = Changes()
        for kind in (SaleChanged, PaymentArrived, PaymentMoved, Notice, OffersChanged):
            self.changes.subscribe(kind, self.told.append)
        self.database = Database(self.folder / "till.db")
        await self.database.open()
        guard = owners_guard(self.database, self.changes)
        self.sales = Sales(self.database, self.changes, guard, lambda: self.now)
        self.matching = Matching(self.database, self.changes, guard=guard, clock=lambda: self.now, elapsed=self.elapsed)
        self.callbacks = Callbacks(
            self.database,
            self.changes,
            ACCOUNT,
            self.pairing.stream,
            till_id=self.pairing.till_id,
            till_code=self.pairing.till_code,
            check=lambda _attempt_id: None,
            on_status=lambda _status: None,
            clock=lambda: self.now,
        )
        await self.matching.take_up(ClaimDesk(self.http, self.pairing))
        return self

    def elapsed(self) -> float:
        return self.now.timestamp()

    def start(self) -> None:
        self.going_on = asyncio.create_task(self.matching.run(), name="matching")

    async def close(self) -> None:
        if self.going_on is not None:
            self.going_on.cancel()
            await asyncio.wait({self.going_on})
            self.going_on = None
        await self.database.close()

    async def read(self, count: int | None = None) -> None:
        """What the relay has behind the cursor, or the first of it."""
        cursor = await self.callbacks.cursor()
        query: dict[str, str | int] = {"after": cursor.seq, "epoch": cursor.epoch, "chain": cursor.chain, "wait": 0}
        headers = {"Authorization": f"Bearer {self.pairing.token}"}
        url = f"{RELAY_URL}{protocol.EVENTS_PATH}{self.pairing.stream}"
        frames = decode_frames((await self.http.get(url, params=query, headers=headers)).content)
        said = [frame for frame in frames if not isinstance(frame, Welcome | CaughtUp)]
        welcome = [frame for frame in frames if isinstance(frame, Welcome)]
        await Follower(self.pairing.stream, cursor, self.callbacks).take([*welcome, *said[:count]])

    async def sale(self, shillings: int = 150) -> Sale:
        sale = await self.sales.open(Cart((SaleLine("Bread", Money.shillings(shillings)),)))
        assert isinstance(sale, Sale)
        return sale

    async def state(self, sale: Sale) -> SaleState:
        return (await self.sales.get(sale.id)).state

    async def payment(self, receipt: str = RECEIPT) -> Payment:
        found = await self.database.read(lambda connection: payments.by_receipt(connection, receipt))
        assert found is not None
        return found

    async def until(self, true: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(20):
            while not await true():  # noqa: ASYNC110 — some of it is on disk and told to nobody
                await asyncio.sleep(0.005)

    async def settled(self, sale: Sale, state: SaleState) -> None:
        async def is_so() -> bool:
            return await self.state(sale) is state

        await self.until(is_so)

    async def answered(self) -> None:
        """Until nothing that this till asked for is open."""

        async def is_so() -> bool:
            return not await self.matching.unconfirmed() and not await self.database.read(claims.unheard_releases)

        await self.until(is_so)

    @property
    def notices(self) -> list[str]:
        return [told.sentence for told in self.told if isinstance(told, Notice)]

    async def has_notice(self) -> bool:
        return bool(self.notices)

    @property
    def claims_asked(self) -> int:
        return self.line.asked.count(protocol.CLAIMS_PATH)


class Shop:
    """The relay, and what Safaricom tells it."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.tills: list[TillOfShop] = []
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(relay))

    async def pays(self, shillings: int = 150, receipt: str = RECEIPT, **said: Any) -> None:
        body = {
            "TransactionType": "Pay Bill",
            "TransID": receipt,
            "TransTime": (self.tills[0].now + timedelta(hours=3)).strftime("%Y%m%d%H%M%S"),
            "TransAmount": f"{shillings}.00",
            "BusinessShortCode": "600966",
            "BillRefNumber": "",
            "FirstName": "JANE",
            **said,
        }
        await self.post(self.tills[0].pairing.callback_base + "/c2b/confirm", body)

    async def charge_succeeds(self, receipt: str = RECEIPT) -> None:
        """Of another till, with a nonce of its own."""
        nonce = protocol.make_nonce(self.tills[0].pairing.nonce_key)
        items = [{"Name": "Amount", "Value": 150}, {"Name": "MpesaReceiptNumber", "Value": receipt}]
        callback = {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0, "CallbackMetadata": {"Item": items}}
        url = f"{self.tills[0].pairing.callback_base}/stk/{nonce}"
        await self.post(url, {"Body": {"stkCallback": callback}})

    async def pulls(self, *rows: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self.tills[0].pairing.token}"}
        asked = {"short_code": "600966", "rows": rows}
        assert (await self.http.post(RELAY_URL + protocol.PULLED_PATH, json=asked, headers=headers)).status_code == 200

    async def post(self, url: str, body: object) -> None:
        assert (await self.http.post(url, content=json.dumps(body))).status_code == 200

    async def all_read(self) -> None:
        for till in self.tills:
            await till.read()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    store = f"sqlite:///{tmp_path / 'relay.db'}"
    settings = Settings(store=store, high_water=tmp_path / "relay.high-water", public_url=RELAY_URL)
    relay = await Relay.open(settings)
    with transaction(opened(store)) as connection:
        directory.add_shop(connection, "Duka", new_epoch())
    shop = Shop(relay)
    for number in (1, 2):
        with transaction(opened(store)) as connection:
            invitation = directory.invite_till(connection, "Duka", int(time.time() * 1000))
        line = Line(relay)
        identity = TillIdentity(secrets.token_hex(16), f"Till {number}", f"T{number}")
        pairing = await pair(httpx.AsyncClient(transport=line), RELAY_URL, invitation.code, identity)
        assert isinstance(pairing, Pairing)
        folder = tmp_path / f"till{number}"
        folder.mkdir()
        shop.tills.append(await TillOfShop(folder, line, pairing).open())
    yield shop
    for till in shop.tills:
        await till.close()
    await relay.close()


@pytest.fixture
def tills(shop: Shop) -> list[TillOfShop]:
    return shop.tills


# Accepting.


async def test_the_first_till_has_it_and_the_second_is_told_who(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    mine, theirs = await one.sale(), await two.sale()
    await shop.pays()
    await shop.all_read()
    accepted = await one.matching.accept(RECEIPT, mine.id, "Wanjiku")
    assert isinstance(accepted, Accepted)
    assert (accepted.confirmed, accepted.sentence) == (True, "KES 150 counts for sale 1.")
    assert await one.state(mine) is SaleState.PAID
    assert SaleChanged(mine.id) in one.told
    refused = await two.matching.accept(RECEIPT, theirs.id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Taken by Till 1 (Wanjiku) at ")
    assert await two.state(theirs) is SaleState.OPEN
    assert (await two.payment()).taken_by is not None
    await shop.all_read()
    assert (await one.payment()).sale_id == mine.id
    assert one.notices == two.notices == []
    assert await one.matching.unconfirmed() == ()
    again = await two.matching.accept(RECEIPT, theirs.id)
    assert isinstance(again, Refused)
    assert again.sentence.startswith("Taken by Till 1")


@pytest.mark.parametrize("spelled", [RECEIPT.lower(), f" {RECEIPT} "])
async def test_a_receipt_that_is_spelled_otherwise_is_had_by_one_till_too(
    shop: Shop, tills: list[TillOfShop], spelled: str
) -> None:
    one, two = tills
    sold, wanted = await one.sale(), await two.sale()
    await shop.pays(receipt=spelled)
    for till in tills:
        await till.read()
    first = await one.matching.accept(RECEIPT, sold.id)
    assert isinstance(first, Accepted)
    assert first.confirmed
    assert isinstance(await two.matching.accept(RECEIPT, wanted.id), Refused)
    assert await two.state(wanted) is SaleState.OPEN


async def test_two_tills_press_at_once_and_one_of_them_has_it(shop: Shop, tills: list[TillOfShop]) -> None:
    receipts = [f"TJE1A2B3{number}" for number in range(10, 30)]
    for receipt in receipts:
        await shop.pays(receipt=receipt)
    await shop.all_read()
    for receipt in receipts:
        ours = [await till.sale() for till in tills]
        answers = await asyncio.gather(
            *(till.matching.accept(receipt, sale.id) for till, sale in zip(tills, ours, strict=True))
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["Accepted", "Refused"]
        paid = [await till.state(sale) for till, sale in zip(tills, ours, strict=True)]
        assert sorted(paid) == [SaleState.OPEN, SaleState.PAID]
    await shop.all_read()
    held = [[(await till.payment(receipt)).sale_id is not None for till in tills] for receipt in receipts]
    assert all(sum(each) == 1 for each in held)


async def test_a_reference_and_the_amount_are_certain_and_need_nobody(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    await two.sale()
    for till in tills:
        till.start()
    sale = await one.sale()
    await shop.pays(BillRefNumber=" t1 - 1 ")
    await shop.all_read()
    await one.settled(sale, SaleState.PAID)
    assert two.claims_asked == 0


async def test_what_came_before_its_sale_was_rung_is_certain_too(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    one.start()
    await shop.pays(BillRefNumber="T1-1")
    await shop.all_read()
    assert one.matching.offers.newest(5)[0].payment.receipt == RECEIPT
    await one.settled(await one.sale(), SaleState.PAID)


async def test_what_came_while_the_till_was_off_is_claimed_at_the_next_start(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays(BillRefNumber="T1-1")
    await shop.all_read()
    await one.close()
    await one.open()
    one.start()
    await one.settled(sale, SaleState.PAID)


async def test_an_amount_alone_is_offered_and_a_part_is_named(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    one.start()
    sale = await one.sale(150)
    await one.until(lambda: _true(OffersChanged() in one.told))
    await shop.pays(150)
    await shop.pays(100, "TJE1A2B3C5", BillRefNumber="T1-1")
    await one.read()

    async def are_known() -> bool:
        verdicts = {offer.payment.receipt: offer.verdict for offer in one.matching.offers.newest(9)}
        return verdicts == {RECEIPT: Offered(sale.id), "TJE1A2B3C5": PartOf(sale.id, Money.shillings(50))}

    await one.until(are_known)
    assert [payment.receipt for payment in one.matching.offers.of_sale(sale.id)] == [RECEIPT]
    assert one.matching.offers.verdict(await one.payment()) == Offered(sale.id)
    assert (one.matching.offers.sale_number(sale.id), one.matching.offers.sale_number(sale.id + 1)) == (1, None)
    assert one.matching.offers.count == 2
    part = await one.matching.accept("TJE1A2B3C5", sale.id)
    assert isinstance(part, Accepted)
    assert await one.state(sale) is SaleState.PART_PAID
    over = await one.matching.accept(RECEIPT, sale.id)
    assert isinstance(over, Accepted)
    assert await one.state(sale) is SaleState.OVERPAID
    changed = await one.sales.give_change(sale.id)
    assert isinstance(changed, Sale)
    assert (changed.state, changed.overpaid) == (SaleState.PAID, ZERO)
    assert isinstance(await one.sales.give_change(sale.id), Refused)


async def _true(value: bool) -> bool:
    return value


async def test_a_till_without_a_relay_offers_nothing_and_one_failure_does_not_end_the_asking(
    shop: Shop, tills: list[TillOfShop], caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = tills
    alone = Matching(one.database, one.changes, guard=one.matching._guard, clock=lambda: one.now, elapsed=one.elapsed)
    going_on = asyncio.create_task(alone.run())
    sale = await one.sale()
    await shop.pays()
    await one.read()
    assert alone.offers.of_sale(sale.id) == ()
    assert alone.offers.newest(5) == ()
    assert alone.offers.verdict(Payment("R", ZERO, "", one.now)) == Unmatched()
    assert alone.offers.sale_number(sale.id) is None
    going_on.cancel()
    await asyncio.wait({going_on})
    one.line.down = True
    await one.matching.accept(RECEIPT, sale.id)
    one.line.down = False
    desk, one.matching._desk = one.matching._desk, BrokenDesk(one.pairing)  # type: ignore[assignment]
    one.start()
    await one.until(lambda: _true("could not be claimed" in caplog.text))
    one.matching._desk = desk
    one.matching.ask_soon()
    await one.answered()


async def test_a_disk_that_cannot_be_read_for_a_moment_ends_neither_the_offers_nor_the_asking(
    shop: Shop, tills: list[TillOfShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = tills
    monkeypatch.setattr(offers, "_AGAIN_SECONDS", 0.0)
    read, failed = one.database.read, asyncio.Event()

    async def fail(_work: object) -> None:
        failed.set()
        raise StoreError("The till’s records cannot be reached just now.")

    one.start()
    await asyncio.sleep(0)
    monkeypatch.setattr(one.database, "read", fail)
    one.changes.publish(SaleChanged(1))
    await failed.wait()
    monkeypatch.setattr(one.database, "read", read)
    sale = await one.sale()
    await shop.pays(BillRefNumber="T1-1")
    await one.read()
    await one.settled(sale, SaleState.PAID)


class BrokenDesk:
    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing

    async def claim(self, wish: Claim) -> Claim:
        raise ZeroDivisionError


async def test_a_certain_payment_that_another_till_has_is_left_alone(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    mine, theirs = await one.sale(), await two.sale(100)
    await shop.pays(BillRefNumber="T1-1")
    await shop.all_read()
    assert isinstance(await two.matching.accept(RECEIPT, theirs.id), Accepted)
    one.start()

    async def is_taken() -> bool:
        return (await one.payment()).taken_by is not None

    await one.until(is_taken)
    assert await one.state(mine) is SaleState.OPEN
    assert one.notices == []


async def test_a_release_the_relay_does_not_hear_is_told_again(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    await one.matching.accept(RECEIPT, sale.id)
    one.line.down = True
    one.start()
    await one.matching.release(RECEIPT, "wrong sale")
    await one.until(lambda: _true(protocol.RELEASES_PATH in one.line.asked))
    assert await one.database.read(claims.unheard_releases) != ()
    one.line.down = False
    one.matching.ask_soon()
    await one.answered()


async def test_what_changes_while_the_disk_is_read_is_not_lost(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    loading = asyncio.create_task(one.matching.take_up(ClaimDesk(one.http, one.pairing)))
    await asyncio.sleep(0)
    held = (await one.payment()).matched_to(sale.id)
    one.changes.publish(PaymentMoved(held))
    await loading
    assert one.matching.offers.newest(5) == ()


async def test_what_cannot_be_accepted_says_why(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    first, second, void = await one.sale(), await one.sale(), await one.sale()
    await one.sales.void(void.id)
    await shop.pays()
    await shop.pays(150, "TJE1A2B3C5")
    await shop.pays(150, "TJE1A2B3C6", TransactionType="Organization To Organization Transfer")
    await one.read()

    async def refusal(receipt: str, sale: Sale) -> str:
        answer = await one.matching.accept(receipt, sale.id)
        assert isinstance(answer, Refused)
        return answer.sentence

    assert "cancelled" in await refusal(RECEIPT, void)
    assert "not a customer" in await refusal("TJE1A2B3C6", first)
    await one.matching.accept(RECEIPT, first.id)
    assert "used by sale 1" in await refusal(RECEIPT, second)
    assert "was finished already" in await refusal("TJE1A2B3C5", first)
    with pytest.raises(LookupError):
        await one.matching.accept("TJE1A2B3C9", first.id)
    await one.matching.take_up(None)
    assert "not paired" in await refusal("TJE1A2B3C5", second)
    assert isinstance(await one.matching.release(RECEIPT, "wrong"), Refused)
    one.database.failure = StoreError("The disk is gone.")
    await one.matching.take_up(ClaimDesk(one.http, one.pairing))
    assert await refusal("TJE1A2B3C5", second) == "The disk is gone."
    assert await one.matching.release(RECEIPT, "wrong") == Refused("The disk is gone.")


async def test_a_sale_that_is_cancelled_meanwhile_does_not_keep_the_payment(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    sale, other = await one.sale(), await one.sale()
    await shop.pays()
    await one.read()
    one.line.hold = asyncio.Event()
    accepting = asyncio.create_task(one.matching.accept(RECEIPT, sale.id))
    await one.until(lambda: _true(one.claims_asked == 1))
    busy = await one.matching.accept(RECEIPT, other.id)
    assert busy == Refused("This payment is being claimed for sale 1.")
    assert isinstance(await one.sales.void(sale.id), Sale)
    one.line.hold.set()
    answer = await accepting
    assert isinstance(answer, Refused)
    assert "cancelled" in answer.sentence
    assert (await one.payment()).is_free
    one.start()
    await one.answered()
    accepted = await one.matching.accept(RECEIPT, other.id)
    assert isinstance(accepted, Accepted)
    assert accepted.confirmed


# The relay out of reach.


async def test_without_the_relay_it_counts_unconfirmed_until_the_relay_agrees(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    one.line.down = True
    accepted = await one.matching.accept(RECEIPT, sale.id)
    assert isinstance(accepted, Accepted)
    assert not accepted.confirmed
    assert "relay cannot be reached" in accepted.sentence
    assert await one.state(sale) is SaleState.PAID
    assert [wish.sale for wish in await one.matching.unconfirmed()] == ["1"]
    assert (await one.matching.look_up(RECEIPT)).whereabouts is Whereabouts.UNCONFIRMED
    assert isinstance(await one.matching.release(RECEIPT, "wrong sale"), Refused)
    await one.close()
    one.line.down = False
    await one.open()
    one.start()
    await one.answered()
    assert await one.state(sale) is SaleState.PAID
    assert one.notices == []


async def test_what_turns_out_to_be_taken_leaves_the_sale_unpaid_and_says_so(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, two = tills
    mine, theirs = await one.sale(), await two.sale()
    await shop.pays()
    await shop.all_read()
    one.line.down = True
    await one.matching.accept(RECEIPT, mine.id)
    await one.sales.close(mine.id)
    assert isinstance(await two.matching.accept(RECEIPT, theirs.id, "Otieno"), Accepted)
    one.line.down = False
    one.start()
    one.matching.ask_soon()
    await one.settled(mine, SaleState.OPEN)
    await one.until(one.has_notice)  # told after it is on disk
    (notice,) = one.notices
    assert notice.startswith("Sale 1 is unpaid again: KES 150 with receipt TJE1A2B3C4")
    assert "Taken by Till 2 (Otieno) at " in notice
    assert (await one.sales.get(mine.id)).closed_at is None
    await shop.all_read()
    assert one.notices == [notice]
    assert await two.state(theirs) is SaleState.PAID


async def test_while_the_relay_is_away_it_is_asked_once_a_minute(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    first, second = await one.sale(100), await one.sale(150)
    await shop.pays()
    await shop.pays(100, "TJE1A2B3C5")
    await one.read()
    one.line.down = True
    await one.matching.accept("TJE1A2B3C5", first.id)
    await one.matching.accept(RECEIPT, second.id)
    one.start()
    await one.until(lambda: _true(one.claims_asked == 3))
    one.now += timedelta(seconds=61)
    one.matching._wake.set()
    await one.until(lambda: _true(one.claims_asked == 4))
    one.line.down = False
    one.matching.ask_soon()
    await one.answered()


async def test_a_lost_answer_is_asked_for_again_and_counts_once(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    sale = await one.sale()
    await shop.pays()
    await shop.all_read()
    one.line.losing = True
    accepted = await one.matching.accept(RECEIPT, sale.id)
    assert isinstance(accepted, Accepted)
    assert not accepted.confirmed
    one.line.losing = False
    await one.read()
    assert await one.matching.unconfirmed() == ()
    one.start()
    await one.answered()
    assert (await one.sales.get(sale.id)).paid == Money.shillings(150)
    refused = await two.matching.accept(RECEIPT, (await two.sale()).id)
    assert isinstance(refused, Refused)


async def test_killed_between_the_wish_and_the_claim_it_is_settled_at_the_next_start(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    one.line.hold = asyncio.Event()
    accepting = asyncio.create_task(one.matching.accept(RECEIPT, sale.id))
    await one.until(lambda: _true(one.claims_asked == 1))
    accepting.cancel()
    await asyncio.wait({accepting})
    assert await one.state(sale) is SaleState.OPEN
    await one.close()
    one.line.hold = None
    await one.open()
    one.start()
    await one.settled(sale, SaleState.PAID)
    assert (await one.sales.get(sale.id)).paid == Money.shillings(150)


@pytest.mark.parametrize("log_first", [True, False])
async def test_killed_between_the_claim_and_its_result_it_is_settled_at_the_next_start(
    shop: Shop, tills: list[TillOfShop], log_first: bool
) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    claim = one.matching._desk

    class DyingDesk:
        pairing = one.pairing

        async def claim(self, wish: Claim) -> Claim:
            assert claim is not None
            await claim.claim(wish)
            raise ZeroDivisionError

    one.matching._desk = DyingDesk()  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        await one.matching.accept(RECEIPT, sale.id)
    await one.close()
    await one.open()
    if log_first:
        await one.read()
    else:
        one.start()
    await one.settled(sale, SaleState.PAID)
    await one.read()
    assert (await one.sales.get(sale.id)).paid == Money.shillings(150)
    assert await one.matching.unconfirmed() == ()


# Charges.


async def charged(till: TillOfShop, sale: Sale) -> Attempt:
    """Sent, and answered by nobody yet."""

    def intend(settlement: Settlement) -> Attempt:
        reference = account_reference(till.pairing.till_code, sale.number, 1)
        nonce = protocol.make_nonce(till.pairing.nonce_key)
        phone = Msisdn("254712345678")
        return settlement.intend(Attempt(0, sale.id, nonce, sale.total, phone, ACCOUNT, reference, till.now))

    return await settle(till.database, till.changes, till.now, intend)


async def test_a_charge_that_a_confirmation_settled_claims_its_money(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    one.start()
    sale = await one.sale()
    attempt = await charged(one, sale)
    await shop.pays(BillRefNumber=attempt.account_reference)
    await shop.all_read()
    assert await one.state(sale) is SaleState.PAID
    await one.answered()
    refused = await two.matching.accept(RECEIPT, (await two.sale()).id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Taken by Till 1 at ")
    assert isinstance(await one.matching.release(RECEIPT, "a charge is refunded"), Refused)


async def test_what_may_be_the_money_of_a_charge_is_accepted_for_its_own_sale(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    sale = await one.sale()
    await charged(one, sale)
    await shop.pays()
    await one.read()
    assert (await one.payment()).likely_attempt_id is not None
    accepted = await one.matching.accept(RECEIPT, sale.id)
    assert isinstance(accepted, Accepted)
    assert accepted.confirmed


async def charge_succeeds(shop: Shop, till: TillOfShop, attempt: Attempt) -> None:
    items = [{"Name": "Amount", "Value": 150}, {"Name": "MpesaReceiptNumber", "Value": RECEIPT}]
    callback = {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0, "CallbackMetadata": {"Item": items}}
    await shop.post(f"{till.pairing.callback_base}/stk/{attempt.nonce}", {"Body": {"stkCallback": callback}})


async def test_what_another_sale_here_was_given_goes_to_its_charge_when_it_is_given_back(
    shop: Shop, tills: list[TillOfShop]
) -> None:
    one, _ = tills
    one.start()
    sale, other = await one.sale(), await one.sale()
    attempt = await charged(one, sale)
    await shop.pays()
    await one.read()
    assert isinstance(await one.matching.accept(RECEIPT, other.id), Accepted)
    await charge_succeeds(shop, one, attempt)
    await one.read()
    assert (await one.state(sale), await one.state(other)) == (SaleState.OPEN, SaleState.PAID)
    assert "Sale 1 is not paid by it" in one.notices[-1]
    assert isinstance(await one.matching.release(RECEIPT, "it was the money of sale 1"), Payment)
    await one.answered()
    await one.read()
    assert (await one.state(sale), await one.state(other)) == (SaleState.PAID, SaleState.OPEN)
    assert "Sale 2 is unpaid again" in one.notices[-1]


@pytest.mark.parametrize("callback_is_read_first", [True, False])
async def test_a_wish_for_the_money_of_our_own_charge_is_lost_to_it_and_the_asking_goes_on(
    shop: Shop, tills: list[TillOfShop], callback_is_read_first: bool
) -> None:
    one, _ = tills
    sale, other, third = await one.sale(), await one.sale(), await one.sale(90)
    attempt = await charged(one, sale)
    await shop.pays()
    await shop.pays(90, "TJE1A2B3C5")
    await one.read()
    one.line.down = True
    for receipt, wanted in ((RECEIPT, other), ("TJE1A2B3C5", third)):
        assert isinstance(await one.matching.accept(receipt, wanted.id), Accepted)
    await charge_succeeds(shop, one, attempt)
    one.line.down = False
    if callback_is_read_first:
        await one.read()
    one.start()
    await one.answered()
    await one.read()
    assert [await one.state(each) for each in (sale, other, third)] == [SaleState.PAID, SaleState.OPEN, SaleState.PAID]
    assert any("Sale 2 is unpaid again" in notice for notice in one.notices)


async def test_the_money_of_a_charge_is_for_the_sale_that_was_charged(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale, other = await one.sale(), await one.sale()
    attempt = await charged(one, sale)

    def end(settlement: Settlement) -> None:
        failed = Evidence(Fact.FAILED, Source.CALLBACK, one.now)
        settlement.record(attempt, failed)

    await settle(one.database, one.changes, one.now, end)
    await one.sales.void(sale.id)
    await shop.pays(BillRefNumber=attempt.account_reference)
    await one.read()
    refused = await one.matching.accept(RECEIPT, other.id)
    assert isinstance(refused, Refused)
    one.start()
    await one.answered()
    assert (await one.payment()).sale_id is None
    refused = await one.matching.accept(RECEIPT, other.id)
    assert isinstance(refused, Refused)
    assert "money of a charge" in refused.sentence


async def test_a_payment_without_its_receipt_cannot_be_claimed(tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    nameless = Payment("stk:ws_CO_1", Money.shillings(150), "600966", one.now)
    await one.database.run(lambda connection: payments.add(connection, nameless))
    refused = await one.matching.accept(nameless.id, sale.id)
    assert isinstance(refused, Refused)
    assert "has not told the receipt" in refused.sentence


# Giving back.


async def test_what_is_given_back_is_free_for_every_till(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    mine, theirs = await one.sale(), await two.sale()
    await shop.pays()
    await shop.all_read()
    await one.matching.accept(RECEIPT, mine.id)
    await two.read()
    assert (await two.payment()).taken_by is not None
    assert [(held.payment.receipt, held.sale_number) for held in await one.matching.claimed()] == [(RECEIPT, 1)]
    assert await two.matching.claimed() == ()
    assert isinstance(await two.matching.release(RECEIPT, "not theirs"), Refused)
    one.start()
    freed = await one.matching.release(RECEIPT, "wrong sale")
    assert isinstance(freed, Payment)
    assert freed.is_free
    assert await one.state(mine) is SaleState.OPEN
    await one.answered()
    await shop.all_read()
    assert (await two.payment()).is_free
    accepted = await two.matching.accept(RECEIPT, theirs.id)
    assert isinstance(accepted, Accepted)
    await shop.all_read()
    assert (await one.payment()).taken_by == (await two.database.read(_holder))
    assert one.notices == two.notices == []


def _holder(connection: Any) -> Claim | None:
    return claims.of_receipts(connection, [RECEIPT])[RECEIPT].holder


async def test_given_back_and_wanted_again_before_the_relay_heard_of_it(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    first, second = await one.sale(), await one.sale()
    await shop.pays()
    await one.read()
    await one.matching.accept(RECEIPT, first.id)
    assert isinstance(await one.matching.release(RECEIPT, "wrong sale"), Payment)
    again = await one.matching.accept(RECEIPT, second.id)
    assert isinstance(again, Accepted)
    assert not again.confirmed
    one.start()
    await one.answered()
    await one.read()
    assert (await one.payment()).sale_id == second.id
    assert await one.state(first) is SaleState.OPEN


async def test_a_closed_sale_keeps_its_money(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    await one.matching.accept(RECEIPT, sale.id)
    await one.sales.close(sale.id)
    refused = await one.matching.release(RECEIPT, "wrong sale")
    assert isinstance(refused, Refused)
    assert "refunded" in refused.sentence
    with pytest.raises(LookupError):
        await one.matching.release("TJE1A2B3C9", "never came")


# What the log tells.


async def test_the_money_of_another_tills_charge_is_not_to_be_had(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.charge_succeeds()
    await shop.pays()
    await one.read()
    assert one.matching.offers.newest(5) == ()
    refused = await one.matching.accept(RECEIPT, sale.id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Taken by a charge")
    assert await one.matching.unclaimed() == ()


async def test_a_charge_that_the_till_has_not_heard_of_has_it(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    await shop.charge_succeeds()
    refused = await one.matching.accept(RECEIPT, sale.id)
    assert refused == Refused("Taken by a charge.")
    await one.read()
    assert await one.state(sale) is SaleState.OPEN


async def test_a_row_that_pull_found_is_a_payment_like_any_other(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    one.start()
    sale = await one.sale()
    row = {
        "transactionId": RECEIPT,
        "trxDate": "2026-10-14T12:30:20",
        "msisdn": 254712345678,
        "sender": "JANE",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "T1-1",
        "amount": "150.0",
        "organizationname": "Duka",
    }
    await shop.pulls(row)
    await shop.all_read()
    await one.settled(sale, SaleState.PAID)
    await shop.pays(BillRefNumber="T1-1")
    await shop.all_read()
    assert (await one.sales.get(sale.id)).paid == Money.shillings(150)


async def test_a_lost_database_leaves_its_claims_to_no_sale_of_the_new_one(shop: Shop, tills: list[TillOfShop]) -> None:
    one, _ = tills
    sale = await one.sale()
    await shop.pays()
    await one.read()
    await one.matching.accept(RECEIPT, sale.id)
    await one.close()
    for left in one.folder.iterdir():
        left.unlink()
    await one.open()
    again = await one.sale()
    await one.read()
    assert await one.state(again) is SaleState.OPEN
    found = await one.matching.look_up(RECEIPT)
    assert found.whereabouts is Whereabouts.TAKEN
    assert found.sentence.startswith("Used by sale 1 at Till 1, ")


async def test_a_till_that_reads_everything_again_changes_nothing(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    mine, theirs = await one.sale(), await two.sale()
    await shop.pays()
    await shop.pays(150, "TJE1A2B3C5")
    await shop.all_read()
    await one.matching.accept(RECEIPT, mine.id)
    await two.matching.accept("TJE1A2B3C5", theirs.id)
    await shop.all_read()
    before = [await till.database.read(lambda connection: payments.newest(connection, 9)) for till in tills]
    for till in tills:
        await till.callbacks.reset(protocol.Cursor(), "epoch")
        await till.read()
    after = [await till.database.read(lambda connection: payments.newest(connection, 9)) for till in tills]
    assert after == before


# Looking up.


@pytest.mark.parametrize("has_payment", [True, False])
async def test_a_relay_that_lost_a_claim_hears_of_it_again_before_another_till_is_given_the_payment(
    shop: Shop, tills: list[TillOfShop], tmp_path: Path, has_payment: bool
) -> None:
    one, two = tills
    sale, wanted = await one.sale(), await two.sale()
    if has_payment:
        await shop.pays()
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(tmp_path / "relay.db")) as live, closing(sqlite3.connect(copy)) as kept:
        live.backup(kept)
    if not has_payment:
        await shop.pays()
    await one.read()
    assert isinstance(await one.matching.accept(RECEIPT, sale.id), Accepted)
    await one.read()
    store, high_water = f"sqlite:///{copy}", tmp_path / "copy.high-water"
    restored = await Relay.open(Settings(store=store, high_water=high_water, public_url=RELAY_URL))
    for line in (one.line, two.line):
        line.restored(restored)
    shop.http = httpx.AsyncClient(transport=httpx.ASGITransport(restored))
    one.start()
    asked = one.claims_asked
    await one.read()
    await one.until(lambda: _true(one.claims_asked > asked and not one.matching._asking))
    if not has_payment:
        await shop.pays()
        one.now += timedelta(seconds=61)
        one.matching.ask_soon()
        await one.until(lambda: _true(one.claims_asked > asked + 1))
    await one.until(lambda: _true(not one.matching._is_restored))
    await two.read()
    refused = await two.matching.accept(RECEIPT, wanted.id)
    assert isinstance(refused, Refused)
    assert refused.sentence.startswith("Taken by Till 1")
    assert (await one.state(sale), await two.state(wanted)) == (SaleState.PAID, SaleState.OPEN)
    await restored.close()


async def test_a_code_that_somebody_shows_is_looked_up(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    sale = await one.sale()
    assert (await one.matching.look_up("hello")).whereabouts is Whereabouts.NO_CODE
    nothing = await one.matching.look_up(RECEIPT.lower())
    assert (nothing.whereabouts, nothing.sentence.split(".")[0]) == (
        Whereabouts.NOT_RECEIVED,
        "TJE1A2B3C4 is not received",
    )
    await shop.pays()
    await shop.all_read()
    free = await one.matching.look_up(f" {RECEIPT} ")
    assert (free.whereabouts, free.sentence) == (Whereabouts.FREE, "KES 150 received, free.")
    assert [payment.receipt for payment in await one.matching.unclaimed()] == [RECEIPT]
    await one.matching.accept(RECEIPT, sale.id)
    await shop.all_read()
    here, there = await one.matching.look_up(RECEIPT), await two.matching.look_up(RECEIPT)
    assert (here.whereabouts, there.whereabouts) == (Whereabouts.USED, Whereabouts.TAKEN)
    assert here.sentence.startswith("Used by sale 1 at this till, ")
    assert there.sentence.startswith("Used by sale 1 at Till 1, ")


async def test_the_shops_own_money_is_not_called_free(shop: Shop, tills: list[TillOfShop]) -> None:
    await shop.pays(TransactionType="Organization Settlement")
    await shop.all_read()
    found = await tills[0].matching.look_up(RECEIPT)
    assert found.whereabouts is Whereabouts.NO_CUSTOMERS
    assert found.sentence == "KES 150 received, but not as a customer’s payment: it pays no sale."


async def test_verdicts_are_of_this_till_alone(shop: Shop, tills: list[TillOfShop]) -> None:
    one, two = tills
    sale = await one.sale()
    await shop.pays(BillRefNumber="T1-1")
    await shop.all_read()
    await one.matching.take_up(ClaimDesk(one.http, one.pairing))
    assert [offer.verdict for offer in one.matching.offers.newest(1)] == [Matched(sale.id)]
    assert not isinstance(two.matching.offers.newest(1)[0].verdict, Matched)
