"""The one connection of a thread: made anew after an error, with a pause that grows and jitters while that fails.

It must not know which database it leads to.
"""

import logging
import random
import time
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from relay.stores.store import StoreGoneError

FIRST_PAUSE = 0.1

logger = logging.getLogger("relay.store")


class Link:
    def __init__(self, connect: Callable[[], Connection], longest_pause: float) -> None:
        self._connect = connect
        self._longest_pause = longest_pause
        self._connection: Connection | None = None
        self._pause = 0.0
        self._not_before = 0.0

    @property
    def held(self) -> Connection | None:
        return self._connection

    def get(self) -> Connection:
        """StoreGoneError while it is too early to try again; what `connect` raises where it does not work."""
        if self._connection is None:
            if time.monotonic() < self._not_before:
                raise StoreGoneError
            try:
                self._connection = self._connect()
            except Exception:
                self._wait_longer()
                raise
            self._pause = 0.0
        return self._connection

    def _wait_longer(self) -> None:
        """Replicas that lost the same database must not all come back in the same instant."""
        self._pause = min(self._longest_pause, max(FIRST_PAUSE, 2 * self._pause))
        self._not_before = time.monotonic() + self._pause * random.uniform(0.5, 1)  # noqa: S311 (it spreads tries)

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except SQLAlchemyError:
                logger.warning("the failed connection did not close")
