"""The shop's rules: kept, given to a real relay until it has them, taken from it; and the till's own verdict."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from staffing import OWNER, owners_guard, recorded

from pos_app.domain.audit import Event
from pos_app.domain.money import Money
from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.domain.validation import ClosedHours, ValidationRequest, ValidationRules, document_of, verdict
from pos_app.relay_link.pairing import pair
from pos_app.relay_link.rules import RuleDesk
from pos_app.services.changes import Changes, LogReset, Notice, RulesChanged, RulesStanding
from pos_app.services.judging import Judge
from pos_app.services.validation_rules import RuleBook
from pos_app.store import rule_documents
from pos_app.store.database import Database, StoreError
from relay import rules as relay_rules
from relay.app import Relay
from relay.log import new_epoch
from relay.settings import Settings
from relay.stores import directory
from relay.stores.store import opened, transaction

pytestmark = pytest.mark.anyio
RELAY_URL = "http://relay.test"
STRICT = ValidationRules(minimum=Money.shillings(20), references=("HSE 12B",), asks_till=True)
OPEN = ValidationRules()


class Line(httpx.AsyncBaseTransport):
    def __init__(self, relay: Relay) -> None:
        self.relay: httpx.AsyncBaseTransport = httpx.ASGITransport(relay)
        self.down = False
        self.losing = False
        self.asked: list[str] = []
        self.before: Callable[[httpx.Request], Awaitable[None]] | None = None
        self.instead: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.method)
        if self.before is not None:
            await self.before(request)
        if self.down:
            raise httpx.ConnectError("no route")
        if self.instead is not None and request.method == "PUT":
            return self.instead
        answer = await self.relay.handle_async_request(request)
        if self.losing and request.method == "PUT":
            raise httpx.ReadError("cut off")
        return answer


class Till:
    def __init__(self, folder: Path, line: Line, pairing: Pairing) -> None:
        self.folder, self.line, self.pairing = folder, line, pairing
        self.http = httpx.AsyncClient(transport=line)
        self.running: asyncio.Task[None] | None = None

    async def open(self) -> "Till":
        """Also after `close`: another start with the same disk."""
        self.changes, self.told = Changes(), list[object]()
        for kind in (RulesChanged, Notice):
            self.changes.subscribe(kind, self.told.append)
        self.database = Database(self.folder / "till.db")
        await self.database.open()
        self.book = RuleBook(self.database, self.changes, owners_guard(self.database, self.changes))
        return self

    def connect(self) -> None:
        self.running = asyncio.create_task(self.book.run(RuleDesk(self.http, self.pairing)))

    async def disconnect(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait({self.running})
            self.running = None

    async def close(self) -> None:
        await self.disconnect()
        await self.database.close()

    async def becomes(self, standing: RulesStanding, rules: ValidationRules | None = None) -> None:
        """`rules` None: whichever."""
        changed = asyncio.Event()
        end = self.changes.subscribe(RulesChanged, lambda _change: changed.set())
        async with asyncio.timeout(20):
            while self.book.current.standing is not standing or rules not in (None, self.book.current.rules):
                changed.clear()
                await changed.wait()
        end()

    @property
    def notices(self) -> list[str]:
        return [told.sentence for told in self.told if isinstance(told, Notice)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[Till]]]:
    """`await shop()` is one more till of one shop with one relay."""
    store = f"sqlite:///{tmp_path / 'relay.db'}"
    relay = await Relay.open(Settings(store=store, high_water=tmp_path / "high", public_url=RELAY_URL))
    made: list[Till] = []

    def in_store(job: Callable[[Any], Any]) -> Any:
        with transaction(opened(store)) as connection:
            return job(connection)

    in_store(lambda connection: directory.add_shop(connection, "Duka", new_epoch()))

    async def make() -> Till:
        line, number = Line(relay), len(made) + 1
        now = int(datetime.now(UTC).timestamp() * 1000)
        code = str(in_store(lambda connection: directory.invite_till(connection, "Duka", now)).code)
        async with httpx.AsyncClient(transport=line) as http:
            pairing = await pair(http, RELAY_URL, code, TillIdentity(f"{number:032x}", f"Till {number}"))
        assert isinstance(pairing, Pairing)
        folder = tmp_path / f"till{number}"
        folder.mkdir()
        made.append(await Till(folder, line, pairing).open())
        return made[-1]

    yield make
    for till in made:
        with suppress(RuntimeError):
            await till.close()
        await till.http.aclose()
    await relay.close()


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pos_app.services.validation_rules.AGAIN_SECONDS", 0.01)


async def test_a_shop_without_rules_lets_everything_in_and_knows_that_it_is_so(shop: Any) -> None:
    till = await shop()
    assert till.book.rules is None
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE, OPEN)
    assert till.book.rules == OPEN


async def test_rules_are_on_disk_first_and_in_force_once_the_relay_has_them(shop: Any) -> None:
    till = await shop()
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    assert await till.book.save(STRICT) is None
    assert till.book.current == RulesChanged(STRICT, RulesStanding.WAITING)
    await till.becomes(RulesStanding.IN_FORCE, STRICT)
    found = await RuleDesk(till.http, till.pairing).read()
    assert found is not None
    assert (found.version, dict(found.fields)) == (1, document_of(STRICT))
    told = (Event.SETTINGS_CHANGED, OWNER.name, "rules for payments", "version 1")
    assert await recorded(till.database) == [told]


async def test_another_till_of_the_shop_takes_them_over(shop: Any) -> None:
    first, second = await shop(), await shop()
    for till in (first, second):
        till.connect()
        await till.becomes(RulesStanding.IN_FORCE)
    await first.book.save(STRICT)
    await first.becomes(RulesStanding.IN_FORCE, STRICT)
    second.book.look_soon()
    await second.becomes(RulesStanding.IN_FORCE, STRICT)
    assert second.notices == []


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("fault", ["down", "losing"])
async def test_a_relay_that_cannot_be_reached_gets_them_later_even_after_a_restart(shop: Any, fault: str) -> None:
    till = await shop()
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    setattr(till.line, fault, True)
    await till.book.save(STRICT)
    asked = len(till.line.asked)
    async with asyncio.timeout(20):
        while len(till.line.asked) < asked + 3:  # noqa: ASYNC110 — each try is one request
            await asyncio.sleep(0.005)
    if fault == "down":
        assert till.book.current.standing is RulesStanding.WAITING
    await till.close()
    await till.open()
    setattr(till.line, fault, False)
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE, STRICT)
    assert till.notices == []


async def test_a_relay_that_lost_its_rules_gets_them_back(shop: Any) -> None:
    till = await shop()
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    await till.book.save(STRICT)
    await till.becomes(RulesStanding.IN_FORCE, STRICT)
    given, pushed = list[bytes](), asyncio.Event()

    def set_up_anew(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={**document_of(OPEN), "version": 0})
        given.append(request.content)
        pushed.set()
        return httpx.Response(200, content=request.content)

    till.line.relay = httpx.MockTransport(set_up_anew)
    till.changes.publish(LogReset("epoch"))
    await asyncio.wait_for(pushed.wait(), 20)
    assert json.loads(given[0]) == {**document_of(STRICT), "version": 1}


async def test_rules_changed_at_two_tills_at_once_end_as_those_of_one_and_the_other_says_so(shop: Any) -> None:
    first, second = await shop(), await shop()
    for till in (first, second):
        till.connect()
        await till.becomes(RulesStanding.IN_FORCE)
    second.line.down = True
    await second.book.save(replace(STRICT, minimum=Money.shillings(5)))
    await first.book.save(STRICT)
    await first.becomes(RulesStanding.IN_FORCE, STRICT)
    second.line.down = False
    second.book.look_soon()
    await second.becomes(RulesStanding.IN_FORCE, STRICT)
    assert "Another till changed the rules" in second.notices[0]


async def test_a_till_that_comes_second_by_a_moment_reads_the_other_tills_rules(shop: Any) -> None:
    """Between its look and its push, the other till’s push."""
    first, second = await shop(), await shop()
    for till in (first, second):
        till.connect()
        await till.becomes(RulesStanding.IN_FORCE)

    async def overtake(request: httpx.Request) -> None:
        if request.method == "PUT":
            second.line.before = None
            await first.book.save(STRICT)
            await first.becomes(RulesStanding.IN_FORCE, STRICT)

    second.line.before = overtake
    await second.book.save(OPEN)
    await second.becomes(RulesStanding.IN_FORCE, STRICT)
    assert len(second.notices) == 1


async def test_a_change_made_while_the_last_one_is_on_its_way_is_the_one_that_counts(shop: Any) -> None:
    till = await shop()
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)

    async def change_again(request: httpx.Request) -> None:
        if request.method == "PUT":
            till.line.before = None
            await till.book.save(STRICT)

    till.line.before = change_again
    await till.book.save(replace(STRICT, asks_till=False))
    await till.becomes(RulesStanding.IN_FORCE, STRICT)


async def test_a_change_made_while_other_rules_are_taken_over_outranks_them(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await shop(), await shop()
    for till in (first, second):
        till.connect()
        await till.becomes(RulesStanding.IN_FORCE)
    keep, writing, goes_on = rule_documents.keep, threading.Event(), threading.Event()

    def slow(connection: Any, stream: str, kept: Any) -> None:
        if not kept.told:
            writing.set()
            goes_on.wait(20)
        keep(connection, stream, kept)

    await first.book.save(OPEN)
    await first.becomes(RulesStanding.IN_FORCE, OPEN)
    monkeypatch.setattr(rule_documents, "keep", slow)
    saving = asyncio.ensure_future(second.book.save(STRICT))
    await asyncio.to_thread(writing.wait, 20)
    asked = asyncio.Event()

    async def ask(_request: httpx.Request) -> None:
        asked.set()

    second.line.before = ask
    second.book.look_soon()
    await asyncio.wait_for(asked.wait(), 20)
    goes_on.set()
    assert await saving is None
    # Both are the first change of their till: the relay’s stands, and the other hears of it.
    await second.becomes(RulesStanding.IN_FORCE, OPEN)
    assert len(second.notices) == 1


async def test_what_the_relay_does_not_take_is_said_with_its_words(shop: Any) -> None:
    till = await shop()
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    till.line.instead = httpx.Response(400, json={"error": "closed must hold pairs"})
    await till.book.save(STRICT)
    await till.becomes(RulesStanding.REFUSED, STRICT)
    assert "closed must hold pairs" in till.book.current.trouble


async def test_rules_that_this_till_cannot_read_are_kept_in_force_and_judged_by_nobody_here(shop: Any) -> None:
    till = await shop()
    headers = {"Authorization": f"Bearer {till.pairing.token}"}
    odd = {"min": 0, "version": 4}
    assert (await till.http.put(f"{RELAY_URL}/v1/rules", json=odd, headers=headers)).status_code == 200
    till.connect()
    await till.becomes(RulesStanding.UNREADABLE)
    assert till.book.rules is None
    await till.book.save(STRICT)
    await till.becomes(RulesStanding.IN_FORCE, STRICT)


async def test_without_a_relay_and_with_a_full_disk_nothing_is_saved(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = await shop()
    refused = await till.book.save(STRICT)
    assert isinstance(refused, Refused)
    assert "not paired" in refused.sentence
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    till.database.failure = StoreError("Stop taking money here.")
    assert await till.book.save(STRICT) == Refused("Stop taking money here.")
    assert till.book.current == RulesChanged(OPEN, RulesStanding.IN_FORCE)
    till.database.failure = None


@pytest.mark.usefixtures("in_a_hurry")
async def test_a_try_that_fails_is_logged_and_made_again(
    shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    till, keep, failing = await shop(), rule_documents.keep, [True]

    def fails_once(*given: Any) -> None:
        if failing:
            failing.clear()
            raise ZeroDivisionError
        keep(*given)

    monkeypatch.setattr(rule_documents, "keep", fails_once)
    till.connect()
    await till.becomes(RulesStanding.IN_FORCE)
    assert "could not be settled" in caplog.text


# The till's own verdict.

E37 = {
    "TransactionType": "Pay Bill",
    "TransID": "UJE2A9C4KF",
    "TransTime": "20261014160501",
    "TransAmount": "500.00",
    "BusinessShortCode": "174379",
    "BillRefNumber": "HSE 12B",
    "OrgAccountBalance": "",
    "MSISDN": "2547 ***** 678",
    "FirstName": "JOHN",
}


@asynccontextmanager
async def nothing_moves(desk: Any) -> AsyncIterator[None]:
    """What is asked about never reaches the till’s records."""

    async def written() -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = await desk.database.read(
            lambda connection: connection.execute(
                "SELECT id FROM payment UNION ALL SELECT id FROM evidence UNION ALL SELECT id FROM parked_event"
            ).fetchall()
        )
        return found

    before, told = await written(), len(desk.told)
    yield
    assert (await written(), len(desk.told)) == (before, told)


@pytest.mark.parametrize(
    ("rules", "said", "code"),
    [
        (OPEN, {}, "0"),
        (STRICT, {}, "0"),
        (STRICT, {"BillRefNumber": "hse-12b"}, "0"),
        (STRICT, {"BillRefNumber": "HSE 99"}, "C2B00012"),
        (STRICT, {"TransAmount": "19.00"}, "C2B00013"),
        (STRICT, {"TransAmount": "what"}, "0"),
        (replace(STRICT, accepts_by_default=False), {"TransAmount": "what"}, "C2B00016"),
        (ValidationRules(closed=(ClosedHours(time(0), time(12)), ClosedHours(time(12), time(0)))), {}, "C2B00016"),
    ],
)
async def test_a_till_judges_by_the_rules_and_keeps_nothing(
    desk: Any, rules: ValidationRules, said: dict[str, str], code: str
) -> None:
    judge = Judge(desk.database, lambda: rules, "T1", desk.now)
    async with nothing_moves(desk):
        assert await judge({**E37, **said}) == code


async def test_the_account_of_a_sale_that_is_open_here_and_of_a_charge_on_its_way_is_known(desk: Any) -> None:
    judge = Judge(desk.database, lambda: STRICT, "T1", desk.now)
    sale, charge = await desk.sale(), await desk.charged()
    assert await judge({**E37, "BillRefNumber": f"t1 {sale.number}"}) == "0"
    assert await judge({**E37, "BillRefNumber": charge.account_reference}) == "0"
    assert await judge({**E37, "BillRefNumber": f"T2-{sale.number}"}) == "C2B00012"
    await desk.sales.void(sale.id)
    assert await judge({**E37, "BillRefNumber": f"T1-{sale.number}"}) == "C2B00012"


async def test_without_knowing_the_rules_a_till_says_nothing(desk: Any) -> None:
    assert await Judge(desk.database, lambda: None, "T1")(E37) == ""


async def test_the_relays_record_of_a_question_is_no_payment(desk: Any) -> None:
    desk.log.say("c2b.validation", "val:UJE2A9C4KF", E37)
    await desk.pump()
    assert await desk.standing() == ()
    assert not await desk.received()


_amounts = st.none() | st.integers(1, 100).map(Money.shillings)
_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
_hours = st.builds(ClosedHours, _times, _times).filter(lambda hours: hours.begins != hours.ends)
_references = st.sampled_from(["HSE 12B", "hse-12b", "T1-142", "t1 142", "X", "", "--"])
_rules = st.builds(
    ValidationRules,
    minimum=_amounts,
    maximum=_amounts,
    references=st.none() | st.lists(_references.filter(str.isalnum), max_size=3).map(tuple),
    closed=st.lists(_hours, max_size=2).map(tuple),
    accepts_by_default=st.booleans(),
)


@settings(deadline=None, derandomize=True, database=None)
@given(rules=_rules, amount=_amounts, reference=_references, at=st.datetimes(timezones=st.just(UTC)))
def test_the_relay_and_the_till_judge_alike(
    rules: ValidationRules, amount: Money | None, reference: str, at: datetime
) -> None:
    if rules.minimum and rules.maximum and rules.minimum > rules.maximum:
        rules = replace(rules, maximum=None)
    document = relay_rules.parse(httpx.Request("PUT", RELAY_URL, json=document_of(rules)).content)
    asked = relay_rules.Asked("UJE2A9C4KF", amount.cents if amount else None, reference)
    assert relay_rules.verdict(document, asked, at) == verdict(rules, ValidationRequest(amount, reference), at)
