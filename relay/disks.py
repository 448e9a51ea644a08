"""How much room the relay has left: its volumes and the store's write-ahead log, read off for who looks.

It must not know what is kept there.
"""

import logging
import shutil
from pathlib import Path

from relay.metrics import Metrics
from relay.settings import Settings
from relay.stores import sqlite

logger = logging.getLogger("relay.disks")


class Disks:
    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics = metrics
        self._store = settings.store
        self._volumes: dict[str, Path] = {"store": settings.store.parent, "high_water": settings.high_water.parent}

    def measure(self) -> None:
        self._metrics.wal_bytes.set(sqlite.wal_bytes(self._store))
        for name, folder in self._volumes.items():
            self._look(name, folder)

    def _look(self, name: str, folder: Path) -> None:
        """A volume that has gone has no room: the alert for a full one is right for it."""
        try:
            found = shutil.disk_usage(folder)
        except OSError as gone:
            logger.error("the %s volume cannot be looked at: %s", name, gone.strerror)
            self._metrics.disk_free_bytes.labels(name).set(0)
            return
        self._metrics.disk_free_bytes.labels(name).set(found.free)
        self._metrics.disk_size_bytes.labels(name).set(found.total)
