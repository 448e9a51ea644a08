"""Pairs this till with a relay by a one-time code, and asks the relay whether it still knows the till."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Pairing, TillIdentity
from relay import protocol
from relay.protocol import PairRequest, make_nonce

_NO_ANSWER = "The relay does not answer at that address. Check the address and the internet, then try again."
_NOT_A_RELAY = "Something answers at that address, but it is not a relay. Check the address."
_IN_BETWEEN = (
    "Something on the network answers in the relay’s place. Open a web page: the network may want you to sign in first."
)
_JSON = {"content-type": "application/json"}
_SPENT = (
    "That code is wrong, was used, tried too often, or is older than 10 minutes. Ask for a new one and type it again."
)
_REFUSALS = {
    protocol.ERROR_WRONG_CODE: _SPENT,
    protocol.ERROR_TOO_MANY_CODES: "Too many tries. Wait a minute, then type the code again.",
}


async def pair(http: httpx.AsyncClient, relay_url: str, code: str, till: TillIdentity) -> Pairing | Refused:
    """Uses the code up. After a lost answer the relay may not know the old token any more: then it takes a new code."""
    url = relay_url.strip().rstrip("/")
    try:
        answer = await http.post(url + protocol.PAIR_PATH, content=_request(code, till), headers=_JSON)
    except (httpx.HTTPError, httpx.InvalidURL):
        return Refused(_NO_ANSWER)
    return _pairing(answer, url)


def pair_now(relay_url: str, code: str, till: TillIdentity) -> Pairing | Refused:
    """The same without a loop, with a relay on this computer."""
    try:
        answer = httpx.post(
            relay_url + protocol.PAIR_PATH, content=_request(code, till), headers=_JSON, trust_env=False
        )
    except httpx.HTTPError:
        return Refused(_NO_ANSWER)
    return _pairing(answer, relay_url)


def _request(code: str, till: TillIdentity) -> bytes:
    return protocol.encode(PairRequest(code=code, name=till.name, device=till.device, till_code=till.till_code))


def _pairing(answer: httpx.Response, url: str) -> Pairing | Refused:
    if answer.status_code != httpx.codes.OK:
        return Refused(_REFUSALS.get(protocol.error_of(answer.content), _NOT_A_RELAY))
    try:
        paired = protocol.decode_pair_response(answer.content)
    except (protocol.MalformedFrameError, UnicodeDecodeError, RecursionError):
        return Refused(_NOT_A_RELAY)
    return Pairing(
        relay_url=url,
        shop=paired.shop,
        stream=paired.stream,
        till_id=paired.till_id,
        till_code=paired.till_code,
        token=paired.token,
        callback_base=paired.callback_base,
        nonce_key=paired.nonce_key,
    )


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    ok: bool
    sentence: str


async def ask_relay(http: httpx.AsyncClient, pairing: Pairing) -> RelayAnswer:
    """One look at the log with our token; changes nothing."""
    url = pairing.relay_url.rstrip("/") + protocol.EVENTS_PATH + pairing.stream
    try:
        answer = await http.get(
            url, params={"after": 0, "wait": 0}, headers={"Authorization": f"Bearer {pairing.token}"}
        )
    except (httpx.HTTPError, httpx.InvalidURL):
        return RelayAnswer(ok=False, sentence=_NO_ANSWER)
    if protocol.refuses_for_good(answer.content):
        return RelayAnswer(
            ok=False, sentence="The relay does not know this till any more. Pair it again with a new code."
        )
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return RelayAnswer(ok=False, sentence=f"The relay answers with error {answer.status_code}. Call its operator.")
    if answer.status_code != httpx.codes.OK:
        return RelayAnswer(ok=False, sentence=f"{_IN_BETWEEN} (HTTP {answer.status_code})")
    return RelayAnswer(ok=True, sentence=f"Connected to the relay as “{pairing.shop}”.")


def nonce_maker(pairing: Pairing) -> Callable[[], str]:
    return lambda: make_nonce(pairing.nonce_key)
