"""Asks the relay for a receipt and gives one back; also reads the claims and releases that the log tells of.

It must not know what a claim does to a sale. Only the relay's own words are an answer; all else is weather.
"""

import asyncio
from dataclasses import dataclass

import httpx

from pos_app.domain.claim import Claim, Release
from pos_app.domain.shop import Pairing
from pos_app.relay_link.delivery import instant
from relay import protocol
from relay.protocol import ClaimRequest, ReleaseRequest

PATIENCE_SECONDS = 5.0
"""A cashier waits for it; what has not come by then is asked for again."""
PAUSE_SECONDS = 1.0
TRIES = 5
"""At a relay that asks this till to wait. After a restore it claims two days anew, and must come to their end."""
_READ_ERRORS = (protocol.MalformedFrameError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows yet who has it; the sentence says why. `reached` says whether to ask for others meanwhile."""

    sentence: str
    reached: bool = False


_OUT_OF_REACH = Unanswered("The relay cannot be reached.")
_IN_BETWEEN = Unanswered("Something on the network answers in the relay’s place.")
_TOO_OFTEN = Unanswered("The relay asks this till to wait a moment. It asks again by itself.")
_REFUSED = Unanswered("The relay does not accept this till any more. Pair it again in Settings.")
_NOT_KNOWN = Unanswered("The relay has not heard of this payment from Safaricom yet.", reached=True)


@dataclass(frozen=True, slots=True)
class ClaimDesk:
    """Where this till asks, as the till that it is paired as."""

    http: httpx.AsyncClient
    pairing: Pairing

    async def claim(self, wish: Claim) -> Claim | Unanswered:
        """Who holds the receipt now: the wish itself, if it won or had won before, or whoever came first."""
        asked = ClaimRequest(wish.receipt, wish.sale, wish.cashier, wish.nonce)
        answer = await self._post(protocol.CLAIMS_PATH, asked)
        if answer is None:
            return _OUT_OF_REACH
        holder = _holder(answer, wish.receipt)
        return holder if holder is not None else _unanswered(answer)

    async def release(self, given_back: Release) -> bool:
        """Whether the relay knows now, or knew before, that this till does not hold that generation."""
        asked = ReleaseRequest(given_back.receipt, given_back.generation, given_back.reason)
        answer = await self._post(protocol.RELEASES_PATH, asked)
        if answer is None:
            return False
        if answer.status_code != httpx.codes.OK:
            return protocol.error_of(answer.content) == protocol.ERROR_NOT_HELD
        try:
            said = protocol.decode_claim(answer.content)
        except _READ_ERRORS:
            return False
        return (said.receipt, said.generation) == (given_back.receipt, given_back.generation)

    async def _post(self, path: str, asked: ClaimRequest | ReleaseRequest) -> httpx.Response | None:
        answer = await self._posted(path, asked)
        for _ in range(TRIES - 1):
            if answer is None or protocol.error_of(answer.content) != protocol.ERROR_TOO_OFTEN:
                break
            await asyncio.sleep(PAUSE_SECONDS)
            answer = await self._posted(path, asked)
        return answer

    async def _posted(self, path: str, asked: ClaimRequest | ReleaseRequest) -> httpx.Response | None:
        """None when nothing came back; the relay may have heard it all the same."""
        headers = {"Authorization": f"Bearer {self.pairing.token}", "content-type": "application/json"}
        url = self.pairing.relay_url.rstrip("/") + path
        try:
            return await self.http.post(url, content=protocol.encode(asked), headers=headers, timeout=PATIENCE_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None


def _holder(answer: httpx.Response, receipt: str) -> Claim | None:
    """None where the answer does not say."""
    try:
        if answer.status_code == httpx.codes.OK:
            said: protocol.Claim | None = protocol.decode_claim(answer.content)
        else:
            taken = protocol.decode_taken(answer.content)
            if taken.error != protocol.ERROR_TAKEN:
                return None
            if taken.nonce:
                return Claim(receipt, 0, "", "", "", "", None, nonce=taken.nonce)
            said = taken.claim
    except _READ_ERRORS:
        return None
    return _claim(said) if said is not None and said.receipt == receipt else None


def _unanswered(answer: httpx.Response) -> Unanswered:
    if protocol.refuses_for_good(answer.content):
        return _REFUSED
    if protocol.error_of(answer.content) in {protocol.ERROR_UNKNOWN_RECEIPT, protocol.ERROR_QUARANTINED}:
        return _NOT_KNOWN
    return _TOO_OFTEN if protocol.error_of(answer.content) == protocol.ERROR_TOO_OFTEN else _IN_BETWEEN


def claim_told(body: object) -> Claim | None:
    """None for an event that says no claim."""
    try:
        return _claim(protocol.claim_in(body))
    except protocol.MalformedFrameError:
        return None


def release_told(body: object) -> Release | None:
    try:
        said = protocol.claim_in(body)
    except protocol.MalformedFrameError:
        return None
    return Release(said.receipt, said.generation, said.till_id, said.reason, instant(said.at))


def _claim(said: protocol.Claim) -> Claim:
    return Claim(
        receipt=said.receipt,
        generation=said.generation,
        till_id=said.till_id,
        till=said.till,
        sale=said.sale,
        cashier=said.cashier,
        at=instant(said.at),
    )
