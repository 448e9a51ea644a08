"""The two statements of the hot path on PostgreSQL: a batch written, its copies looked up.

It must not know threads, waiters or what a batch means. Errors come as SQLAlchemyError.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from relay.protocol import KIND_ANCHOR, KIND_CLAIM, KIND_RELEASE
from relay.stores.postgresql_arrays import bigints, byteas, integers, texts
from relay.stores.postgresql_connecting import translated
from relay.stores.sequence import COMPARED, SEQ_BITS, SEQ_MASK, Head, Identity, Incoming, Known, Row, cut_key

MAX_BATCH = 256
HEADS = "relay_heads"
"""The channel on which streams are named that have moved: the sender, and their ids or `*` for any."""
_MAX_HINT = 7900

# One statement is one transaction and one round trip. It moves the heads only if all of them are where the relay
# remembers them (`fits`), else it does nothing. They are locked in the order of their ids, so that two relays never
# wait for each other. Whoever holds a head gives its events their day, which so never goes back along seq. No part of
# it is joined with another but by an index: a batch may be of as many streams as it has events.
_WRITE = f"""
    WITH held AS MATERIALIZED (
        SELECT id, epoch, head_seq, head_chain, head_day
        FROM stream WHERE id = ANY (%(stream)b::bigint[]) ORDER BY id FOR NO KEY UPDATE
    ), fits AS (
        SELECT greatest(max(head_day), %(today)s::date) AS day,
            array_agg(id) = %(stream)b::bigint[] AND array_agg(epoch) = %(epoch)b::text[]
            AND array_agg(head_seq) = %(seq)b::bigint[] AND array_agg(head_chain) = %(chain)b::bytea[] AS all
        FROM held
    ), come AS MATERIALIZED (
        SELECT fits.day, c.*
        FROM fits, unnest(
            %(id)b::bigint[], %(key_end)b::text[], %(key_start)b::text[], %(rev)b::integer[], %(kind)b::text[],
            %(receipt)b::text[], %(trust)b::text[], %(src)b::text[], %(at)b::bigint[], %(nonce)b::text[],
            %(short_code)b::text[], %(body_sha256)b::bytea[], %(money)b::bytea[], %(row_chain)b::bytea[],
            %(encoding)b::integer[], %(body)b::text[]
        ) AS c (
            id, key_end, key_start, rev, kind, receipt, trust, src, at, nonce, short_code, body_sha256, money, chain,
            encoding, body
        ) WHERE fits.all
    ), moved AS (
        UPDATE stream SET head_seq = new_seq, head_chain = new_chain, head_day = fits.day
        FROM fits, unnest(%(stream)b::bigint[], %(new_seq)b::bigint[], %(new_chain)b::bytea[])
            AS m (id, new_seq, new_chain)
        WHERE stream.id = m.id AND fits.all
    ), known AS (
        INSERT INTO event_key (id, day, stream_id, key_end, key_start, rev, kind, receipt, trust, money, chain, body)
        SELECT id, day, id >> {SEQ_BITS}, key_end, key_start, rev, kind, receipt, trust, money, chain,
            CASE WHEN kind IN ('{KIND_CLAIM}', '{KIND_RELEASE}', '{KIND_ANCHOR}') THEN body END
        FROM come
    ), kept AS (
        INSERT INTO event (id, day, src, at, nonce, short_code, body_sha256, encoding, body)
        SELECT id, day, src, at, nonce, short_code, body_sha256, encoding, body FROM come
    )
    SELECT fits.all{{}} FROM fits
"""  # noqa: S608 (names of our own)
_ALONE = _WRITE.format("")
_AND_HINT = _WRITE.format(", CASE WHEN fits.all THEN pg_notify(%(channel)s, %(hint)s)::text END")

# Two looks into the index for each of the batch; OFFSET keeps a plan made for an empty table from being another.
_KNOWN = f"""
    SELECT k.stream_id, k.key_start || k.key_end, k.rev, k.money, k.trust, k.id, k.chain
    FROM unnest(%(key_end)b::text[], %(key_start)b::text[], %(stream)b::bigint[]) AS a (key_end, key_start, stream_id)
    CROSS JOIN LATERAL (
        (SELECT * FROM event_key AS e
        WHERE e.key_end = a.key_end AND e.key_start = a.key_start AND e.stream_id = a.stream_id
        AND e.rev < {COMPARED} OFFSET 0)
        UNION ALL
        (SELECT * FROM event_key AS e
        WHERE e.key_end = a.key_end AND e.key_start = a.key_start AND e.stream_id = a.stream_id
        AND e.rev >= {COMPARED} ORDER BY e.rev DESC LIMIT 1)
    ) AS k ORDER BY k.rev
"""  # noqa: S608 (a number of our own)


def write(
    connection: psycopg.Connection[Any],
    rows: Sequence[Row],
    before: Mapping[str, Head],
    after: Mapping[str, Head],
    sender: str | None,
) -> bool:
    """False, and nothing done, where a head is not where it is remembered. Durable when it returns, unless the
    connection is in a transaction. IntegrityError if one of the rows is in the log already.
    """
    columns = Row(*zip(*rows, strict=True))  # type: ignore[arg-type]  # each is a column here
    moving = sorted((before[name], head) for name, head in after.items() if head.seq != before[name].seq)
    values = {**_heads(moving), **_columns(columns), "today": _today()}
    if sender is not None:
        values |= {"channel": HEADS, "hint": _hint(sender, [head.stream_id for head, _ in moving])}
    with translated():
        found = connection.execute(_ALONE if sender is None else _AND_HINT, values, prepare=True).fetchone()
    return found is not None and bool(found[0])


def _heads(moving: Sequence[tuple[Head, Head]]) -> dict[str, object]:
    return {
        "stream": bigints([old.stream_id for old, _ in moving]),
        "epoch": texts([old.epoch for old, _ in moving]),
        "seq": bigints([old.seq for old, _ in moving]),
        "chain": byteas([bytes.fromhex(old.chain) for old, _ in moving]),
        "new_seq": bigints([new.seq for _, new in moving]),
        "new_chain": byteas([bytes.fromhex(new.chain) for _, new in moving]),
    }


def _columns(columns: Any) -> dict[str, object]:
    return {
        "id": bigints(columns.id),
        "key_end": texts(columns.key_end),
        "key_start": texts(columns.key_start),
        "rev": integers(columns.rev),
        "kind": texts(columns.kind),
        "receipt": texts(columns.receipt),
        "trust": texts(columns.trust),
        "src": texts(columns.src),
        "at": bigints(columns.at),
        "nonce": texts(columns.nonce),
        "short_code": texts(columns.short_code),
        "body_sha256": byteas(columns.body_sha256),
        "money": byteas(columns.money),
        "row_chain": byteas(columns.chain),
        "encoding": integers(columns.encoding),
        "body": texts(columns.body),
    }


def _today() -> date:
    return datetime.now(UTC).date()


def _hint(sender: str, streams: Sequence[int]) -> str:
    said = f"{sender} {','.join(map(str, streams))}"
    return said if len(said) <= _MAX_HINT else f"{sender} *"


def known(
    connection: psycopg.Connection[Any], batch: Sequence[Incoming], heads: Mapping[str, Head]
) -> dict[Identity, list[Known]]:
    # Each is asked for once: the copies of a batch may be of the same event.
    keys = {(heads[incoming.stream].stream_id, *cut_key(incoming.key)) for incoming in batch}
    values = {
        "key_end": texts([end for _, _, end in keys]),
        "key_start": texts([start for _, start, _ in keys]),
        "stream": bigints([stream_id for stream_id, _, _ in keys]),
    }
    found: dict[Identity, list[Known]] = {}
    with translated():
        rows = connection.execute(_KNOWN, values, prepare=True).fetchall()
    for stream_id, key, rev, money, trust, place, chained in rows:
        found.setdefault((stream_id, key), []).append(Known(rev, money, trust, place & SEQ_MASK, chained.hex()))
    return found
