"""What tills have learnt from Safaricom themselves: payments that Pull lists and the log lacks, callbacks found true.

It must not know how they asked. A paired till is believed: it holds the shop's own keys to Daraja.
"""

import logging
import re
import time

import msgspec
from sqlalchemy import Connection

from relay.log import EventLog
from relay.protocol import (
    DIGEST,
    KIND_C2B_PULLED,
    SHORT_CODE,
    SOURCE_PULL,
    SOURCE_TILL,
    TRUSTED,
    Promotion,
    PulledRequest,
    Taken,
)
from relay.reading import read_pulled
from relay.stores import events
from relay.stores.directory import Credential
from relay.stores.sequence import Head, Incoming, Meta

_DIGEST = re.compile(DIGEST)
_SHORT_CODE = re.compile(SHORT_CODE)

Reply = tuple[int, object]

logger = logging.getLogger("relay.reports")


class Reports:
    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def pulled(self, till: Credential, body: bytes) -> Reply:
        """Appends the rows whose payment no trusted event tells of; the others are counted as known."""
        asked = msgspec.json.decode(body, type=PulledRequest)
        if not _SHORT_CODE.fullmatch(asked.short_code):
            return 400, {"error": "short_code"}
        rows = [_pulled(till.stream, asked.short_code, bytes(row)) for row in asked.rows]
        told = [row for row in rows if row is not None]
        if len(told) < len(rows):
            logger.warning("%s: %d pulled rows could not be read", till.till_id, len(rows) - len(told))
        new = await self._log.append_if(till.stream, lambda connection, head: _lacking(connection, head, told))
        self._log.metrics.pull_found_missing.inc(new)
        if new:
            logger.warning("%s: Pull found %d payments that were never called back", till.stream, new)
        return 200, {"new": new, "known": len(told) - new, "unreadable": len(rows) - len(told)}

    async def promote(self, till: Credential, body: bytes) -> Reply:
        """A quarantined event that Safaricom confirmed to the till is told again, as trusted."""
        asked = msgspec.json.decode(body, type=Promotion)
        if not _DIGEST.fullmatch(asked.body_sha256):
            return 400, {"error": "body_sha256"}

        def decide(connection: Connection, head: Head) -> tuple[list[Incoming], Reply]:
            return found_true(connection, head, till.stream, asked, SOURCE_TILL)

        logger.warning("%s: %s says that a quarantined event is true", till.stream, till.till_id)
        return await self._log.append_if(till.stream, decide)


def _pulled(stream: str, short_code: str, row: bytes) -> Incoming | None:
    read = read_pulled(row, short_code)
    if read is None:
        return None
    meta = Meta(_now(), TRUSTED, read.money, read.receipt, None, short_code, src=SOURCE_PULL)
    return Incoming(stream, KIND_C2B_PULLED, read.key, row, row.decode(), meta)


def _lacking(connection: Connection, head: Head, told: list[Incoming]) -> tuple[list[Incoming], int]:
    by_key = {one.key: one for one in told}
    known = {key for key in by_key if events.is_trusted(connection, head.stream_id, key)}
    lacking = [one for key, one in by_key.items() if key not in known]
    return lacking, len(lacking)


def found_true(
    connection: Connection, head: Head, stream: str, asked: Promotion, src: str
) -> tuple[list[Incoming], Reply]:
    """The trusted copy of a quarantined event, to be appended: what came is never changed."""
    if not asked.key.isprintable():
        # No event has such a key, and not every database could be asked for it.
        return [], (404, Taken("unknown event"))
    if events.is_trusted(connection, head.stream_id, asked.key):
        return [], (200, {"new": False})
    held = events.with_body(connection, head.stream_id, asked.key, asked.body_sha256)
    if held is None or held.body is None:
        return [], (404, Taken("unknown event"))
    known = (bytes(held.money), held.receipt, held.nonce_of_path, held.short_code, held.encoding)
    meta = Meta(_now(), TRUSTED, *known, src=src)
    again = Incoming(stream, held.kind, held.key, events.raw_body(held), held.body, meta)
    return [again], (200, {"new": True})


def _now() -> int:
    return int(time.time() * 1000)
