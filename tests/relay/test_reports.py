"""What tills report: Pull rows that the log lacks, quarantined callbacks that Safaricom confirmed to the till."""

import json
from typing import Any

import pytest

from relay import protocol

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]


def row(receipt: str, amount: str = "150.00") -> dict[str, str]:
    return {"transactionId": receipt, "trxDate": "2026-10-14T12:30:12Z", "amount": amount, "billreference": "T1-7-1"}


async def ask(bench: Any, till: Any, path: str, said: Any) -> tuple[int, Any]:
    reply = await bench.post(path, json.dumps(said).encode(), headers={"Authorization": f"Bearer {till.token}"})
    return reply.status, json.loads(reply.body)


async def pulled(bench: Any, till: Any, *rows: Any, short_code: str = "600966") -> tuple[int, Any]:
    return await ask(bench, till, protocol.PULLED_PATH, {"short_code": short_code, "rows": rows})


async def pay(bench: Any, till: Any, body: bytes, client: str = "127.0.0.1") -> None:
    path = till.callback_base.removeprefix("http://relay.test") + "/c2b/confirm"
    await bench.post(path, body, client=client)


async def test_a_payment_that_was_never_called_back_is_told_to_every_till(bench: Any, till: Any, bodies: Any) -> None:
    await pay(bench, till, bodies.c2b(receipt="UJE7K2M9QX"))
    status, said = await pulled(bench, till, row("UJE7K2M9QX"), row("UJE7K2M9QY"))
    assert (status, said) == (200, {"new": 1, "known": 1, "unreadable": 0})
    event = (await bench.events(till))[-1]
    assert (event.kind, event.key, event.src, event.trust) == ("c2b.pulled", "c2b:600966:UJE7K2M9QY", "pull", "trusted")
    assert json.loads(bytes(event.body)) == row("UJE7K2M9QY")


async def test_two_tills_that_pull_the_same_row_append_it_once(bench: Any, till: Any) -> None:
    other = await bench.pair("Duka", "Till 2")
    assert (await pulled(bench, till, row("UJE7K2M9QX")))[1]["new"] == 1
    assert (await pulled(bench, other, row("UJE7K2M9QX"), row("UJE7K2M9QX")))[1]["new"] == 0
    assert len(await bench.events(till)) == 1


async def test_the_confirmation_that_comes_after_all_is_the_same_payment(bench: Any, till: Any, bodies: Any) -> None:
    await pulled(bench, till, row("UJE7K2M9QX"))
    await pay(bench, till, bodies.c2b(receipt="UJE7K2M9QX"))
    assert len(await bench.events(till)) == 1


async def test_a_row_that_cannot_be_read_is_counted_and_the_others_are_kept(bench: Any, till: Any) -> None:
    status, said = await pulled(bench, till, "x", {}, {"transactionId": 7}, row("UJE7K2M9QX"))
    assert (status, said) == (200, {"new": 1, "known": 0, "unreadable": 3})


async def test_too_many_rows_or_no_short_code_are_refused(bench: Any, till: Any) -> None:
    assert (await pulled(bench, till, *[row("UJE7K2M9QX")] * 101))[0] == 400
    assert (await pulled(bench, till, short_code="shop"))[0] == 400
    assert await bench.events(till) == []


async def test_what_was_held_back_and_found_true_is_told_again_as_trusted(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, bodies.c2b(), client="203.0.113.9")
        (held,) = await bench.events(till)
        assert held.trust == "quarantined"
        assert await ask(bench, till, protocol.PROMOTIONS_PATH, {"key": held.key, "body_sha256": held.body_sha256}) == (
            200,
            {"new": True},
        )
        assert await ask(bench, till, protocol.PROMOTIONS_PATH, {"key": held.key, "body_sha256": held.body_sha256}) == (
            200,
            {"new": False},
        )
        _, again = await bench.events(till)
        assert (again.key, again.rev, again.trust, again.src) == (held.key, 1, "trusted", "till")
        assert bytes(again.body) == bytes(held.body)


async def test_a_forgery_that_came_under_the_same_name_is_not_what_was_found_true(
    settings: Any, running: Any, changed: Any, bodies: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, bodies.c2b(amount="150.00"), client="203.0.113.9")
        await pay(bench, till, bodies.c2b(amount="90000.00"), client="203.0.113.9")
        true, forged = await bench.events(till)
        assert true.key == forged.key
        named = {"key": true.key, "body_sha256": true.body_sha256[:32]}
        assert await ask(bench, till, protocol.PROMOTIONS_PATH, named) == (200, {"new": True})
        assert (await bench.events(till))[-1].raw == true.raw
        for digest in ("", "0", "g" * 32):
            assert (await ask(bench, till, protocol.PROMOTIONS_PATH, {**named, "body_sha256": digest}))[0] == 400


async def test_an_event_that_is_not_there_cannot_be_promoted(bench: Any, till: Any) -> None:
    assert (
        await ask(bench, till, protocol.PROMOTIONS_PATH, {"key": "c2b:600966:UJE7K2M9QX", "body_sha256": "0" * 32})
    )[0] == 404


async def test_a_forged_body_that_is_no_json_is_told_again_to_the_byte(
    settings: Any, running: Any, changed: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        await pay(bench, till, b"\xff\xfe", client="203.0.113.9")
        (held,) = await bench.events(till)
        assert (await ask(bench, till, protocol.PROMOTIONS_PATH, {"key": held.key, "body_sha256": held.body_sha256}))[
            0
        ] == 200
        assert [event.raw for event in await bench.events(till)] == [held.raw, held.raw]
