"""What other relays did to the streams that somebody here listens to: looked up every second, and at every hint.

It must not know events. The hints of LISTEN may be late, lost, doubled or not to be had at all: only looking is truth.
"""

import logging
import selectors
import socket
import threading
import time

from psycopg import Notify
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from relay.stores import postgresql_days, streams
from relay.stores.link import Link
from relay.stores.postgresql_batch import HEADS
from relay.stores.postgresql_connecting import driver, translated
from relay.stores.store import Store, StoreSettingError, Watcher

LOOK_SECONDS = 1.0
DAYS_SECONDS = 3600.0
WORDS = "relay_words"
"""The channel on which relays say a word to all: the sender, and the word."""

logger = logging.getLogger("relay.store")


class Lookout:
    """A thread of its own with a connection of its own."""

    def __init__(self, store: Store, watcher: Watcher) -> None:
        self._link = Link(lambda: self._listening(store.connect()), longest_pause=LOOK_SECONDS)
        self._store = store
        self._watcher = watcher
        self._can_listen = True
        self._days_at = time.monotonic() + DAYS_SECONDS
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="relay-lookout", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.close()
        self._thread.join()
        self._stopped.close()
        self._link.drop()

    def _run(self) -> None:
        look_at = 0.0
        going_on = True
        while going_on:
            try:
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_SECONDS
                    self._look_at_all(self._link.get())
                going_on, hinted = self._wait(max(0.0, look_at - time.monotonic()))
                if hinted:
                    self._look(self._link.get(), hinted)
            except (SQLAlchemyError, StoreSettingError, OSError) as error:
                if self._link.held is not None:
                    cause = getattr(error, "orig", error)
                    logger.warning("the lookout lost the database: %s", type(cause).__name__)
                self._link.drop()

    def _listening(self, connection: Connection) -> Connection:
        try:
            for channel in (HEADS, WORDS) if self._can_listen else ():
                connection.exec_driver_sql(f"LISTEN {channel}")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            self._can_listen = False
            logger.warning("the database has no LISTEN, so it is looked at every second: %s", type(error.orig).__name__)
        return connection

    def _look_at_all(self, connection: Connection) -> None:
        self._look(connection, list(self._watcher.watched().values()))
        if time.monotonic() >= self._days_at:
            self._days_at = time.monotonic() + DAYS_SECONDS
            postgresql_days.make_ahead(connection)

    def _look(self, connection: Connection, names: list[str]) -> None:
        """Tells what is not known. Where the log has not come by what is known, its epoch turns first."""
        if not names:
            return
        known = self._watcher.known(names)
        heads = self._store.heads(connection, names)
        lost = streams.lost(connection, heads, known)
        if lost:
            with self._store.transaction(connection):
                streams.turn(connection, lost, known)
            heads = self._store.heads(connection, names)
        news = {name: head for name, head in heads.items() if known.get(name) != head}
        if news:
            self._watcher.seen(news)

    def _wait(self, seconds: float) -> tuple[bool, list[str]]:
        """Whether to go on, and which watched streams may have moved."""
        held = self._link.held
        with selectors.DefaultSelector() as waiting, translated():
            waiting.register(self._stopped, selectors.EVENT_READ)
            if held is not None:
                waiting.register(driver(held).fileno(), selectors.EVENT_READ)
            # Some may have come with the answer to a look.
            hinted = [] if held is None else self._hints(held)
            ready = {key.fileobj for key, _ in waiting.select(0 if hinted else seconds)}
            if held is not None and ready and not hinted:
                hinted = self._hints(held)
        return self._stopped not in ready, hinted

    def _hints(self, connection: Connection) -> list[str]:
        hints = driver(connection).notifies(timeout=0)
        return sorted({name for hint in hints for name in self._heard(hint)})

    def _heard(self, hint: Notify) -> list[str]:
        sender, _, said = hint.payload.partition(" ")
        if sender == self._store.own_name:
            # Who says it knows it.
            return []
        if hint.channel == WORDS:
            self._watcher.hinted(said)
            return []
        watched = self._watcher.watched()
        if said == "*":
            return list(watched.values())
        found = (watched.get(int(number)) for number in said.split(",") if number.isdecimal())
        return [name for name in found if name is not None]
