"""Where a till's audit log ended: kept outside the till, so that cutting its end off is found out.

It must not know what was done at the till: an anchor is a number and a keyed hash. Source: money-safety §5, row 11.
"""

import hashlib
import re
import time

import msgspec
from sqlalchemy import Connection, select

from relay.log import EventLog, utc_text
from relay.protocol import ERROR_AUDIT_CUT, KIND_ANCHOR, MAC, SOURCE_TILL, Anchor, AnchorRequest, Unanchored
from relay.stores import sealing
from relay.stores.directory import Credential
from relay.stores.sequence import Head, Incoming, Meta
from relay.stores.tables import event_key

_MAC = re.compile(MAC)
_START = f"{KIND_ANCHOR}:"
_anchor = msgspec.json.Decoder(Anchor)

Reply = tuple[int, object]


class Anchors:
    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def put(self, till: Credential, body: bytes) -> Reply:
        """200 once it is in the log; 409 with the last one where this one is of a log that ends before it."""
        asked = msgspec.json.decode(body, type=AnchorRequest)
        if not _MAC.fullmatch(asked.mac):
            return 400, {"error": "mac"}
        return await self._log.append_if(till.stream, lambda connection, head: _put(connection, head, till, asked))

    async def get(self, till: Credential, _body: bytes) -> Reply:
        """The till's last one, or 404."""

        def find(connection: Connection, head: Head) -> tuple[list[Incoming], Anchor | None]:
            return [], _latest(connection, head.stream_id, till.till_id)

        held = await self._log.append_if(till.stream, find)
        return (404, {"error": "no anchor yet"}) if held is None else (200, held)


def _put(connection: Connection, head: Head, till: Credential, asked: AnchorRequest) -> tuple[list[Incoming], Reply]:
    held = _latest(connection, head.stream_id, till.till_id)
    if held is not None and (held.seq, held.mac) == (asked.seq, asked.mac):
        return [], (200, held)
    if held is not None and held.seq >= asked.seq:
        return [], (409, Unanchored(ERROR_AUDIT_CUT, held))
    made = Anchor(asked.seq, asked.mac, till.till_id, utc_text(_now()))
    return [_event(till, made)], (200, made)


def _latest(connection: Connection, stream_id: int, till_id: str) -> Anchor | None:
    known = event_key.c
    of_till = (known.key_start == _START) & (known.key_end == till_id) & (known.stream_id == stream_id)
    newest = select(known.id, known.body).where(of_till, known.body.is_not(None)).order_by(known.rev.desc()).limit(1)
    held = connection.execute(newest).first()
    if held is None:
        return None
    return _anchor.decode(sealing.clear_text(connection, held.id, f"{_START}{till_id}", held.body))


def _event(till: Credential, said: Anchor) -> Incoming:
    body = msgspec.json.encode(said)
    meta = Meta(_now(), money=hashlib.sha256(f"{said.seq}:{said.mac}".encode()).digest()[:16], src=SOURCE_TILL)
    return Incoming(till.stream, KIND_ANCHOR, f"{_START}{till.till_id}", body, body.decode(), meta)


def _now() -> int:
    return int(time.time() * 1000)
