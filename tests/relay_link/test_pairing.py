"""Pairing with a one-time code and asking the relay whether it knows the till: every answer is a sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link.pairing import ask_relay, nonce_maker, pair, pair_now
from relay.protocol import ERROR_REVOKED, ERROR_TOO_MANY_CODES, ERROR_WRONG_CODE, error_body, nonce_is_real

pytestmark = pytest.mark.anyio
TILL = TillIdentity("ab" * 16, "Till 1", "A2")
NOBODY = "http://127.0.0.1:1"
PAIRED = {
    "till_id": "t",
    "till_code": "A2",
    "token": "k",
    "shop": "Duka",
    "stream": "st_1",
    "callback_base": "https://r/h/k",
    "nonce_key": "n",
}


def answering(status: int, content: bytes = b"") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(status, content=content)))


async def test_a_code_pairs_once_with_the_real_relay(relay: Any, http: httpx.AsyncClient) -> None:
    code = relay.invite()
    pairing = await pair(http, f" {relay.url}/ ", code, TILL)
    assert isinstance(pairing, Pairing)
    assert (pairing.relay_url, pairing.shop, pairing.till_code) == (relay.url, "Duka", "A2")
    assert nonce_is_real(pairing.nonce_key, nonce_maker(pairing)())
    for secret in (pairing.token, pairing.nonce_key, pairing.callback_base):
        assert secret not in repr(pairing)
    again = await pair(http, relay.url, code, TILL)
    assert isinstance(again, Refused)
    assert "was used" in again.sentence
    known = await ask_relay(http, pairing)
    assert (known.ok, known.sentence) == (True, "Connected to the relay as “Duka”.")
    relay.run("till", "revoke", pairing.till_id)
    assert not (await ask_relay(http, pairing)).ok
    other = await ask_relay(http, replace(pairing, token="of somebody else"))
    assert "does not know this till any more" in other.sentence


async def test_without_a_loop_too(relay: Any) -> None:
    assert isinstance(pair_now(relay.url, relay.invite(), TILL), Pairing)
    assert isinstance(pair_now(relay.url, "000000", TILL), Refused)
    assert isinstance(pair_now(NOBODY, "000000", TILL), Refused)


@pytest.mark.parametrize(
    "url", [NOBODY, "", "relay.example", "http://[", "http://a b/", "ftp://relay", "http://x:99999"]
)
async def test_an_address_where_nobody_answers(
    http: httpx.AsyncClient, url: str, make_pairing: Callable[[str], Pairing]
) -> None:
    refused = await pair(http, url, "123456", TILL)
    assert isinstance(refused, Refused)
    assert "does not answer" in refused.sentence
    answer = await ask_relay(http, make_pairing(url))
    assert (answer.ok, answer.sentence) == (False, refused.sentence)


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (200, b"<html>", "not a relay"),
        (200, b"{}", "not a relay"),
        (200, b'{"till_id": "\xff"}', "not a relay"),
        (200, b"[" * 100_000, "not a relay"),
        (500, b"", "not a relay"),
        (302, b"", "not a relay"),
        (403, b"<html>Sign in to this network</html>", "not a relay"),
        (404, b"", "not a relay"),
        (403, error_body(ERROR_WRONG_CODE), "was used"),
        (429, error_body(ERROR_TOO_MANY_CODES), "Too many tries"),
    ],
)
async def test_every_refusal_is_a_sentence(status: int, content: bytes, words: str) -> None:
    async with answering(status, content) as http:
        refused = await pair(http, "https://relay.example", "123456", TILL)
    assert isinstance(refused, Refused)
    assert words in refused.sentence


@pytest.mark.parametrize("status", [302, 404, 500, 503])
async def test_a_relay_with_trouble_says_its_error(status: int, make_pairing: Callable[[str], Pairing]) -> None:
    async with answering(status) as http:
        answer = await ask_relay(http, make_pairing("https://relay.example"))
    assert not answer.ok
    assert str(status) in answer.sentence


@pytest.mark.parametrize("body", [b"", b"<html>Sign in</html>", b'{"error":"Forbidden"}'])
async def test_only_the_relay_itself_can_say_that_it_knows_this_till_no_longer(
    body: bytes, make_pairing: Callable[[str], Pairing]
) -> None:
    async with answering(403, body) as http:
        assert "in the relay’s place" in (await ask_relay(http, make_pairing("https://relay.example"))).sentence
    async with answering(403, error_body(ERROR_REVOKED)) as http:
        assert "Pair it again" in (await ask_relay(http, make_pairing("https://relay.example"))).sentence


async def test_a_good_answer_is_a_pairing() -> None:
    async with answering(200, json.dumps(PAIRED).encode()) as http:
        pairing = await pair(http, "https://relay.example/", "123456", TILL)
    assert pairing == Pairing("https://relay.example", "Duka", "st_1", "t", "A2", "k", "https://r/h/k", "n")
