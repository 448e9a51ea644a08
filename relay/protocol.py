"""What a till and the relay say to each other: frames, cursor, chain, nonces, pairing; all that a till imports of it.

It must not know sockets, databases or how either side stores anything.

After `welcome` the relay sends every event behind the cursor in order, then `caught_up`, then each new one as it
comes. After `reset` both sides go on, on the same connection, from its floor and the chain there, in its epoch; but
after a reset of reason "replay" the relay says `bye`, and the till's next hello shows that it took it.
"""

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec

VERSION = 1
SUBPROTOCOL = "tillrelay.v1"
CONNECT_PATH = "/v1/connect"
PAIR_PATH = "/v1/pair"
EVENTS_PATH = "/v1/events/"
RULES_PATH = "/v1/rules"
CLAIMS_PATH = "/v1/claims"
RELEASES_PATH = "/v1/releases"
PULLED_PATH = "/v1/pulled"
PROMOTIONS_PATH = "/v1/promotions"
ANCHORS_PATH = "/v1/anchors"

HEARTBEAT_SECONDS = 25
HELLO_SECONDS = 5
WINDOW = 500
MAX_FRAME_BYTES = 256 * 1024
"""A till's websocket must accept frames up to this: a body has at most 64 KiB and may travel as base64."""

CLOSE_HELLO_TIMEOUT = 4001
CLOSE_BAD_FRAME = 4002
CLOSE_SLOW = 4008
CLOSE_REPLACED = 4009
CLOSE_RATE = 4029
CLOSE_BAD_TOKEN = 4501
CLOSE_REVOKED = 4503
CLOSE_NO_SUCH_STREAM = 4504
CLOSE_UPGRADE_REQUIRED = 4526
CLOSE_GOING_AWAY = 1001
CLOSE_FAILED = 1011

KIND_STK = "stk"
KIND_C2B_CONFIRMATION = "c2b.confirmation"
KIND_C2B_PULLED = "c2b.pulled"
KIND_C2B_VALIDATION = "c2b.validation"
KIND_RESULT = "result"
KIND_TIMEOUT = "timeout"
KIND_CLAIM = "claim"
KIND_RELEASE = "release"
KIND_ANCHOR = "anchor"
KIND_UNPARSED = "unparsed"

TRUSTED = "trusted"
QUARANTINED = "quarantined"
SOURCE_DARAJA = "daraja"
SOURCE_TILL = "till"
SOURCE_PULL = "pull"
SOURCE_OPERATOR = "operator"

CAP_VALIDATE = "validate"
"""Said in `hello` by a till that answers `validate`."""

RESET_EPOCH = "epoch"
RESET_FORK = "fork"
RESET_AHEAD = "ahead"
RESET_TRIMMED = "trimmed"
RESET_REPLAY = "replay"
"""Nothing is wrong with the log: an operator wants this till to read it again from there."""

ERROR_BAD_TOKEN = "bad token"  # noqa: S105 — words of an answer
ERROR_REVOKED = "revoked"
ERROR_NO_SUCH_STREAM = "no such stream"
ERROR_WRONG_CODE = "wrong or used code"
ERROR_UNKNOWN_RECEIPT = "unknown receipt"
ERROR_QUARANTINED = "quarantined"
ERROR_TAKEN = "taken"
ERROR_NOT_HELD = "not held"
ERROR_AUDIT_CUT = "an older audit log"
ERROR_NEWER_RULES = "newer rules"
ERROR_BUSY = "busy"
ERROR_TOO_OFTEN = "too many requests, wait a second"
ERROR_TOO_MANY_CODES = "too many wrong codes, wait a minute"

GENESIS = "0" * 32
"""The chain before the first event."""

RECEIPT = "[0-9A-Z]{1,32}"
SHORT_CODE = "[0-9]{1,12}"
MAC = "[0-9a-f]{64}"
DIGEST = "[0-9a-f]{32,64}"
MAX_SALE = 32
MAX_ROWS = 100
MAX_NUMBER = 2**53 - 1
"""Of what a till counts: every language can read it."""


def closes_for_good(code: int) -> bool:
    """True where a till stops and tells a person, false where it connects again after a jittered wait."""
    return 4500 <= code <= 4999


def refuses_for_good(body: bytes) -> bool:
    """The same of an HTTP answer, by what its body says: a status alone may come from anything in between."""
    return error_of(body) in {ERROR_BAD_TOKEN, ERROR_REVOKED, ERROR_NO_SUCH_STREAM}


def error_body(error: str) -> bytes:
    return _encoder.encode({"error": error})


def error_of(body: bytes) -> str:
    """What the relay says is wrong; empty for a body that is not the relay's."""
    try:
        return _error.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _spelt(pattern: str) -> msgspec.Meta:
    """For readers of the schema. It is not held here: Python lets a line end pass at the end of a pattern."""
    return msgspec.Meta(extra_json_schema={"pattern": f"^{pattern}$"})


class Cursor(msgspec.Struct, frozen=True):
    """How far a till has applied a stream: moved in the transaction that applies the event."""

    epoch: str = ""
    seq: int = 0
    chain: str = GENESIS


class StreamCursor(msgspec.Struct):
    s: str
    epoch: str = ""
    seq: int = 0
    chain: str = GENESIS


class StreamState(msgspec.Struct):
    """`ok` is false where a `reset` for that stream follows; its epoch is the one that holds from then on."""

    s: str
    epoch: str
    head: int
    floor: int = 0
    ok: bool = True


class Hello(msgspec.Struct, tag_field="t", tag="hello"):
    streams: list[StreamCursor]
    v: int = VERSION
    app: str = ""
    caps: list[str] = []


class Ack(msgspec.Struct, tag_field="t", tag="ack"):
    """Sent after the till's own commit; cumulative, and at most about once a second."""

    s: str
    seq: int


class Verdict(msgspec.Struct, tag_field="t", tag="verdict"):
    """The answer to a `validate` of the same id: "0", or one of Safaricom's codes, C2B00011 to C2B00016."""

    id: str
    code: str


class Welcome(msgspec.Struct, tag_field="t", tag="welcome"):
    sid: str
    now: str
    hb: float
    window: int
    streams: list[StreamState]
    v: int = VERSION


class Reset(msgspec.Struct, tag_field="t", tag="reset"):
    """`floor` is the last seq that the relay may no longer have, 0 where it has all; `chain` is the chain there."""

    s: str
    reason: str
    epoch: str
    floor: int = 0
    chain: str = GENESIS


def _null() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class Event(msgspec.Struct, tag_field="t", tag="event"):
    """One callback. `body` is Daraja's JSON to the byte, but for white space around it; where it was no JSON it is null
    and `raw` has it as base64; of one that was erased neither is there. `body_sha256` is of all that came.

    `rev` is 0 for the first of its key and counts the revisions; `at` is UTC; `nonce` is the one of the STK path.
    """

    s: str
    seq: int
    chain: str
    kind: str
    key: str
    trust: str
    src: str
    at: str
    body_sha256: str
    receipt: str | None = None
    rev: int = 0
    nonce: str | None = None
    short_code: str | None = None
    raw: str | None = None
    body: msgspec.Raw = msgspec.field(default_factory=_null)

    def follows(self, cursor: Cursor) -> bool:
        """True if this is the very next event after `cursor` and its chain is right; if not, the till reconnects."""
        expected = chain_next(cursor.chain, self.seq, self.key, self.body_sha256)
        return self.seq == cursor.seq + 1 and hmac.compare_digest(expected, self.chain)


class Skip(msgspec.Struct, tag_field="t", tag="skip"):
    """Events up to `to` are not for this till; `chain` is the chain at `to`."""

    s: str
    to: int
    chain: str


class CaughtUp(msgspec.Struct, tag_field="t", tag="caught_up"):
    s: str
    seq: int


class Heartbeat(msgspec.Struct, tag_field="t", tag="hb"):
    heads: dict[str, int]


class Bye(msgspec.Struct, tag_field="t", tag="bye"):
    """The relay is about to close; come back after a random time between the two seconds of `retry_in`."""

    reason: str
    retry_in: tuple[float, float]


class Validate(msgspec.Struct, tag_field="t", tag="validate"):
    """May this payment come in? Only tills that said `CAP_VALIDATE` are asked; one that accepts is enough."""

    id: str
    deadline_ms: int
    body: msgspec.Raw


class Error(msgspec.Struct, tag_field="t", tag="error"):
    code: str
    retry: bool
    id: str = ""


FromTill = Hello | Ack | Verdict
FromRelay = Welcome | Reset | Event | Skip | CaughtUp | Heartbeat | Validate | Bye | Error
Frame = FromTill | FromRelay


class PairRequest(msgspec.Struct):
    """`device` names the till's own records for ever: it has one till code in a shop, however often it pairs.

    `till_code` is the one that it would like, for which it has receipts or charges already; the relay decides.
    """

    code: str
    name: str
    device: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
    till_code: str = ""


class PairResponse(msgspec.Struct):
    """`till_code` begins the till's account references; no other device of the shop ever had it."""

    till_id: str
    till_code: str
    token: str
    shop: str
    stream: str
    callback_base: str
    nonce_key: str


class ClaimRequest(msgspec.Struct):
    """`sale` is the till's own name for its sale; `nonce` proves a charge to be the till's."""

    receipt: Annotated[str, _spelt(RECEIPT)]
    sale: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SALE)]
    cashier: str = ""
    nonce: str = ""


class ReleaseRequest(msgspec.Struct):
    receipt: Annotated[str, _spelt(RECEIPT)]
    generation: int
    reason: str = ""
    cashier: str = ""


class Claim(msgspec.Struct):
    """Body of a `claim` and of a `release`, and the answer to the request. `at` is UTC; the first generation is 1."""

    receipt: str
    generation: int
    till_id: str
    till: str
    sale: str
    cashier: str
    at: str
    reason: str = ""


class PulledRequest(msgspec.Struct):
    """Rows of Pull Transactions as they came, of one short code."""

    short_code: Annotated[str, _spelt(SHORT_CODE)]
    rows: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_ROWS)]


class Promotion(msgspec.Struct):
    """Of the event with that key the one message that was found true: another may have come under its name since."""

    key: str
    body_sha256: Annotated[str, _spelt(DIGEST)]
    """Its beginning is enough, 32 hex digits of it."""


class AnchorRequest(msgspec.Struct):
    """The last entry of a till's audit log: its number and its keyed hash."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
    mac: Annotated[str, _spelt(MAC)]


class Anchor(msgspec.Struct):
    """Body of an `anchor`, and the answer to the request. `at` is UTC, by the relay's clock."""

    seq: int
    mac: str
    till_id: str
    at: str


class Unanchored(msgspec.Struct):
    """409: the relay knows a later end of that log, or another entry of that number."""

    error: str
    anchor: Anchor


class Taken(msgspec.Struct):
    """409: why not; who has it, or the nonce of the charge that it pays."""

    error: str
    claim: Claim | None = None
    nonce: str = ""


class _Refusal(msgspec.Struct):
    error: str


class _Tag(msgspec.Struct):
    t: str


_Any = TypeVar("_Any")
_encoder = msgspec.json.Encoder()
_from_till: msgspec.json.Decoder[FromTill] = msgspec.json.Decoder(FromTill)
_from_relay: msgspec.json.Decoder[FromRelay] = msgspec.json.Decoder(FromRelay)
_tag = msgspec.json.Decoder(_Tag)
_error = msgspec.json.Decoder(_Refusal)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_TILL_TAGS = frozenset({"hello", "ack", "verdict"})
_RELAY_TAGS = frozenset({"welcome", "reset", "event", "skip", "caught_up", "hb", "validate", "bye", "error"})

MalformedFrameError = msgspec.DecodeError
"""Raised by the decoders for anything that is no frame of this protocol; RecursionError is turned into it."""


def encode(frame: Frame | PairRequest | PairResponse | ClaimRequest | ReleaseRequest) -> bytes:
    return _encoder.encode(frame)


def encode_frames(frames: list[FromRelay]) -> bytes:
    return _encoder.encode(frames)


def decode_from_till(data: bytes | str) -> FromTill | None:
    """None for a frame of an unknown type, which is to be ignored; MalformedFrameError for anything unreadable."""
    return _decode(_from_till, _TILL_TAGS, data)


def decode_from_relay(data: bytes | str | msgspec.Raw) -> FromRelay | None:
    """None for a frame of an unknown type, which is to be ignored; MalformedFrameError for anything unreadable."""
    return _decode(_from_relay, _RELAY_TAGS, data)


def decode_frames(data: bytes) -> list[FromRelay]:
    """The frames of one long-poll answer, without those of unknown type."""
    return [frame for frame in map(decode_from_relay, _list.decode(data)) if frame is not None]


def _decode(decoder: msgspec.json.Decoder[_Any], known: frozenset[str], data: bytes | str | msgspec.Raw) -> _Any | None:
    try:
        return decoder.decode(data)
    except RecursionError as too_deep:
        raise MalformedFrameError("nested too deep") from too_deep
    except msgspec.ValidationError:
        if _tag.decode(data).t not in known:
            return None
        raise


def decode_pair_request(data: bytes) -> PairRequest:
    return msgspec.json.decode(data, type=PairRequest)


def decode_pair_response(data: bytes) -> PairResponse:
    return msgspec.json.decode(data, type=PairResponse)


def decode_claim(data: bytes) -> Claim:
    return msgspec.json.decode(data, type=Claim)


def decode_taken(data: bytes) -> Taken:
    return msgspec.json.decode(data, type=Taken)


def claim_in(body: object) -> Claim:
    """Of an event whose JSON was decoded before."""
    return msgspec.convert(body, Claim)


def chain_next(chain: str, seq: int, key: str, body_sha256: bytes | str) -> str:
    """The chain at `seq`: first 16 bytes of SHA-256 over the chain before, seq, key and the body's SHA-256, as hex."""
    digest = body_sha256 if isinstance(body_sha256, str) else body_sha256.hex()
    return hashlib.sha256(f"{chain}\n{seq}\n{key}\n{digest}".encode()).hexdigest()[:32]


def make_nonce(nonce_key: str) -> str:
    """32 hex digits: 16 random ones and the first 16 of their HMAC. Made by the till, checked by the relay."""
    head = secrets.token_hex(8)
    return head + _nonce_proof(nonce_key, head)


def nonce_is_real(nonce_key: str, nonce: str) -> bool:
    """Compares in constant time; never raises, whatever the text."""
    head, proof = nonce[:16], nonce[16:]
    if len(nonce) != 32 or not nonce.isascii():
        return False
    return hmac.compare_digest(_nonce_proof(nonce_key, head), proof)


def validation_echo(nonce_key: str, receipt: str) -> str:
    """The ThirdPartyTransID of our accept, which the confirmation brings back: nobody else can make it."""
    keyed = _keyed(nonce_key).copy()
    keyed.update(b"validated " + receipt.encode("utf-8", "surrogatepass"))
    return "V" + keyed.hexdigest()[:15].upper()


def _nonce_proof(nonce_key: str, head: str) -> str:
    # Not hmac.digest(): it lets the interpreter lock go for these 16 bytes, and a busy relay waits to have it back.
    keyed = _keyed(nonce_key).copy()
    keyed.update(head.encode())
    return keyed.hexdigest()[:16]


@lru_cache(maxsize=4096)
def _keyed(nonce_key: str) -> hmac.HMAC:
    return hmac.new(nonce_key.encode(), digestmod="sha256")
