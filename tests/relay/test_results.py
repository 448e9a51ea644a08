"""Results and queue timeouts of refunds, status queries and balances: stored like any callback, without the secret."""

import json
import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import PairResponse, make_nonce
from relay.reading_results import read_result, read_timeout, without_credential

CIPHERTEXT = "dGhlIGNpcGhlcnRleHQgb2YgYSBwYXNzd29yZA+/" * 8 + "AA=="
ECHO = {
    "OriginatorConversationID": "ref-20261014-000077",
    "InitiatorName": "testapi",
    "SecurityCredential": CIPHERTEXT,
    "Amount": 100,
}


def result(conversation: str = "AG_20261014_010010480kdmzrtqwx17", code: object = 0, amount: object = 100) -> bytes:
    parameters = [{"Key": "TransactionAmount", "Value": amount}, {"Key": "TransactionReceipt", "Value": "UJE4F8Z2NA"}]
    said = {
        "ResultType": 0,
        "ResultCode": code,
        "ConversationID": conversation,
        "TransactionID": "UJE4F8Z2NA",
        "ResultParameters": {"ResultParameter": parameters},
    }
    return json.dumps({"Result": said}).encode()


@pytest.mark.anyio
async def test_a_result_is_one_trusted_event_however_often_it_comes(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    nonce = make_nonce(till.nonce_key)
    for _ in range(3):
        reply = await bench.post(bodies.path_of(till, f"/result/{nonce}"), result())
        assert (reply.status, json.loads(reply.body)["ResultCode"]) == (200, 0)
    (event,) = await bench.events(till)
    assert (event.kind, event.trust, event.nonce, event.receipt) == ("result", "trusted", nonce, None)
    assert event.key == f"result:{nonce}:AG_20261014_010010480kdmzrtqwx17"
    assert bytes(event.body) == result()


@pytest.mark.anyio
@pytest.mark.parametrize("other", [{"code": 1}, {"amount": 101}, {"code": "R000002"}])
async def test_a_result_that_says_otherwise_is_a_revision(
    bench: Any, till: PairResponse, bodies: Any, other: dict[str, object]
) -> None:
    path = bodies.path_of(till, f"/result/{make_nonce(till.nonce_key)}")
    for body in (result(), result(**other), result(), result(**other)):  # type: ignore[arg-type]  # parametrized
        assert (await bench.post(path, body)).status == 200
    assert [event.rev for event in await bench.events(till)] == [0, 1]


@pytest.mark.anyio
async def test_a_false_nonce_is_quarantined(bench: Any, till: PairResponse, bodies: Any) -> None:
    for door in ("result", "timeout"):
        assert (await bench.post(bodies.path_of(till, f"/{door}/{'0' * 32}"), result())).status == 200
    assert [event.trust for event in await bench.events(till)] == ["quarantined"] * 2


@pytest.mark.anyio
async def test_a_queue_timeout_is_kept_without_the_credential_that_it_brings_back(
    bench: Any, till: PairResponse, bodies: Any
) -> None:
    nonce = make_nonce(till.nonce_key)
    assert (await bench.post(bodies.path_of(till, f"/timeout/{nonce}"), json.dumps(ECHO).encode())).status == 200
    (event,) = await bench.events(till)
    assert (event.kind, event.key, event.trust) == ("timeout", f"timeout:{nonce}", "trusted")
    assert json.loads(bytes(event.body)) == ECHO | {"SecurityCredential": ""}


@pytest.mark.anyio
async def test_two_timeouts_that_cannot_be_read_are_both_kept(bench: Any, till: PairResponse, bodies: Any) -> None:
    path = bodies.path_of(till, f"/timeout/{make_nonce(till.nonce_key)}")
    for body in (b"<html>one", b"<html>two", b"<html>one", b"null"):
        assert (await bench.post(path, body)).status == 200
    kept = [event.raw or bytes(event.body) for event in await bench.events(till)]
    assert kept == [b64encode(b"<html>one").decode(), b64encode(b"<html>two").decode(), b"null"]


@pytest.mark.anyio
@pytest.mark.parametrize("door", ["stk", "result", "timeout", "c2b"])
async def test_no_door_lets_a_credential_reach_the_disk(bench: Any, till: PairResponse, bodies: Any, door: str) -> None:
    tail = "/c2b/confirm" if door == "c2b" else f"/{door}/{make_nonce(till.nonce_key)}"
    for body in (json.dumps(ECHO), json.dumps({"Result": ECHO}), f"x&SecurityCredential={CIPHERTEXT}&y"):
        assert (await bench.post(bodies.path_of(till, tail), body.encode())).status == 200
    kept = b"".join(path.read_bytes() for path in bench.file.parent.iterdir())
    assert CIPHERTEXT[:20].encode() not in kept
    assert b"SecurityCredential" in kept


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"", b"[]", b'{"Result":[]}', b'{"Result":{"ResultCode":0}}', b'{"Result":{}}'])
async def test_a_result_that_cannot_be_read_is_kept_with_its_nonce(
    bench: Any, till: PairResponse, bodies: Any, body: bytes
) -> None:
    nonce = make_nonce(till.nonce_key)
    assert (await bench.post(bodies.path_of(till, f"/result/{nonce}"), body)).status == 200
    (event,) = await bench.events(till)
    assert (event.kind, event.nonce) == ("unparsed", nonce)


@pytest.mark.parametrize(
    "spelt",
    [
        '{"SecurityCredential":"%s"}',
        '{"SecurityCredential" : "%s"}',
        '{"securitycredential":"%s"}',
        '{"Security Credential":"%s"}',
        '{"SECURITYCREDENTIAL":"%s"}',
        "SecurityCredential=%s&Amount=1",
        "{'SecurityCredential': '%s'",
        '{"a":"{\\"SecurityCredential\\":\\"%s\\"}"}',
        '{"a":"{\\\\\\"SecurityCredential\\\\\\":\\\\\\"%s\\\\\\"}"}',
        '{"SecurityCreDenTial":"%s"}',
        '{"\\u0053ecurity\\u0043redential":"%s"}',
        '{"Key":"SecurityCredential","Value":"%s"}',
        '{"Value":"%s","Key":"SecurityCredential"}',
        '[{"Name":"securityCredential","Type":"String","Value":"%s"},{"SecurityCredential":"x","Again":"%s"}]',
        "<Key>SecurityCredential</Key><Value>%s</Value>",
        '{"SecurityCredential":"%s","SecurityCredential":"%s"',
    ],
)
def test_the_credential_is_cut_out_however_it_is_spelt(spelt: str) -> None:
    for text in (CIPHERTEXT, CIPHERTEXT.replace("/", "\\/"), CIPHERTEXT.replace("+", "%2B")):
        times = spelt.count("%s")
        cut = without_credential((spelt % ((text,) * times)).encode()).decode()
        assert cut == spelt % (("",) * times)


def test_a_body_without_a_credential_stays_as_it_came() -> None:
    wordy = b'{"Result":{"ResultDesc":"wrong security credential.","OriginatorConversationID":"AG_20261014_0100104"}}'
    for body in (result(), b'{"SecurityCredential":null,"Amount":1}', b"\xff redential", wordy):
        assert without_credential(body) == body


@given(st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists).map(str))
def test_no_body_stops_the_reader(body: bytes | str) -> None:
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    assert re.fullmatch("result|unparsed", read_result(raw, "n").kind)
    assert read_timeout(raw, "n").kind == "timeout"
