"""Claims: of all tills that want one payment one wins, and every till sees which (money-safety C3, I3)."""

import asyncio
import json
import threading
from typing import Any

import msgspec
import pytest
from database_server import ON_A_FILE
from sqlalchemy import Connection, event

from relay import protocol
from relay.protocol import Claim
from relay.stores import claims
from relay.stores.sequence import Incoming, Meta

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
RECEIPT = "UJE7K2M9QX"


@pytest.fixture
async def tills(bench: Any) -> list[Any]:
    bench.add_shop("Duka")
    return [await bench.pair("Duka", f"Till {number}") for number in (1, 2)]


async def ask(bench: Any, till: Any, path: str, **said: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {till.token}"}
    reply = await bench.post(path, json.dumps(said).encode(), headers=headers)
    return reply.status, json.loads(reply.body)


async def claim(bench: Any, till: Any, receipt: str = RECEIPT, sale: str = "142", **said: Any) -> tuple[int, Any]:
    return await ask(bench, till, protocol.CLAIMS_PATH, receipt=receipt, sale=sale, **said)


async def release(bench: Any, till: Any, generation: int = 1, **said: Any) -> tuple[int, Any]:
    return await ask(bench, till, protocol.RELEASES_PATH, receipt=RECEIPT, generation=generation, **said)


async def pay(bench: Any, till: Any, bodies: Any, receipt: str = RECEIPT, **more: Any) -> None:
    path = till.callback_base.removeprefix("http://relay.test") + "/c2b/confirm"
    assert (await bench.post(path, bodies.c2b(receipt=receipt), **more)).status == 200


async def told(bench: Any, till: Any) -> list[tuple[str, str]]:
    return [(event.kind, event.key) for event in await bench.events(till)]


async def test_the_first_till_wins_and_the_second_is_told_who_has_it(bench: Any, tills: Any, bodies: Any) -> None:
    one, two = tills
    await pay(bench, one, bodies)
    status, won = await claim(bench, one, cashier="Wanjiku")
    assert status == 200
    assert (won["till_id"], won["till"], won["sale"], won["cashier"]) == (one.till_id, "Till 1", "142", "Wanjiku")
    status, lost = await claim(bench, two, sale="7")
    assert (status, lost["error"], lost["claim"]) == (409, "taken", won)
    assert await told(bench, two) == [
        ("c2b.confirmation", f"c2b:600966:{RECEIPT}"),
        ("claim", f"claim:{RECEIPT}:1"),
    ]


async def test_asking_again_after_a_lost_answer_is_the_same_claim(bench: Any, tills: Any, bodies: Any) -> None:
    await pay(bench, tills[0], bodies)
    first = await claim(bench, tills[0])
    assert await claim(bench, tills[0]) == first
    assert len(await told(bench, tills[0])) == 2


async def test_a_till_cannot_use_it_for_two_of_its_own_sales(bench: Any, tills: Any, bodies: Any) -> None:
    await pay(bench, tills[0], bodies)
    await claim(bench, tills[0], sale="142")
    status, lost = await claim(bench, tills[0], sale="143")
    assert (status, lost["claim"]["sale"]) == (409, "142")


async def test_what_never_came_cannot_be_claimed(bench: Any, tills: Any) -> None:
    assert await claim(bench, tills[0]) == (404, {"error": "unknown receipt", "claim": None, "nonce": ""})


async def test_another_shops_payment_never_came(bench: Any, tills: Any, bodies: Any) -> None:
    bench.add_shop("Soko")
    other = await bench.pair("Soko")
    await pay(bench, other, bodies)
    assert (await claim(bench, tills[0]))[0] == 404


async def test_a_payment_of_unknown_origin_cannot_be_claimed(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, bodies, client="203.0.113.9")
        assert (await claim(bench, till))[1]["error"] == "quarantined"
        (held,) = await bench.events(till)
        named = {"key": held.key, "body_sha256": held.body_sha256[:32]}
        assert await ask(bench, till, protocol.PROMOTIONS_PATH, **named) == (200, {"new": True})
        assert (await claim(bench, till))[0] == 200


async def test_a_released_payment_is_claimed_anew_as_the_next_generation(bench: Any, tills: Any, bodies: Any) -> None:
    one, two = tills
    await pay(bench, one, bodies)
    await claim(bench, one)
    status, given_up = await release(bench, one, reason="wrong sale", cashier="Otieno")
    assert (status, given_up["reason"], given_up["cashier"]) == (200, "wrong sale", "Otieno")
    assert (await release(bench, one))[0] == 200  # said again
    status, won = await claim(bench, two, sale="7")
    assert (status, won["generation"], won["till"]) == (200, 2, "Till 2")
    assert [key for _, key in await told(bench, two)][1:] == [
        f"claim:{RECEIPT}:1",
        f"release:{RECEIPT}:1",
        f"claim:{RECEIPT}:2",
    ]


async def test_only_who_holds_it_releases_it_and_only_as_it_is_held(bench: Any, tills: Any, bodies: Any) -> None:
    one, two = tills
    await pay(bench, one, bodies)
    assert await release(bench, one) == (409, {"error": "not held", "claim": None, "nonce": ""})
    _, held = await claim(bench, one)
    assert await release(bench, two) == (409, {"error": "not held", "claim": held, "nonce": ""})
    assert (await release(bench, one, generation=2))[0] == 409


async def test_a_charge_claims_its_receipt_for_the_till_that_asked(bench: Any, tills: Any, bodies: Any) -> None:
    one, two = tills
    nonce = protocol.make_nonce(one.nonce_key)
    path = one.callback_base.removeprefix("http://relay.test") + f"/stk/{nonce}"
    await bench.post(path, bodies.stk(receipt=RECEIPT))
    await pay(bench, one, bodies)
    assert await claim(bench, two) == (409, {"error": "taken", "claim": None, "nonce": nonce})
    assert (await claim(bench, one, nonce=nonce))[0] == 200


async def test_a_forged_charge_claims_nothing(bench: Any, tills: Any, bodies: Any) -> None:
    path = tills[0].callback_base.removeprefix("http://relay.test") + "/stk/" + "0" * 32
    await bench.post(path, bodies.stk(receipt=RECEIPT))
    assert (await claim(bench, tills[1]))[1]["error"] == "quarantined"
    await pay(bench, tills[0], bodies)
    assert (await claim(bench, tills[1]))[0] == 200


@pytest.mark.parametrize(
    "said", [{"receipt": "abc"}, {"receipt": ""}, {"sale": ""}, {"sale": "x" * 33}, {"receipt": "A" * 33}]
)
async def test_a_claim_that_names_nothing_is_refused(bench: Any, tills: Any, said: dict[str, str]) -> None:
    assert (await claim(bench, tills[0], **{"receipt": RECEIPT, "sale": "1"} | said))[0] == 400


async def test_a_release_that_names_nothing_is_refused(bench: Any, tills: Any) -> None:
    assert (await ask(bench, tills[0], protocol.RELEASES_PATH, receipt="?", generation=1))[0] == 400


@pytest.mark.parametrize("body", [b"", b"[]", b'{"receipt":7}', b"[" * 50_000])
async def test_what_cannot_be_read_is_refused(bench: Any, tills: Any, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {tills[0].token}"}
    assert (await bench.post(protocol.CLAIMS_PATH, body, headers=headers)).status == 400


async def test_who_hangs_up_while_asking_is_not_answered(bench: Any, tills: Any) -> None:
    headers = {"Authorization": f"Bearer {tills[0].token}"}
    assert (await bench.post(protocol.CLAIMS_PATH, b"{", headers=headers, ending="gone")).status == 0


async def test_a_stranger_claims_nothing(bench: Any, tills: Any) -> None:
    assert (await bench.post(protocol.CLAIMS_PATH, b"{}")).status == 401


async def test_many_tills_at_once_have_one_winner_for_each_payment(bench: Any, bodies: Any) -> None:
    bench.add_shop("Duka")
    tills = [await bench.pair("Duka", f"Till {number}") for number in range(8)]
    receipts = [f"UJE7K2M{number:03d}" for number in range(25)]
    for receipt in receipts:
        await pay(bench, tills[0], bodies, receipt)
    races = [claim(bench, till, receipt) for receipt in receipts for till in tills]
    results = await asyncio.gather(*races)
    for at, receipt in enumerate(receipts):
        statuses = [status for status, _ in results[at * len(tills) : (at + 1) * len(tills)]]
        assert sorted(statuses) == [200] + [409] * 7, receipt
    events = [key for kind, key in await told(bench, tills[3]) if kind == "claim"]
    assert sorted(events) == sorted(f"claim:{receipt}:1" for receipt in receipts)


async def test_a_listening_till_sees_a_claim_at_once_and_the_chain_holds(bench: Any, tills: Any, bodies: Any) -> None:
    await pay(bench, tills[0], bodies)
    socket = await bench.connect(tills[1])
    first = (await socket.until(protocol.Event))[-1]
    await claim(bench, tills[0])
    second = (await socket.until(protocol.Event))[-1]
    epoch = (await bench.relay._log.head(tills[0].stream)).epoch
    assert second.kind == "claim"
    assert second.follows(protocol.Cursor(epoch, first.seq, first.chain))
    await pay(bench, tills[0], bodies, "UJE7K2M9QY")
    third = (await socket.until(protocol.Event))[-1]
    assert third.follows(protocol.Cursor(epoch, second.seq, second.chain))


async def test_a_claim_whose_caller_went_away_is_told_to_all_the_same(
    bench: Any, tills: Any, bodies: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(bench, tills[0], bodies)
    socket = await bench.connect(tills[1])
    await socket.until(protocol.CaughtUp)
    hangs, log, asked = threading.Event(), bench.relay._log, asyncio.Event()
    append_if = log.append_if

    def noted(*given: Any) -> Any:
        asked.set()
        return append_if(*given)

    monkeypatch.setattr(log, "append_if", noted)
    stuck = asyncio.ensure_future(log.run(lambda _connection: hangs.wait(20)))
    await eventually(log._writer._queue.empty)
    asking = asyncio.ensure_future(claim(bench, tills[0]))
    await asked.wait()
    await eventually(lambda: not log._writer._queue.empty())
    asking.cancel()
    await asyncio.wait({asking})
    hangs.set()
    await stuck
    assert (await socket.until(protocol.Event))[-1].kind == "claim"


def generations(stream: str, first: int, last: int) -> list[Incoming]:
    made = [Claim(RECEIPT, number, "t", "T", f"{number}", "", "") for number in range(first, last + 1)]
    return [
        Incoming.of(stream, kind, f"{kind}:{RECEIPT}:{claim.generation}", msgspec.json.encode(claim), Meta(1))
        for claim in made
        for kind in ("claim", "release")
    ]


async def test_the_newest_claim_is_found_however_many_there_are(bench: Any, tills: Any) -> None:
    log, stream = bench.relay._log, tills[0].stream
    stream_id = (await log.head(stream)).stream_id

    async def found(*said: Incoming) -> tuple[int, bool] | None:
        await log.append_if(stream, lambda _connection, _head: (list(said), None))
        held = await log.run(lambda connection: claims.latest(connection, stream_id, RECEIPT))
        return held and (held.claim.generation, held.stands)

    assert await found() is None
    for number in range(1, 35):
        made, given_up = generations(stream, number, number)
        assert await found(made) == (number, True)
        assert await found(given_up) == (number, False)


async def test_a_till_that_claims_and_releases_without_end_makes_no_claim_slow(bench: Any, tills: Any) -> None:
    log, stream = bench.relay._log, tills[0].stream
    stream_id = (await log.head(stream)).stream_id
    for first in range(1, 1000, 25):
        said = generations(stream, first, first + 24)
        await log.append_if(stream, lambda _connection, _head, said=said: (said, None))
    asked: list[str] = []

    def counted(connection: Connection) -> claims.Held | None:
        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        try:
            return claims.latest(connection, stream_id, RECEIPT)
        finally:
            event.remove(connection, "before_cursor_execute", note)

    held = await log.run(counted)
    assert (held.claim.generation, held.stands) == (1000, False)
    assert 0 < len(asked) <= 25


@ON_A_FILE
async def test_a_receipt_is_found_by_its_index_however_long_the_log(bench: Any, tills: Any) -> None:
    of_charge = "SELECT 1 FROM event_key WHERE kind = 'stk' AND receipt = 'X' AND stream_id = 1"
    of_confirmation = "SELECT 1 FROM event_key WHERE key_end = 'X' AND key_start >= 'c2b:' AND key_start < 'c2b;'"

    def plan(connection: Any, query: str) -> str:
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())

    assert "INDEX event_stk_receipt" in bench.in_store(lambda connection: plan(connection, of_charge))
    assert "event_identity" in (said := bench.in_store(lambda connection: plan(connection, of_confirmation))) or (
        "autoindex_event" in said
    )
