"""The shop's rules for payments: given to the relay and read from it; only the relay's own words are an answer."""

from typing import Any

import httpx
import pytest

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.relay_link.pairing import pair
from pos_app.relay_link.rules import Pushed, RuleDesk, RuleDocument

pytestmark = pytest.mark.anyio
NOTHING: dict[str, Any] = {
    "min": None,
    "max": None,
    "references": None,
    "closed": [],
    "default": "accept",
    "ask": False,
}
SIGN_IN = httpx.Response(200, text="<html>Sign in</html>")


def desk_with(answer: httpx.Response | Exception, pairing: Pairing) -> RuleDesk:
    def reply(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return RuleDesk(httpx.AsyncClient(transport=httpx.MockTransport(reply)), pairing)


async def test_the_real_relay_takes_rules_and_tells_them_to_every_till(relay: Any, http: httpx.AsyncClient) -> None:
    pairings = [await pair(http, relay.url, relay.invite(), TillIdentity(device * 16, "T")) for device in ("ab", "cd")]
    first, second = [RuleDesk(http, pairing) for pairing in pairings if isinstance(pairing, Pairing)]
    assert await first.read() == RuleDocument(0, NOTHING)
    document = RuleDocument(1, {**NOTHING, "min": 1000, "closed": [["22:00", "06:00"]], "ask": True})
    assert [await first.push(document) for _ in range(2)] == [Pushed.TAKEN, Pushed.TAKEN]
    assert await second.read() == document
    assert await second.push(RuleDocument(1, NOTHING)) is Pushed.OLDER
    refused = await second.push(RuleDocument(2, {**NOTHING, "min": -1}))
    assert isinstance(refused, Refused)
    assert "min is below 0" in refused.sentence
    assert await first.read() == document


@pytest.mark.parametrize(
    "answer",
    [
        SIGN_IN,
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"version": "1"}),
        httpx.Response(200, content=b"\xff"),
        httpx.Response(400, text="no JSON"),
        httpx.Response(503, json={"error": "not possible now"}),
        httpx.Response(403, json={"error": "revoked"}),
        httpx.ConnectError("down"),
    ],
)
async def test_what_only_stands_in_the_relays_place_is_no_answer(
    make_pairing: Any, answer: httpx.Response | Exception
) -> None:
    desk = desk_with(answer, make_pairing("https://relay.example.co.ke"))
    assert await desk.read() is None
    assert await desk.push(RuleDocument(1, NOTHING)) is Pushed.UNANSWERED
    await desk.http.aclose()
