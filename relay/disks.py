"""How much room the relay has left: its volumes and the store's write-ahead log, read off for who looks.

It must not know what is kept there.
"""

import logging
import shutil
from pathlib import Path

from relay.metrics import Metrics
from relay.settings import Settings
from relay.stores.sqlite_checkpoints import wal_bytes

logger = logging.getLogger("relay.disks")


class Disks:
    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics = metrics
        self._file = settings.store_file
        self._volumes: dict[str, Path] = {
            "high_water": settings.high_water.parent,
            "spool": settings.spool_folder,
        }
        if self._file is not None:
            self._volumes["store"] = self._file.parent

    def measure(self) -> None:
        """A database server tells of its own disk."""
        if self._file is not None:
            self._metrics.wal_bytes.set(wal_bytes(self._file))
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
