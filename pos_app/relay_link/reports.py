"""Tells the relay, and so every till, what this one learnt from Safaricom: payments it listed, callbacks it proved."""

import logging
from collections.abc import Sequence

import httpx
import msgspec

from pos_app.domain.shop import Pairing
from relay import protocol
from relay.protocol import Promotion, PulledRequest

log = logging.getLogger(__name__)

PAGE_ROWS = 100
PAGE_BYTES = 48 * 1024
"""The relay takes at most that many rows, and 64 KiB with what is around them."""


async def report_pulled(http: httpx.AsyncClient, pairing: Pairing, short_code: str, rows: Sequence[str]) -> bool:
    """One page of rows as JSON. True once the relay has on disk what it lacked; may be said again at will."""
    said = PulledRequest(short_code=short_code, rows=[msgspec.Raw(row.encode()) for row in rows])
    answer = await _post(http, pairing, protocol.PULLED_PATH, said)
    if answer is None:
        return False
    told = _told(answer)
    if not told:
        log.warning("the relay did not take pulled payments: HTTP %s", answer.status_code)
    return told


async def report_proved(http: httpx.AsyncClient, pairing: Pairing, event_key: str) -> bool:
    """A message that the relay did not trust, and Safaricom confirmed: True once every till is told it as trusted."""
    key, _, digest = event_key.rsplit("#", 2)
    answer = await _post(http, pairing, protocol.PROMOTIONS_PATH, Promotion(key, digest))
    if answer is None:
        return False
    if answer.status_code != httpx.codes.OK:
        log.warning("the relay did not take that a callback is true: HTTP %s", answer.status_code)
    return answer.status_code == httpx.codes.OK


async def _post(
    http: httpx.AsyncClient, pairing: Pairing, path: str, said: PulledRequest | Promotion
) -> httpx.Response | None:
    """None when nothing came back; the relay may have heard it all the same."""
    url, headers = pairing.relay_url.rstrip("/") + path, {"Authorization": f"Bearer {pairing.token}"}
    try:
        return await http.post(url, content=msgspec.json.encode(said), headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.info("the relay could not be told: %s", type(error).__name__)
        return None


class _Taken(msgspec.Struct):
    new: int
    known: int
    unreadable: int


def _told(answer: httpx.Response) -> bool:
    """A page to sign in on also answers 200; only the relay counts the rows."""
    if answer.status_code != httpx.codes.OK:
        return False
    try:
        taken = msgspec.json.decode(answer.content, type=_Taken)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if taken.unreadable:
        log.error("the relay could not read %d pulled rows", taken.unreadable)
    return True
