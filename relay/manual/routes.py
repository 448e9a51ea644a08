"""Every path of the relay over HTTP and all that each may answer: one table, behind the OpenAPI page and its tests.

It must not know how a path does its work. A test holds the table against the application: a path that stands here
exists, one that exists stands here, and each of the answers is really given.
"""

from typing import Any, NamedTuple

import msgspec

from relay import protocol
from relay.protocol import (
    Anchor,
    AnchorRequest,
    Claim,
    ClaimRequest,
    FromRelay,
    PairRequest,
    PairResponse,
    Promotion,
    PulledRequest,
    ReleaseRequest,
    Taken,
    Unanchored,
)
from relay.rules import Rules

SAFARICOM = "callbacks"
PAIRING = "pairing"
TILL = "tills"
OPERATOR = "operator"
MEANS = {
    SAFARICOM: "What Safaricom posts. The key in the path is the shop's secret; nothing else is asked for.",
    PAIRING: "How a till gets its token.",
    TILL: "What a till asks for, with its token. A token opens its own shop and nothing else.",
    OPERATOR: "For whoever runs the relay.",
}


class Answer(NamedTuple):
    """`body` is what the JSON holds, or str for plain text. `errors` are the words that its `error` may be; any, where
    none are listed.
    """

    status: int
    means: str
    body: Any
    errors: tuple[str, ...] = ()


class Route(NamedTuple):
    """`asks` is what the body must hold; None where none is read, Any where whatever comes is taken."""

    method: str
    path: str
    name: str
    who: str
    means: str
    answers: tuple[Answer, ...]
    asks: Any = None


class Accepted(msgspec.Struct):
    """As Safaricom's documents want a callback to be answered."""

    ResultCode: int
    ResultDesc: str


class Validated(msgspec.Struct):
    """`ResultCode` is "0", or the code of the refusal. The id comes back in the confirmation of the payment."""

    ResultCode: str
    ResultDesc: str
    ThirdPartyTransID: str | None = None


class Refusal(msgspec.Struct):
    """Why not, in words that stay as they are: a program may compare them."""

    error: str


class PulledReply(msgspec.Struct):
    """Rows that were appended, rows that the log had already, rows that are none."""

    new: int
    known: int
    unreadable: int


class Promoted(msgspec.Struct):
    """False where the event was trusted already."""

    new: bool


class Live(msgspec.Struct):
    alive: bool


class Ready(msgspec.Struct):
    ready: bool


def _refused(status: int, means: str, *errors: str) -> Answer:
    return Answer(status, means, Refusal, errors)


_STORED = Answer(200, "Stored for good, now or before, whatever it is.", Accepted)
_NO_KEY = _refused(404, "No shop has this key, or the path is none.", "not found")
_NOT_STORED = _refused(
    503,
    "Kept nowhere, neither in the store nor in the spool; the only answer after which a callback is lost.",
    "not stored, send again",
)
_CALLBACK = (
    _STORED,
    _NO_KEY,
    _refused(408, "The body was not whole after 3 seconds.", "too slow"),
    _refused(413, "The body has more than 64 KiB.", "too large"),
    _NOT_STORED,
)
_NOT_NOW = _refused(503, "The store does not answer; ask again later.", "not possible now")
_TOKEN = (
    _refused(401, "No till has this token.", protocol.ERROR_BAD_TOKEN),
    _refused(403, "The till was revoked; only a new pairing helps.", protocol.ERROR_REVOKED),
    _refused(429, "200 requests of this till beyond 20 a second.", protocol.ERROR_TOO_OFTEN),
    _NOT_NOW,
)


def _unreadable(*errors: str) -> Answer:
    return _refused(400, "The body is no such request, too large or too slow.", "the body cannot be read", *errors)


def _callback(path: str, name: str, means: str) -> Route:
    return Route("POST", f"/h/{{key}}/{path}", name, SAFARICOM, means, _CALLBACK, Any)


def _till(method: str, path: str, name: str, means: str, *answers: Answer, asks: Any = None) -> Route:
    return Route(method, path, name, TILL, means, answers + _TOKEN, asks)


ROUTES = (
    _callback("c2b/confirm", "confirm", "A customer's payment has come in."),
    Route(
        "POST",
        "/h/{key}/c2b/validate",
        "validate",
        SAFARICOM,
        "May this payment come in? Answered by the shop's rules within a second, within 3.5 where they let a till be "
        "asked.",
        (Answer(200, "Accepted, or refused with a code.", Validated), _NO_KEY, _NOT_STORED),
        Any,
    ),
    _callback(
        "stk/{nonce}", "stk", "The result of a charge. The header BusinessShortCode, where there is one, counts."
    ),
    _callback("result/{nonce}", "result", "The result of a refund, a status query or a balance."),
    _callback("timeout/{nonce}", "timeout", "The queue timeout of one of these."),
    Route(
        "POST",
        protocol.PAIR_PATH,
        "pair",
        PAIRING,
        "A one-time code for a token.",
        (
            Answer(200, "Paired. The token is shown this once.", PairResponse),
            _refused(400, "The body is no such request, too large or too slow.", "not a pairing request"),
            _refused(403, "Wrong, used, older than 10 minutes, or tried wrongly 5 times.", protocol.ERROR_WRONG_CODE),
            _refused(
                429,
                "20 wrong codes from this address, or its /64, in a minute.",
                protocol.ERROR_TOO_MANY_CODES,
            ),
            _NOT_NOW,
        ),
        PairRequest,
    ),
    _till(
        "GET",
        protocol.EVENTS_PATH + "{stream}",
        "poll",
        "The long poll: the same frames as on the websocket, from the same cursor. Waits for the first event.",
        Answer(200, "`welcome`, a `reset` if need be, then events or `caught_up`; `bye` at the end.", list[FromRelay]),
        _refused(400, "`after` or `wait` is no number.", "bad cursor"),
        _refused(404, "The token is for another stream.", protocol.ERROR_NO_SUCH_STREAM),
    ),
    _till(
        "POST",
        protocol.CLAIMS_PATH,
        "claim",
        "This payment is for this sale of this till. Of all that ask for a receipt one wins.",
        Answer(200, "It is, now or already.", Claim),
        _unreadable("receipt"),
        Answer(404, "The log has no such payment.", Taken, (protocol.ERROR_UNKNOWN_RECEIPT,)),
        Answer(
            409,
            "Another has it, or nobody may yet: the payment is not trusted.",
            Taken,
            (protocol.ERROR_TAKEN, protocol.ERROR_QUARANTINED),
        ),
        asks=ClaimRequest,
    ),
    _till(
        "POST",
        protocol.RELEASES_PATH,
        "release",
        "The till that holds a receipt gives it back.",
        Answer(200, "Given back, now or already.", Claim),
        _unreadable("receipt"),
        Answer(409, "This till does not hold this generation of it.", Taken, (protocol.ERROR_NOT_HELD,)),
        asks=ReleaseRequest,
    ),
    _till(
        "POST",
        protocol.PULLED_PATH,
        "pulled",
        "Rows of Pull Transactions: those that the log lacks are appended.",
        Answer(200, "How many were new.", PulledReply),
        _unreadable("short_code"),
        asks=PulledRequest,
    ),
    _till(
        "POST",
        protocol.PROMOTIONS_PATH,
        "promote",
        "A quarantined event was found true: it is appended again, as trusted.",
        Answer(200, "It is trusted, now or already.", Promoted),
        _unreadable("body_sha256"),
        Answer(404, "The log has no such event, or no longer its body.", Taken, ("unknown event",)),
        asks=Promotion,
    ),
    _till(
        "POST",
        protocol.ANCHORS_PATH,
        "anchor",
        "Where the till's own sealed record ends: kept here, so that cutting its end off is found out.",
        Answer(200, "Kept, now or already.", Anchor),
        _unreadable("mac"),
        Answer(409, "The relay knows a later end, or another entry there.", Unanchored, (protocol.ERROR_AUDIT_CUT,)),
        asks=AnchorRequest,
    ),
    _till(
        "GET",
        protocol.ANCHORS_PATH,
        "anchored",
        "The till's last anchor.",
        Answer(200, "The last one.", Anchor),
        _unreadable(),
        _refused(404, "There is none yet.", "no anchor yet"),
    ),
    _till(
        "PUT",
        protocol.RULES_PATH,
        "set_rules",
        "What the relay answers when Safaricom asks whether a payment may come in; for the whole shop.",
        Answer(200, "They hold.", Rules),
        _refused(400, "The sentence names the field that cannot be used."),
        _refused(409, "The shop has rules of this version, or a later one.", protocol.ERROR_NEWER_RULES),
        asks=Rules,
    ),
    _till(
        "GET",
        protocol.RULES_PATH,
        "rules",
        "The rules that hold.",
        Answer(200, "Version 0 where no till has set any.", Rules),
        _unreadable(),
    ),
    Route("GET", "/livez", "livez", OPERATOR, "The process runs.", (Answer(200, "It does.", Live),)),
    Route(
        "GET",
        "/readyz",
        "readyz",
        OPERATOR,
        "Callbacks can be made durable, in the store or in the spool, and nobody is saying goodbye.",
        (Answer(200, "They can.", Ready), Answer(503, "They cannot, or the relay ends.", Ready)),
    ),
    Route(
        "GET",
        "/metrics",
        "metrics",
        OPERATOR,
        "Figures for Prometheus, for listed addresses alone.",
        (Answer(200, "In Prometheus' text format.", str), _refused(404, "To everybody else.", "not found")),
    ),
)
