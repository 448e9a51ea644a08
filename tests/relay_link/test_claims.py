"""Claims at the real relay, and every answer that is none: only the relay's own words say who has a payment."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.domain.claim import Claim, Release
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link.claims import TRIES, ClaimDesk, Unanswered, claim_told, release_told
from pos_app.relay_link.pairing import pair
from relay.pace import BURST
from relay.protocol import ERROR_BAD_TOKEN, ERROR_TOO_OFTEN, error_body

pytestmark = pytest.mark.anyio
MakePairing = Callable[[str], Pairing]
NOW = datetime(2026, 10, 14, 12, 30, tzinfo=UTC)
RECEIPT = "TJE1A2B3C4"
WISH = Claim(RECEIPT, 0, "", "", "142", "Wanjiku", NOW)
GIVEN_BACK = Release(RECEIPT, 1, "till_1", "wrong sale", NOW)
HELD = {"receipt": RECEIPT, "generation": 1, "till_id": "till_2", "till": "Till 2", "sale": "7", "cashier": "Otieno"}
HELD["at"] = "2026-10-14T12:30:00Z"
CONFIRMED = {
    "TransactionType": "Pay Bill",
    "TransID": RECEIPT,
    "TransTime": "20261014153020",
    "TransAmount": "150.00",
    "BusinessShortCode": "600966",
}


def answering(make_pairing: MakePairing, status: int, content: object = b"") -> ClaimDesk:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(status, content=raw)))
    return ClaimDesk(http, make_pairing("http://relay.test"))


async def test_two_tills_at_the_real_relay(relay: Any, http: httpx.AsyncClient) -> None:
    paired = [
        await pair(http, relay.url, relay.invite(), TillIdentity(f"{number}b" * 16, f"Till {number}", str(number)))
        for number in (1, 2)
    ]
    one, two = (ClaimDesk(http, pairing) for pairing in paired if isinstance(pairing, Pairing))
    unheard = await one.claim(WISH)
    assert isinstance(unheard, Unanswered)
    assert unheard.reached
    assert "not heard of this payment" in unheard.sentence
    assert (await http.post(f"{one.pairing.callback_base}/c2b/confirm", json=CONFIRMED)).status_code == 200
    won = await one.claim(WISH)
    assert isinstance(won, Claim)
    assert (won.till_id, won.till, won.sale, won.generation) == (one.pairing.till_id, "Till 1", "142", 1)
    assert (await one.claim(WISH), await two.claim(WISH)) == (won, won)
    assert await two.release(GIVEN_BACK), "it holds nothing"
    assert await one.release(GIVEN_BACK)
    assert await one.release(GIVEN_BACK), "the same again"
    again = await two.claim(replace(WISH, sale="7"))
    assert isinstance(again, Claim)
    assert (again.till, again.generation) == ("Till 2", 2)
    revoked = await ClaimDesk(http, replace(one.pairing, token="of nobody")).claim(WISH)
    assert isinstance(revoked, Unanswered)
    assert "does not accept this till" in revoked.sentence


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "", "http://[", "ftp://relay"])
async def test_out_of_reach_is_no_answer(make_pairing: MakePairing, http: httpx.AsyncClient, url: str) -> None:
    desk = ClaimDesk(http, make_pairing(url))
    answer = await desk.claim(WISH)
    assert isinstance(answer, Unanswered)
    assert not answer.reached
    assert not await desk.release(GIVEN_BACK)


async def test_a_charge_has_it(make_pairing: MakePairing) -> None:
    desk = answering(make_pairing, 409, {"error": "taken", "claim": None, "nonce": "ab" * 16})
    assert await desk.claim(WISH) == Claim(RECEIPT, 0, "", "", "", "", None, nonce="ab" * 16)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>sign in</html>"),
        (200, b"{}"),
        (200, b"\xff"),
        (200, {**HELD, "receipt": "TJE1A2B3C5"}),
        (302, b""),
        (404, b"not found"),
        (409, {"error": "taken"}),
        (409, {"error": "taken", "claim": {**HELD, "receipt": "TJE1A2B3C5"}}),
        (409, {"error": "something new"}),
        (502, b"bad gateway"),
        (503, {"error": "not possible now"}),
    ],
)
async def test_another_answerer_is_weather(make_pairing: MakePairing, status: int, content: object) -> None:
    desk = answering(make_pairing, status, content)
    answer = await desk.claim(WISH)
    assert isinstance(answer, Unanswered)
    assert "in the relay’s place" in answer.sentence
    assert not await desk.release(GIVEN_BACK)


@pytest.mark.parametrize("refusals", [1, TRIES])
async def test_a_till_that_asks_too_often_waits_and_asks_again(
    make_pairing: MakePairing, monkeypatch: pytest.MonkeyPatch, *, refusals: int
) -> None:
    monkeypatch.setattr("pos_app.relay_link.claims.PAUSE_SECONDS", 0.001)
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        is_hasty = len(asked) <= refusals
        return httpx.Response(429, content=error_body(ERROR_TOO_OFTEN)) if is_hasty else httpx.Response(200, json=HELD)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    said = await ClaimDesk(http, make_pairing("http://relay.test")).claim(WISH)
    if refusals < TRIES:
        assert isinstance(said, Claim)
        assert asked == [asked[0]] * 2
    else:
        assert isinstance(said, Unanswered)
        assert ("wait a moment" in said.sentence, said.reached, len(asked)) == (True, False, TRIES)


async def test_more_claims_than_a_relay_takes_at_once_all_come_through(relay: Any, http: httpx.AsyncClient) -> None:
    pairing = await pair(http, relay.url, relay.invite(), TillIdentity("1b" * 16, "Till 1", "1"))
    assert isinstance(pairing, Pairing)
    desk = ClaimDesk(http, pairing)
    assert (await http.post(f"{pairing.callback_base}/c2b/confirm", json=CONFIRMED)).status_code == 200
    said = [await desk.claim(WISH) for _ in range(BURST + 60)]
    assert {type(one) for one in said} == {Claim}


async def test_only_the_relay_itself_refuses_a_till(make_pairing: MakePairing) -> None:
    answer = await answering(make_pairing, 401, error_body(ERROR_BAD_TOKEN)).claim(WISH)
    assert isinstance(answer, Unanswered)
    assert "does not accept this till" in answer.sentence


async def test_a_release_is_heard_where_the_relay_says_so(make_pairing: MakePairing) -> None:
    assert await answering(make_pairing, 200, HELD).release(GIVEN_BACK)
    assert not await answering(make_pairing, 200, {**HELD, "generation": 2}).release(GIVEN_BACK)
    assert await answering(make_pairing, 409, {"error": "not held"}).release(GIVEN_BACK)


def test_what_the_log_tells_of_claims() -> None:
    assert claim_told(HELD) == Claim(RECEIPT, 1, "till_2", "Till 2", "7", "Otieno", NOW)
    assert release_told({**HELD, "reason": "wrong sale"}) == Release(RECEIPT, 1, "till_2", "wrong sale", NOW)
    for nothing in (None, [], {}, {**HELD, "generation": "one"}):
        assert claim_told(nothing) is None
        assert release_told(nothing) is None
