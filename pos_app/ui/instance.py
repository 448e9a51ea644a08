"""One till per data folder: the lock is the operating system's; a second start raises the first one's window."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_WAIT_MS = 1000


class Instance(QObject):
    """Holds the lock for as long as it lives."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._lock = QLockFile(str(folder / "till.lock"))
        # A lock is stale when its process is gone, never because it is old.
        self._lock.setStaleLockTime(0)
        self._name = "mpesa-till-" + sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        self._server: QLocalServer | None = None

    def claim(self) -> bool:
        """False when another till runs on this folder; it has then been asked to show itself. Raises OSError."""
        if self._lock.tryLock(0):
            return True
        if self._lock.error() is not QLockFile.LockError.LockFailedError:
            raise OSError(f"{self._lock.fileName()} cannot be written")
        caller = QLocalSocket()
        caller.connectToServer(self._name)
        caller.waitForConnected(_WAIT_MS)
        caller.disconnectFromServer()
        return False

    def listen(self, show: Callable[[], None]) -> None:
        QLocalServer.removeServer(self._name)
        self._server = QLocalServer(self)
        self._server.newConnection.connect(show)
        self._server.listen(self._name)

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
        self._lock.unlock()
