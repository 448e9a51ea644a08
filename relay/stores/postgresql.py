"""The log on PostgreSQL, shared by any number of relays: heads that are moved by compare-and-set, days, a lookout.

It must not know threads or waiters: whoever calls it owns the connection. Errors come as SQLAlchemyError.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from relay.stores import postgresql_batch, postgresql_days, schema, sealing, sequence, streams
from relay.stores.postgresql_connecting import PATIENT, READING, WRITING, driver, engine, is_clash, translated
from relay.stores.postgresql_lookout import WORDS, Lookout
from relay.stores.sealing import Seals
from relay.stores.sequence import Head, Incoming, Plan, Row, row_id
from relay.stores.store import UnknownStreamError, Watcher

_SCHEMA_LOCK = 0x7E1A90
_HEADS = "SELECT name, id, epoch, head_seq, head_chain, floor FROM stream"
_DAYS = "SELECT id, day FROM event_key WHERE id IN (%(first)s, %(last)s)"
_PAGE = f"""
    SELECT {", ".join(Row._fields)} FROM (
        SELECT k.id, k.stream_id, k.key_end, k.key_start, k.rev, k.kind, k.receipt, k.trust, e.src, e.at, e.nonce,
            e.short_code, e.body_sha256, k.money, k.chain, e.encoding, e.body,
            sum(coalesce(octet_length(e.body), 0)) OVER (ORDER BY k.id) - coalesce(octet_length(e.body), 0) AS before
        FROM event_key AS k JOIN event AS e ON e.id = k.id AND e.day = k.day
        WHERE k.id BETWEEN %(first)s AND %(last)s AND e.id BETWEEN %(first)s AND %(last)s
            AND e.day BETWEEN %(from)s AND %(to)s
            AND (SELECT floor FROM stream WHERE id = %(stream)s) <= %(after)s
    ) AS page WHERE before < %(bytes)s ORDER BY id
"""  # noqa: S608 (names of our own)


class PostgresStore:
    max_batch = postgresql_batch.MAX_BATCH
    is_shared = True
    longest_pause = 5.0

    def __init__(self, url: str, seals: Seals | None = None) -> None:
        self._seals = seals or Seals()
        self.own_name = secrets.token_hex(4)
        self.is_alone = False
        self._engines: dict[str, Engine] = {
            "patient": engine(url, PATIENT),
            "writing": engine(url, WRITING),
            "reading": engine(url, READING),
        }
        self._can_hint: bool | None = None
        self._contended: set[str] = set()

    def prepare(self) -> None:
        with self._engines["patient"].connect() as connection:
            if schema.version(connection) != schema.HEAD:
                self._migrate(connection)
            postgresql_days.make_ahead(connection)

    def _migrate(self, connection: Connection) -> None:
        """Of relays that start together one does it, and the others find it done."""
        with self.transaction(connection):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            schema.bring_up_to_date(connection)

    def connect(self, *, query_only: bool = False) -> Connection:
        connection = self._engines["reading" if query_only else "writing"].connect()
        if not query_only and self._can_hint is None:
            self._can_hint = _can_hint(connection)
        return sealing.lend(connection, self._seals)

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """What was undone inside it is never taken for committed: PostgreSQL answers such a COMMIT with ROLLBACK."""
        connection.exec_driver_sql("BEGIN")
        server = driver(connection)
        try:
            yield
            with translated():
                answer = server.execute("COMMIT").statusmessage
            if answer != "COMMIT":
                raise OperationalError("COMMIT", None, Exception("it was rolled back"))
        except BaseException:
            _roll_back(server)
            raise

    def recover(self, connection: Connection) -> None:
        """The server sees to it: after a failed flush it ends, and begins again from its log."""

    def is_clash(self, error: DBAPIError) -> bool:
        return is_clash(error)

    def heads(self, connection: Connection, names: Sequence[str] | None = None) -> dict[str, Head]:
        if names is None:
            return _heads(connection, _HEADS)
        return _heads(connection, f"{_HEADS} WHERE name = ANY (%(names)s)", names)

    def hold(self, connection: Connection, name: str) -> Head | None:
        return self._hold_all(connection, [name]).get(name)

    def _hold_all(self, connection: Connection, names: Sequence[str]) -> dict[str, Head]:
        return _heads(connection, f"{_HEADS} WHERE name = ANY (%(names)s) ORDER BY id FOR NO KEY UPDATE", names)

    def read(self, connection: Connection, head: Head, after: int, limit: int, max_bytes: int) -> list[Row]:
        """Two looks: on which days the page lies, then the page, of the partitions of those days alone."""
        first = row_id(head.stream_id, after + 1)
        last = row_id(head.stream_id, min(after + limit, head.seq))
        days = {place: day for place, day in connection.exec_driver_sql(_DAYS, {"first": first, "last": last})}
        asked = {"first": first, "last": last, "bytes": max_bytes, "stream": head.stream_id, "after": after}
        span = {"from": days.get(first, date.min), "to": days.get(last, date.max)}
        rows = connection.exec_driver_sql(_PAGE, {**asked, **span})
        return [self._seals.opened(Row(*row)) for row in rows]

    def write(self, connection: Connection, batch: Sequence[Incoming], heads: dict[str, Head]) -> Plan:
        """One round trip where the heads are remembered right and nothing is a copy, which is nearly always."""
        names = {one.stream for one in batch}
        if names <= heads.keys() and names.isdisjoint(self._contended):
            plan = sequence.plan(batch, heads, {})
            try:
                if self._store(connection, plan, heads):
                    heads.update(plan.heads)
                    return plan
            except IntegrityError:
                pass
        return self._write_held(connection, batch, heads)

    def _write_held(self, connection: Connection, batch: Sequence[Incoming], heads: dict[str, Head]) -> Plan:
        """Another relay has moved a head, or the log has one of them already: look, while nobody else may append."""
        names = sorted({one.stream for one in batch})
        with self.transaction(connection):
            held = self._hold_all(connection, names)
            for name in names:
                if name not in held:
                    raise UnknownStreamError(name)
            self._note_contended(held, heads)
            _turn_the_lost(connection, held, heads)
            known = postgresql_batch.known(driver(connection), batch, held)
            plan = sequence.plan(batch, held, known)
            self._store_held(connection, plan, held)
        heads.update(plan.heads)
        return plan

    def _note_contended(self, held: Mapping[str, Head], remembered: Mapping[str, Head]) -> None:
        """What others move all the time is held at once; what nobody has moved since is tried without again."""
        for name, head in held.items():
            if remembered.get(name, head) == head:
                self._contended.discard(name)
            else:
                self._contended.add(name)

    def append(self, connection: Connection, incoming: Sequence[Incoming], name: str, head: Head) -> Plan:
        heads = {name: head}
        known = postgresql_batch.known(driver(connection), incoming, heads)
        plan = sequence.plan(incoming, heads, known)
        self._store_held(connection, plan, heads)
        return plan

    def _store_held(self, connection: Connection, plan: Plan, heads: Mapping[str, Head]) -> None:
        if not self._store(connection, plan, heads):
            raise OperationalError("batch", None, Exception("a stream moved while it was held"))

    def _store(self, connection: Connection, plan: Plan, heads: Mapping[str, Head]) -> bool:
        sender = self.own_name if self._can_hint and not self.is_alone else None
        rows = self._seals.sealed(plan.rows)
        return not rows or postgresql_batch.write(driver(connection), rows, heads, plan.heads, sender)

    def drop_days(self, connection: Connection, before_ms: int) -> None:
        postgresql_days.drop_before(connection, datetime.fromtimestamp(before_ms / 1000, UTC).date())

    def keeper(self, watcher: Watcher) -> Lookout:
        return Lookout(self, watcher)

    def hint(self, connection: Connection, word: str) -> None:
        if self._can_hint:
            said = {"channel": WORDS, "said": f"{self.own_name} {word}"}
            connection.exec_driver_sql("SELECT pg_notify(%(channel)s, %(said)s)", said)


def _heads(connection: Connection, query: str, names: Sequence[str] | None = None) -> dict[str, Head]:
    found = connection.exec_driver_sql(query, None if names is None else {"names": list(names)})
    return {
        name: Head(stream_id, epoch, seq, chain.hex(), floor) for name, stream_id, epoch, seq, chain, floor in found
    }


def _turn_the_lost(connection: Connection, held: dict[str, Head], remembered: Mapping[str, Head]) -> None:
    """A stream that has not come by what this relay committed has a new epoch before anything is added to it."""
    lost = streams.lost(connection, held, remembered)
    if lost:
        streams.turn(connection, lost, remembered)
        held.update(_heads(connection, f"{_HEADS} WHERE name = ANY (%(names)s)", list(lost)))


def _can_hint(connection: Connection) -> bool:
    """Not every engine that speaks PostgreSQL has it; the others find out by looking."""
    try:
        connection.exec_driver_sql("SELECT pg_notify('relay_words', '')")
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    return True


def _roll_back(server: psycopg.Connection[Any]) -> None:
    """One that is gone has done so itself."""
    if server.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
        with translated():
            server.execute("ROLLBACK")
