"""One relay per file, held by the operating system: it ends with the process, however that ends.

It must not know what the file is for.
"""

import os
import sys
from pathlib import Path


class StoreInUseError(Exception):
    """Another relay has that file; the text says what to do."""


class StoreLock:
    def __init__(self, path: Path, refusal: str) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _lock(self._descriptor)
        except OSError as taken:
            os.close(self._descriptor)
            raise StoreInUseError(refusal) from taken

    def release(self) -> None:
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
