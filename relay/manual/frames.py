"""Every frame of the websocket with an example, every code it is closed with, and the order of things.

It must not know AsyncAPI or a socket. A test holds the lists against the protocol: nothing is missing or made up.
"""

from hashlib import sha256
from typing import NamedTuple

from msgspec import Raw

from relay import protocol
from relay.protocol import (
    Ack,
    Bye,
    CaughtUp,
    Error,
    Event,
    Frame,
    Heartbeat,
    Hello,
    Reset,
    Skip,
    StreamCursor,
    StreamState,
    Validate,
    Verdict,
    Welcome,
)

_STREAM = "st_9f3c2a71"
_EPOCH = "e0c1d2e3f4a5b6978"
_BODY = Raw(
    b'{"TransID":"UJE7K2M9QX","TransAmount":"150.00","BusinessShortCode":"600966","BillRefNumber":"T1-142"}',
)
_DIGEST = sha256(_BODY).hexdigest()
_KEY = "c2b:600966:UJE7K2M9QX"


class FrameKind(NamedTuple):
    means: str
    example: Frame


FROM_TILL = (
    FrameKind(
        "First, within 5 seconds: the one stream and the cursor. Without a cursor, only `s`.",
        Hello([StreamCursor(_STREAM, _EPOCH, 1841, "7e1f" * 8)], app="my-till 1.0"),
    ),
    FrameKind(
        "After the till's own commit; all up to `seq`. At most 500 events go out without one.", Ack(_STREAM, 1842)
    ),
    FrameKind('The answer to `validate`: "0", or the code of a refusal.', Verdict("9d4e1c5b7a3f2068", "0")),
)
FROM_RELAY = (
    FrameKind(
        "The answer to `hello`. With `ok` false a `reset` follows; else the stream goes on behind the cursor, and a "
        "till that had no epoch takes this one.",
        Welcome("5c1d9e02", "2026-10-14T12:30:15.120Z", 25, 500, [StreamState(_STREAM, _EPOCH, 1842)]),
    ),
    FrameKind(
        "The till's cursor is of another log: it goes on, on the same connection, at `floor` in `epoch` with `chain`.",
        Reset(_STREAM, protocol.RESET_EPOCH, "e8b7a6958473625140"),
    ),
    FrameKind(
        "The next event: `seq` is one more than the cursor's, and `chain` follows from the cursor's.",
        Event(
            _STREAM,
            1842,
            protocol.chain_next("7e1f" * 8, 1842, _KEY, _DIGEST),
            protocol.KIND_C2B_CONFIRMATION,
            _KEY,
            protocol.TRUSTED,
            protocol.SOURCE_DARAJA,
            "2026-10-14T12:30:15.118Z",
            _DIGEST,
            receipt="UJE7K2M9QX",
            short_code="600966",
            body=_BODY,
        ),
    ),
    FrameKind("Events up to `to` are not for this till; the cursor moves there.", Skip(_STREAM, 1849, "c3a5" * 8)),
    FrameKind("Nothing is behind the cursor now.", CaughtUp(_STREAM, 1842)),
    FrameKind(
        "Every 25 seconds: where the stream ends. A till behind it that is sent nothing comes back.",
        Heartbeat({_STREAM: 1842}),
    ),
    FrameKind(
        "Only to a till that said `validate` in its `caps`: may this payment come in?",
        Validate("9d4e1c5b7a3f2068", 3000, _BODY),
    ),
    FrameKind("The relay ends; come back after a random time between these seconds.", Bye("drain", (1, 30))),
    FrameKind("Why the connection is about to be closed.", Error("no_such_stream", retry=False)),
)

CLOSE_CODES = {
    protocol.CLOSE_GOING_AWAY: "The relay ends; `bye` came before.",
    protocol.CLOSE_FAILED: "Something failed at the relay, or the path is not the feed's.",
    protocol.CLOSE_HELLO_TIMEOUT: "No `hello` came within 5 seconds.",
    protocol.CLOSE_BAD_FRAME: "What came is no frame, or it came before `hello`.",
    protocol.CLOSE_SLOW: "Nothing was acknowledged for 30 seconds.",
    protocol.CLOSE_REPLACED: "The same till has connected again; the newest connection holds.",
    protocol.CLOSE_RATE: "As many tills of this shop as may be are connected here already: come back later.",
    protocol.CLOSE_BAD_TOKEN: "No till has this token.",
    protocol.CLOSE_REVOKED: "The till was revoked.",
    protocol.CLOSE_NO_SUCH_STREAM: "The `hello` names other streams than the token opens.",
    protocol.CLOSE_UPGRADE_REQUIRED: "Another subprotocol, or another version in `hello`.",
}

ORDER = (
    "The till says `hello`; the relay answers `welcome`, then `reset` where the cursor is of another log.",
    "Then come the events behind the cursor, in order and without a gap, then `caught_up`, then each new one.",
    "`seq` counts by one, where `skip` counts for what it spans. After a gap, or a chain that does not follow, the "
    "till closes and comes back from its cursor; it never guesses.",
    "A `reset` may come at any time. Events go on from its floor, in its epoch, on the same connection.",
    "The till applies an event and moves its cursor in one transaction, and acknowledges after the commit.",
    "`hb`, `validate` and `bye` may come between any two frames.",
    "A frame of an unknown `t`, a field of an unknown name and an event of an unknown `kind` are left alone; the event "
    "still moves the cursor.",
)
