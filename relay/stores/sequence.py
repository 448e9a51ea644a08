"""What one batch of callbacks becomes: new event, duplicate or revision, with seq and chain.

Pure: it must not know a database or a thread.
"""

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from relay.protocol import SOURCE_DARAJA, TRUSTED, chain_next


class Encoding:
    """How a body's text is kept: as it came, because it is JSON that can be sent on, or as base64."""

    JSON = 0
    BASE64 = 1


class Outcome(StrEnum):
    NEW = "new"
    DUPLICATE = "dup"
    REVISION = "revision"


class Appended(NamedTuple):
    """Where a callback stands in its stream: durable once this is in anyone's hands. A duplicate names the first."""

    epoch: str
    seq: int
    chain: str
    outcome: Outcome


class Meta(NamedTuple):
    """What the relay knows of a callback beside its body. `money` is the same for two copies of the same payment."""

    at_ms: int
    trust: str = TRUSTED
    money: str = ""
    receipt: str | None = None
    nonce: str | None = None
    short_code: str | None = None
    src: str = SOURCE_DARAJA
    encoding: int = Encoding.JSON


class Incoming(NamedTuple):
    """`text` is the body in the encoding that `meta` names, `body` the bytes as they came."""

    stream: str
    kind: str
    key: str
    body: bytes
    text: str
    meta: Meta


class Head(NamedTuple):
    stream_id: int
    epoch: str
    seq: int
    chain: str
    floor: int = 0


class Known(NamedTuple):
    """An event of the log that has the same identity as an incoming one."""

    rev: int
    money: str
    trust: str
    seq: int
    chain: str


class Row(NamedTuple):
    """One row of the event table, in its order."""

    id: int
    stream_id: int
    seq: int
    rev: int
    kind: str
    key: str
    receipt: str | None
    trust: str
    src: str
    at: int
    nonce: str | None
    short_code: str | None
    body_sha256: str
    money: str
    chain: str
    encoding: int


class Plan(NamedTuple):
    """One batch: rows to insert with their texts, the answer for each incoming one, and the heads afterwards."""

    rows: list[Row]
    texts: list[str]
    answers: list[Appended]
    written: list[Row | None]
    heads: dict[str, Head]


Identity = tuple[int, str]


def plan(
    batch: Sequence[Incoming],
    heads: dict[str, Head],
    known: dict[Identity, list[Known]],
    next_id: int,
) -> Plan:
    """Changes none of what it is given but `known`, which it extends by what the batch itself adds."""
    made = Plan([], [], [], [], {})
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
        row = end.add(incoming, len(same), next_id + len(made.rows))
        made.rows.append(row)
        made.texts.append(incoming.text)
        made.written.append(row)
        same.append(Known(row.rev, row.money, row.trust, row.seq, row.chain))
        outcome = Outcome.REVISION if row.rev else Outcome.NEW
        made.answers.append(Appended(end.epoch, row.seq, row.chain, outcome))
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

    def add(self, incoming: Incoming, rev: int, row_id: int) -> Row:
        meta = incoming.meta
        digest = hashlib.sha256(incoming.body).hexdigest()
        self.seq += 1
        self.chain = chain_next(self.chain, self.seq, incoming.key, digest)
        return Row(
            row_id,
            self.stream_id,
            self.seq,
            rev,
            incoming.kind,
            incoming.key,
            meta.receipt,
            meta.trust,
            meta.src,
            meta.at_ms,
            meta.nonce,
            meta.short_code,
            digest,
            meta.money,
            self.chain,
            meta.encoding,
        )


def duplicate_of(same: Iterable[Known], money: str, trust: str) -> Known | None:
    """A trusted copy is never a duplicate of a quarantined one: a forgery must not hide the real event."""
    for known in same:
        if known.money == money and known.trust in (TRUSTED, trust):
            return known
    return None
