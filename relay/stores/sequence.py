"""What one batch of callbacks becomes: new event, duplicate or revision, with seq and chain.

Pure: it must not know a database or a thread. What is made for every callback is a Struct: a tuple takes four times as
long to make.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from relay.protocol import KIND_STK, SOURCE_DARAJA, TRUSTED, chain_next

SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1
COMPARED = 64
"""So many revisions of a key are compared with what comes, and its newest: whoever knows a shop's address may send any
number. A copy of another one is a further revision."""
_CHARGE = f"{KIND_STK}:"


class Encoding:
    """How a body's text is kept: as it came, because it is JSON that can be sent on, or as base64."""

    JSON = 0
    BASE64 = 1


class Outcome(StrEnum):
    NEW = "new"
    DUPLICATE = "dup"
    REVISION = "revision"


class Appended(msgspec.Struct, frozen=True, gc=False):
    """Where a callback stands in its stream: durable once this is in anyone's hands. A duplicate names the first."""

    epoch: str
    seq: int
    chain: str
    outcome: Outcome


class Meta(msgspec.Struct, frozen=True, gc=False):
    """What the relay knows of a callback beside its body. `money` is the same for two copies of the same payment."""

    at_ms: int
    trust: str = TRUSTED
    money: bytes = b""
    receipt: str | None = None
    nonce: str | None = None
    short_code: str | None = None
    encoding: int = Encoding.JSON
    src: str = SOURCE_DARAJA


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """`text` is the body in the encoding that `meta` names, `body` the bytes as they came."""

    stream: str
    kind: str
    key: str
    body: bytes
    text: str
    meta: Meta

    @classmethod
    def of(cls, stream: str, kind: str, key: str, body: bytes, meta: Meta) -> "Incoming":
        text = body.decode() if meta.encoding == Encoding.JSON else b64encode(body).decode()
        return cls(stream, kind, key, body, text, meta)


class Head(NamedTuple):
    stream_id: int
    epoch: str
    seq: int
    chain: str
    floor: int = 0

    def is_after(self, other: "Head") -> bool:
        """An epoch sorts behind the ones before it."""
        return (self.epoch, self.seq) > (other.epoch, other.seq)


class Known(msgspec.Struct, frozen=True, gc=False):
    """An event of the log that has the same identity as an incoming one."""

    rev: int
    money: bytes
    trust: str
    seq: int
    chain: str


class Row(NamedTuple):
    """One row of the event table, in its order. `key_start` and `key_end` are the key, cut at its last colon.

    What is bytes here is a bytearray in a new row: the driver binds that as it is, and asks three dictionaries about
    bytes first.
    """

    id: int
    stream_id: int
    key_end: str
    key_start: str
    rev: int
    kind: str
    receipt: str | None
    trust: str
    src: str
    at: int
    nonce: str | None
    short_code: str | None
    body_sha256: bytes | bytearray
    money: bytes | bytearray
    chain: bytes | bytearray
    encoding: int
    body: str | None

    @property
    def seq(self) -> int:
        return self.id & SEQ_MASK

    @property
    def key(self) -> str:
        return self.key_start + self.key_end

    @property
    def nonce_of_path(self) -> str | None:
        """From the key of a charge, which holds it: `nonce` is null there."""
        if self.nonce is None and self.key_start.startswith(_CHARGE):
            return self.key_start[len(_CHARGE) : -1]
        return self.nonce


def row_id(stream_id: int, seq: int) -> int:
    return stream_id << SEQ_BITS | seq


def cut_key(key: str) -> tuple[str, str]:
    """Its start with the last colon, and its end; together they are the key again."""
    at = key.rfind(":") + 1
    return key[:at], key[at:]


class Plan(NamedTuple):
    """One batch: rows to insert, for each incoming one its answer and its row, and the heads afterwards."""

    rows: list[Row]
    answers: list[Appended]
    written: list[Row | None]
    heads: dict[str, Head]


Identity = tuple[int, str]


def plan(batch: Sequence[Incoming], heads: dict[str, Head], known: dict[Identity, list[Known]]) -> Plan:
    """Changes none of what it is given but `known`, which it extends by what the batch itself adds.

    `known` is in the order of revisions; it may name one more than once, where the batch asks for it more than once.
    """
    made = Plan([], [], [], {})
    ends: dict[str, _End] = {}
    for incoming in batch:
        end = ends.get(incoming.stream)
        if end is None:
            end = ends[incoming.stream] = _End(heads[incoming.stream])
        same = known.setdefault((end.stream_id, incoming.key), [])
        first = duplicate_of(same, incoming.meta.money, incoming.meta.trust) if same else None
        if first is not None:
            made.answers.append(Appended(end.epoch, first.seq, first.chain, Outcome.DUPLICATE))
            made.written.append(None)
            continue
        rev = same[-1].rev + 1 if same else 0
        row = end.add(incoming, rev)
        made.rows.append(row)
        made.written.append(row)
        same.append(Known(rev, incoming.meta.money, row.trust, end.seq, end.chain))
        made.answers.append(Appended(end.epoch, end.seq, end.chain, Outcome.REVISION if rev else Outcome.NEW))
    made.heads.update({name: heads[name]._replace(seq=end.seq, chain=end.chain) for name, end in ends.items()})
    return made


class _End:
    """Where a stream ends while a batch is added to it."""

    __slots__ = ("chain", "epoch", "seq", "stream_id")

    def __init__(self, head: Head) -> None:
        self.stream_id = head.stream_id
        self.epoch = head.epoch
        self.seq = head.seq
        self.chain = head.chain

    def add(self, incoming: Incoming, rev: int) -> Row:
        meta = incoming.meta
        digest = hashlib.sha256(incoming.body).digest()
        start, end = cut_key(incoming.key)
        self.seq += 1
        self.chain = chain_next(self.chain, self.seq, incoming.key, digest)
        return Row(
            row_id(self.stream_id, self.seq),
            self.stream_id,
            end,
            start,
            rev,
            incoming.kind,
            meta.receipt,
            meta.trust,
            meta.src,
            meta.at_ms,
            None if start == f"{_CHARGE}{meta.nonce}:" else meta.nonce,
            meta.short_code,
            bytearray(digest),
            bytearray(meta.money),
            bytearray.fromhex(self.chain),
            meta.encoding,
            incoming.text,
        )


def duplicate_of(same: Iterable[Known], money: bytes, trust: str) -> Known | None:
    """A trusted copy is never a duplicate of a quarantined one: a forgery must not hide the real event."""
    for known in same:
        if known.money == money and known.trust in (TRUSTED, trust):
            return known
    return None
