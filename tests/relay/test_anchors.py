"""Anchors of a till's audit log: what was anchored can no longer be cut off unnoticed (money-safety §5, row 11)."""

import json
from typing import Any

import pytest

from relay.protocol import ANCHORS_PATH, PairResponse

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]

MAC, OTHER = "a" * 64, "b" * 64


async def anchor(bench: Any, till: PairResponse, seq: object, mac: str = MAC) -> tuple[int, Any]:
    body = json.dumps({"seq": seq, "mac": mac}).encode()
    reply = await bench.post(ANCHORS_PATH, body, headers={"Authorization": f"Bearer {till.token}"})
    return reply.status, json.loads(reply.body)


async def held(bench: Any, till: PairResponse) -> tuple[int, Any]:
    reply = await bench.request("GET", ANCHORS_PATH, headers={"Authorization": f"Bearer {till.token}"})
    return reply.status, json.loads(reply.body)


async def test_an_anchor_is_kept_and_is_an_event_of_the_log(bench: Any, till: PairResponse) -> None:
    assert (await held(bench, till))[0] == 404
    status, said = await anchor(bench, till, 7)
    assert (status, said["seq"], said["mac"], said["till_id"]) == (200, 7, MAC, till.till_id)
    assert said["at"].endswith("Z")
    assert await held(bench, till) == (200, said)
    (event,) = await bench.events(till)
    assert (event.kind, event.key, event.src) == ("anchor", f"anchor:{till.till_id}", "till")


async def test_the_same_anchor_again_is_one_event_and_a_later_one_is_the_next(bench: Any, till: PairResponse) -> None:
    for seq, mac in ((7, MAC), (7, MAC), (9, OTHER), (9, OTHER)):
        assert (await anchor(bench, till, seq, mac))[0] == 200
    assert [event.rev for event in await bench.events(till)] == [0, 1]
    assert (await held(bench, till))[1]["seq"] == 9


async def test_a_log_that_was_cut_or_rewritten_is_told_the_end_that_is_known(bench: Any, till: PairResponse) -> None:
    await anchor(bench, till, 9)
    for seq, mac in ((8, OTHER), (9, OTHER)):
        status, said = await anchor(bench, till, seq, mac)
        assert (status, said["error"], said["anchor"]["seq"]) == (409, "an older audit log", 9)
    assert len(await bench.events(till)) == 1


async def test_each_till_has_its_own_anchor(bench: Any, till: PairResponse) -> None:
    second = await bench.pair("Duka", "till two")
    await anchor(bench, till, 9)
    assert (await held(bench, second))[0] == 404
    assert (await anchor(bench, second, 1))[0] == 200
    assert (await held(bench, till))[1]["seq"] == 9


@pytest.mark.parametrize(("seq", "mac"), [(0, MAC), (-1, MAC), (1, "a" * 63), (1, "A" * 64), ("x", MAC)])
async def test_what_is_no_anchor_is_refused(bench: Any, till: PairResponse, seq: object, mac: str) -> None:
    assert (await anchor(bench, till, seq, mac))[0] == 400
    assert await bench.events(till) == []
