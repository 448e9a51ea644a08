"""Tells the relay of payments that Safaricom listed to this till, so that every till hears of them in one order."""

import logging
from collections.abc import Sequence

import httpx
import msgspec

from pos_app.domain.shop import Pairing
from relay import protocol
from relay.protocol import PulledRequest

log = logging.getLogger(__name__)

PAGE_ROWS = 100
PAGE_BYTES = 48 * 1024
"""The relay takes at most that many rows, and 64 KiB with what is around them."""


async def report_pulled(http: httpx.AsyncClient, pairing: Pairing, short_code: str, rows: Sequence[str]) -> bool:
    """One page of rows as JSON. True once the relay has on disk what it lacked; may be said again at will."""
    url = pairing.relay_url.rstrip("/") + protocol.PULLED_PATH
    said = PulledRequest(short_code=short_code, rows=[msgspec.Raw(row.encode()) for row in rows])
    try:
        answer = await http.post(
            url, content=msgspec.json.encode(said), headers={"Authorization": f"Bearer {pairing.token}"}
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        log.info("the relay could not be told of pulled payments: %s", type(error).__name__)
        return False
    told = _told(answer)
    if not told:
        log.warning("the relay did not take pulled payments: HTTP %s", answer.status_code)
    return told


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
