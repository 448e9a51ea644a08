"""Who may use a payment: compare-and-set in the log, so that of all tills that claim a receipt one wins.

It must not know how a till uses it. Claims and releases are events of the log: every till sees who has what.
"""

import logging
import re
import time

import msgspec
from sqlalchemy import Connection

from relay.log import EventLog, utc_text
from relay.protocol import (
    ERROR_NOT_HELD,
    ERROR_QUARANTINED,
    ERROR_TAKEN,
    ERROR_UNKNOWN_RECEIPT,
    KIND_CLAIM,
    KIND_RELEASE,
    RECEIPT,
    SOURCE_TILL,
    Claim,
    ClaimRequest,
    ReleaseRequest,
    Taken,
)
from relay.stores import claims
from relay.stores.directory import Credential
from relay.stores.sequence import Head, Incoming, Meta

_RECEIPT = re.compile(RECEIPT)
MAX_CASHIER = 40
MAX_REASON = 200

Reply = tuple[int, object]

logger = logging.getLogger("relay.claims")


class Claims:
    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def claim(self, till: Credential, body: bytes) -> Reply:
        """200 with the claim where it is this till's for this sale, now or already; else 404 or 409 with who has it."""
        asked = msgspec.json.decode(body, type=ClaimRequest)
        if not _RECEIPT.fullmatch(asked.receipt):
            return 400, {"error": "receipt"}
        return await self._log.append_if(till.stream, lambda connection, head: _claim(connection, head, till, asked))

    async def release(self, till: Credential, body: bytes) -> Reply:
        """Only by the till that holds it, only of the generation that holds; the next claim has the next one."""
        asked = msgspec.json.decode(body, type=ReleaseRequest)
        if not _RECEIPT.fullmatch(asked.receipt):
            return 400, {"error": "receipt"}
        return await self._log.append_if(till.stream, lambda connection, head: _release(connection, head, till, asked))


def _claim(connection: Connection, head: Head, till: Credential, asked: ClaimRequest) -> tuple[list[Incoming], Reply]:
    money = claims.money(connection, head.stream_id, asked.receipt)
    if money is None:
        return [], (404, Taken(ERROR_UNKNOWN_RECEIPT))
    if not money.trusted:
        return [], (409, Taken(ERROR_QUARANTINED))
    held = claims.latest(connection, head.stream_id, asked.receipt)
    if held is not None and held.stands:
        mine = (held.claim.till_id, held.claim.sale) == (till.till_id, asked.sale)
        return [], (200, held.claim) if mine else (409, Taken(ERROR_TAKEN, held.claim))
    if money.nonce and money.nonce != asked.nonce:
        return [], (409, Taken(ERROR_TAKEN, nonce=money.nonce))
    made = Claim(
        receipt=asked.receipt,
        generation=held.claim.generation + 1 if held is not None else 1,
        till_id=till.till_id,
        till=claims.till_name(connection, till.till_id),
        sale=asked.sale,
        cashier=asked.cashier[:MAX_CASHIER],
        at=utc_text(_now()),
    )
    return [_event(till.stream, KIND_CLAIM, made)], (200, made)


def _release(
    connection: Connection, head: Head, till: Credential, asked: ReleaseRequest
) -> tuple[list[Incoming], Reply]:
    held = claims.latest(connection, head.stream_id, asked.receipt)
    if held is None or (held.claim.generation, held.claim.till_id) != (asked.generation, till.till_id):
        return [], (409, Taken(ERROR_NOT_HELD, held.claim if held is not None and held.stands else None))
    if not held.stands:
        return [], (200, held.claim)
    given_up = msgspec.structs.replace(
        held.claim, reason=asked.reason[:MAX_REASON], cashier=asked.cashier[:MAX_CASHIER], at=utc_text(_now())
    )
    return [_event(till.stream, KIND_RELEASE, given_up)], (200, given_up)


def _event(stream: str, kind: str, said: Claim) -> Incoming:
    body = msgspec.json.encode(said)
    meta = Meta(_now(), receipt=said.receipt, src=SOURCE_TILL)
    return Incoming(stream, kind, f"{kind}:{said.receipt}:{said.generation}", body, body.decode(), meta)


def _now() -> int:
    return int(time.time() * 1000)
