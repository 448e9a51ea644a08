"""C2B validation at the relay: answered by rules in time, whatever the store does, and recorded afterwards."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from relay import protocol
from relay.protocol import CAP_VALIDATE, Hello, StreamCursor, Validate, Verdict
from relay.stores import directory

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]

E37 = (
    b'{"TransactionType":"Pay Bill","TransID":"UJE2A9C4KF","TransTime":"20261014160501","TransAmount":"500.00",'
    b'"BusinessShortCode":"600966","BillRefNumber":"HSE 12B","InvoiceNumber":"","OrgAccountBalance":"",'
    b'"ThirdPartyTransID":"","MSISDN":"2547 ***** 678","FirstName":"JOHN","MiddleName":"","LastName":""}'
)


def path_of(till: Any, tail: str = "/c2b/validate") -> str:
    return str(till.callback_base).removeprefix("http://relay.test") + tail


async def validate(bench: Any, till: Any, body: bytes = E37, **more: Any) -> dict[str, Any]:
    reply = await bench.post(path_of(till), body, **more)
    assert reply.status == 200
    said: dict[str, Any] = json.loads(reply.body)
    return said


async def set_rules(bench: Any, till: Any, **document: Any) -> Any:
    headers = {"Authorization": f"Bearer {till.token}"}
    return await bench.request("PUT", protocol.RULES_PATH, json.dumps(document).encode(), headers=headers)


async def recorded(bench: Any, till: Any) -> list[Any]:
    await bench.relay._log.run(lambda _connection: None)  # whatever was put before is durable then
    return [event for event in await bench.events(till) if event.kind == protocol.KIND_C2B_VALIDATION]


async def test_e38_without_rules_a_payment_is_accepted_and_recorded_with_its_body(bench: Any, till: Any) -> None:
    said = await validate(bench, till)
    assert (said["ResultCode"], said["ResultDesc"]) == ("0", "Accepted")
    (event,) = await recorded(bench, till)
    assert (event.key, event.receipt, bytes(event.body)) == ("val:UJE2A9C4KF", "UJE2A9C4KF", E37)


async def test_no_credential_is_kept_of_a_question_either(bench: Any, till: Any) -> None:
    await validate(bench, till, E37[:-1] + b',"SecurityCredential":"' + b"Q2FuYXJ5" * 43 + b'"}')
    (event,) = await recorded(bench, till)
    assert bytes(event.body) == E37[:-1] + b',"SecurityCredential":""}'


async def test_e40_a_rule_refuses_and_nothing_else_is_said(bench: Any, till: Any) -> None:
    assert (await set_rules(bench, till, references=["HSE 12A"])).status == 200
    assert await validate(bench, till) == {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}


async def test_e39_the_confirmation_that_brings_back_our_own_id_is_trusted_from_anywhere(
    settings: Any, running: Any, changed: Any
) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        echo = (await validate(bench, till, client="196.201.214.200"))["ThirdPartyTransID"]
        confirmed = json.loads(E37) | {"ThirdPartyTransID": echo}
        forged = confirmed | {"ThirdPartyTransID": "V000000000000000", "TransID": "UJE2A9C4KG"}
        for body in (confirmed, forged, confirmed | {"TransID": "UJE2A9C4KH"}):
            await bench.post(path_of(till, "/c2b/confirm"), json.dumps(body).encode(), client="203.0.113.9")
        trust = {event.receipt: event.trust for event in await bench.events(till) if event.kind == "c2b.confirmation"}
        assert trust == {"UJE2A9C4KF": "trusted", "UJE2A9C4KG": "quarantined", "UJE2A9C4KH": "quarantined"}


async def test_a_caller_that_is_not_listed_never_learns_the_echo(settings: Any, running: Any, changed: Any) -> None:
    async with running(changed(settings, source_ips=frozenset({"196.201.214.200"}))) as bench:
        bench.add_shop("Duka")
        till = await bench.pair("Duka")
        assert "ThirdPartyTransID" not in await validate(bench, till, client="203.0.113.9")
        assert [event.trust for event in await recorded(bench, till)] == ["quarantined"]


async def test_rules_survive_a_restart_and_belong_to_one_shop(settings: Any, running: Any) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        bench.add_shop("Soko")
        till, other = await bench.pair("Duka"), await bench.pair("Soko")
        assert (await set_rules(bench, till, max=100)).status == 200
        assert (await validate(bench, other))["ResultCode"] == "0"
    async with running(settings) as again:
        assert (await validate(again, till))["ResultCode"] == "C2B00013"


async def get_rules(bench: Any, till: Any) -> dict[str, Any]:
    reply = await bench.request("GET", protocol.RULES_PATH, headers={"Authorization": f"Bearer {till.token}"})
    assert reply.status == 200
    held: dict[str, Any] = json.loads(reply.body)
    return held


async def test_every_till_of_the_shop_can_ask_for_its_rules(bench: Any, till: Any) -> None:
    nothing = {"min": None, "max": None, "references": None, "closed": [], "default": "accept", "ask": False}
    assert await get_rules(bench, till) == {**nothing, "version": 0}
    await set_rules(bench, till, max=100, version=1)
    assert await get_rules(bench, await bench.pair("Duka", "till two")) == {**nothing, "max": 100, "version": 1}


async def test_an_older_document_never_takes_the_place_of_a_newer_one(bench: Any, till: Any) -> None:
    """Two tills keep one each, and bring it again whenever the relay lost its own."""
    assert (await set_rules(bench, till, max=100, version=2)).status == 200
    for late in ({"max": 900, "version": 1}, {"max": 900, "version": 2}):
        refused = await set_rules(bench, till, **late)
        assert (refused.status, protocol.error_of(refused.body)) == (409, protocol.ERROR_NEWER_RULES)
    assert (await set_rules(bench, till, max=100, version=2)).status == 200  # the answer to the first was lost
    assert (await validate(bench, till))["ResultCode"] == "C2B00013"
    assert (await set_rules(bench, till, version=3)).status == 200
    assert (await validate(bench, till))["ResultCode"] == "0"


@pytest.mark.parametrize(("document", "field"), [({"min": -5}, "min"), ({"colour": 1}, "colour")])
async def test_wrong_rules_are_refused_by_name_and_the_old_ones_stay(
    bench: Any, till: Any, document: dict[str, Any], field: str
) -> None:
    await set_rules(bench, till, max=100)
    refused = await set_rules(bench, till, **document)
    assert refused.status == 400
    assert field in json.loads(refused.body)["error"]
    assert (await validate(bench, till))["ResultCode"] == "C2B00013"


async def test_rules_are_for_paired_tills_alone(bench: Any, till: Any) -> None:
    assert (await bench.request("PUT", protocol.RULES_PATH, b"{}")).status == 401
    bench.in_store(lambda connection: directory.revoke(connection, till.till_id, 1))
    assert (await set_rules(bench, till)).status == 403


NESTED = E37[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}"
"""More than any reader of callbacks takes: a till may not be able to read it, and would come back for it for ever."""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"TransID":7}', E37.replace(b"UJE2A", b"\\u0000"), NESTED])
async def test_what_cannot_be_read_is_answered_by_the_default(bench: Any, till: Any, body: bytes) -> None:
    assert (await validate(bench, till, body))["ResultCode"] == "0"
    await set_rules(bench, till, default="reject")
    assert (await validate(bench, till, body))["ResultCode"] == "C2B00016"
    assert await recorded(bench, till) == []


async def test_a_body_that_never_ends_is_answered_within_a_second(bench: Any, till: Any) -> None:
    began = time.monotonic()
    assert (await validate(bench, till, E37[:40], ending="stalls"))["ResultCode"] == "0"
    assert time.monotonic() - began < 1


async def test_who_hangs_up_is_not_answered(bench: Any, till: Any) -> None:
    assert (await bench.post(path_of(till), E37[:40], ending="gone")).status == 0


async def test_a_false_key_and_another_method_are_refused(bench: Any, till: Any) -> None:
    assert (await bench.post("/h/" + "0" * 32 + "/c2b/validate", E37)).status == 404
    assert (await bench.request("GET", path_of(till))).status == 405


async def test_it_never_waits_for_the_log(bench: Any, till: Any) -> None:
    """It has a second, and a disk that hangs may not take it."""
    await validate(bench, till)
    hangs = threading.Event()
    stuck = asyncio.ensure_future(bench.relay._log.run(lambda _connection: hangs.wait(20)))
    try:
        began = time.monotonic()
        body = E37.replace(b"UJE2A9C4KF", b"UJE2A9C4KZ")
        assert (await validate(bench, till, body))["ResultCode"] == "0"
        assert time.monotonic() - began < 0.2
    finally:
        hangs.set()
        await stuck
    assert len(await recorded(bench, till)) == 2


async def test_rules_that_cannot_be_read_in_time_stop_nobody_from_paying(bench: Any, till: Any) -> None:
    hangs = threading.Event()
    await bench.post(path_of(till, "/c2b/confirm"), E37)  # so that the shop is known
    stuck = asyncio.ensure_future(bench.relay._log.ask(lambda _connection: hangs.wait(20)))
    try:
        began = time.monotonic()
        assert (await validate(bench, till))["ResultCode"] == "0"
        assert time.monotonic() - began < 1
    finally:
        hangs.set()
        await stuck


async def asked_till(bench: Any, till: Any, caps: list[str]) -> Any:
    socket = bench.socket(till.token)
    await socket.raw()
    socket.say(Hello([StreamCursor(till.stream)], caps=caps))
    await socket.until(protocol.CaughtUp)
    return socket


async def test_a_till_that_is_asked_decides(bench: Any, till: Any) -> None:
    await set_rules(bench, till, ask=True)
    socket = await asked_till(bench, till, [CAP_VALIDATE])
    answer = asyncio.ensure_future(validate(bench, till))
    question = (await socket.until(Validate))[-1]
    assert (bytes(question.body), question.deadline_ms) == (E37, 3000)
    socket.say(Verdict("another question", "0"))
    socket.say(Verdict(question.id, "C2B00012"))
    socket.say(Verdict(question.id, "0"))
    assert (await answer)["ResultCode"] == "C2B00012"


async def test_a_code_that_daraja_does_not_know_is_not_passed_on(bench: Any, till: Any) -> None:
    await set_rules(bench, till, ask=True)
    socket = await asked_till(bench, till, [CAP_VALIDATE])
    answer = asyncio.ensure_future(validate(bench, till))
    socket.say(Verdict((await socket.until(Validate))[-1].id, "7"))
    assert (await answer)["ResultCode"] == "0"


async def test_tills_that_cannot_answer_are_not_asked(bench: Any, till: Any) -> None:
    await set_rules(bench, till, ask=True)
    await asked_till(bench, till, [])
    began = time.monotonic()
    assert (await validate(bench, till))["ResultCode"] == "0"
    assert time.monotonic() - began < 1


async def test_a_till_that_says_nothing_is_waited_for_three_seconds(
    bench: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.validation.ASK_SECONDS", 0.05)
    await set_rules(bench, till, ask=True, default="reject")
    await asked_till(bench, till, [CAP_VALIDATE])
    assert (await validate(bench, till))["ResultCode"] == "C2B00016"


async def test_an_account_that_no_list_has_may_be_a_sale_of_a_till(bench: Any, till: Any) -> None:
    await set_rules(bench, till, ask=True, references=["HSE 12A"], default="reject")
    socket = await asked_till(bench, till, [CAP_VALIDATE])
    answer = asyncio.ensure_future(validate(bench, till))
    socket.say(Verdict((await socket.until(Validate))[-1].id, "0"))
    assert (await answer)["ResultCode"] == "0"


@pytest.mark.parametrize(("second", "code"), [("0", "0"), ("C2B00013", "C2B00013")])
async def test_what_one_till_refuses_another_may_know(bench: Any, till: Any, second: str, code: str) -> None:
    await set_rules(bench, till, ask=True)
    tills = [till, await bench.pair("Duka", "till two")]
    sockets = [await asked_till(bench, one, [CAP_VALIDATE]) for one in tills]
    answer = asyncio.ensure_future(validate(bench, till))
    for socket, verdict in zip(sockets, ("C2B00012", second), strict=True):
        socket.say(Verdict((await socket.until(Validate))[-1].id, verdict))
    assert (await answer)["ResultCode"] == code


async def test_a_till_that_refuses_while_another_is_silent_leaves_it_to_the_default(
    bench: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.validation.ASK_SECONDS", 0.05)
    await set_rules(bench, till, ask=True)
    await asked_till(bench, await bench.pair("Duka", "till two"), [CAP_VALIDATE])
    socket = await asked_till(bench, till, [CAP_VALIDATE])
    answer = asyncio.ensure_future(validate(bench, till))
    socket.say(Verdict((await socket.until(Validate))[-1].id, "C2B00012"))
    assert (await answer)["ResultCode"] == "0"


@pytest.mark.parametrize("refusing", [{"max": 100}, {"closed": [["00:00", "12:00"], ["12:00", "00:00"]]}])
async def test_a_refusal_by_amount_or_hours_is_not_asked_about(bench: Any, till: Any, refusing: Any) -> None:
    await set_rules(bench, till, ask=True, **refusing)
    socket = await asked_till(bench, till, [CAP_VALIDATE])
    assert (await validate(bench, till))["ResultCode"] in {"C2B00013", "C2B00016"}
    assert isinstance(await socket.next(), protocol.Event)
