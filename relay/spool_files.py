"""The spool on disk: segments of records, flushed before anybody is told, and read again whatever happened meanwhile.

It must not know what a record says. Every method blocks, and one thread calls them all.
"""

import errno
import logging
import os
import secrets
import struct
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SEGMENT_BYTES = 4 * 1024 * 1024
MARK_BYTES = 16
_LEAST_ROOM = 128 * 1024
_FRAME = struct.Struct(">II")
_SEGMENT, _ASIDE, _DAMAGED = ".spool", ".aside", ".damaged"

logger = logging.getLogger("relay.spool")


class Scanned(NamedTuple):
    """`is_damaged` where something whole comes behind what cannot be read: no write that was cut short leaves that."""

    records: list[bytes]
    is_damaged: bool


def frame(mark: bytes, record: bytes) -> bytes:
    return mark + _FRAME.pack(len(record), zlib.crc32(record)) + record


def scan(data: bytes) -> Scanned:
    """What is whole. The mark is the file's own and random: no body can hold one, and so pass for a record."""
    mark, at = data[:MARK_BYTES], MARK_BYTES
    records: list[bytes] = []
    has_gap = is_damaged = False
    while len(mark) == MARK_BYTES and 0 <= at < len(data):
        record = _record(data, mark, at)
        if record is None:
            has_gap = True
            at = data.find(mark, at + 1)
            continue
        is_damaged |= has_gap
        records.append(record)
        at += MARK_BYTES + _FRAME.size + len(record)
    return Scanned(records, is_damaged)


def _record(data: bytes, mark: bytes, at: int) -> bytes | None:
    start = at + MARK_BYTES + _FRAME.size
    if start > len(data) or data[at : at + MARK_BYTES] != mark:
        return None
    length, checksum = _FRAME.unpack_from(data, at + MARK_BYTES)
    record = data[start : start + length]
    return record if len(record) == length and zlib.crc32(record) == checksum else None


class Segments:
    """What is in `folder`, the oldest first. Only the newest is written to, and none that an earlier process began."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._began: dict[Path, float] = {}
        self._done: list[Path] = []
        self._open: _Segment | None = None
        self._used = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._files()
        self._number = max((int(path.stem) for path in found), default=0)
        self._began = {path: path.stat().st_mtime for path in found if path.suffix == _SEGMENT}

    def __iter__(self) -> Iterator[Path]:
        return iter(list(self._began))

    def oldest_since(self) -> float | None:
        """When the first of the oldest segment came, or not long after; of UTC."""
        return next(iter(self._began.values()), None)

    def append(self, records: Iterable[bytes]) -> None:
        """All durable when it returns. After an OSError none may be, or some, and the next goes to another file."""
        segment = self._open or self._begin()
        framed = b"".join(frame(segment.mark, record) for record in records)
        self._need(len(framed))
        try:
            segment.write(framed)
        except OSError:
            self._abandon(segment)
            raise
        if segment.size >= SEGMENT_BYTES:
            self.retire()

    def retire(self) -> None:
        """What comes next goes to a new segment: this one can be read whole, and removed."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def read(self, path: Path) -> list[bytes]:
        found = scan(path.read_bytes())
        if found.is_damaged:
            logger.error("the spool's %s is damaged: %d callbacks of it can be read", path.name, len(found.records))
        return found.records

    def remove(self, path: Path) -> None:
        """It is not read again, whatever comes of it: what cannot be removed now is with the next one."""
        self._began.pop(path, None)
        self._done.append(path)
        while self._done:
            _remove(self._done[0])
            del self._done[0]
        _flush_folder(self._folder)

    def set_aside(self, records: Sequence[bytes]) -> None:
        """Where the log refuses them: a person may look at them, and nothing else waits for it."""
        segment = _Segment(self._next(_ASIDE))
        try:
            segment.write(b"".join(frame(segment.mark, record) for record in records))
        finally:
            segment.close()
        _flush_folder(self._folder)

    def probe(self) -> None:
        """OSError where nothing can be kept now."""
        self.append(())

    def _need(self, size: int) -> None:
        """A little room must be left beside it: a spool that takes small ones only is full."""
        written = self._open.size if self._open is not None else 0
        if self._used + written + max(size, _LEAST_ROOM) > self._max_bytes:
            raise OSError(errno.ENOSPC, "the spool is full")

    def _begin(self) -> "_Segment":
        path = self._next(_SEGMENT)
        self._used = sum(held.stat().st_size for held in self._files())
        made = _Segment(path)
        self._open = made
        self._began[path] = time.time()
        try:
            _flush_folder(self._folder)
        except OSError:
            self._abandon(made)
            raise
        return made

    def _abandon(self, segment: "_Segment") -> None:
        """After a failed flush nobody knows what is on the disk, whatever a later flush of that file may claim."""
        segment.close()
        self._open = None
        with suppress(OSError):
            if segment.size > MARK_BYTES:
                os.truncate(segment.path, segment.size)
            else:
                segment.path.unlink()
                del self._began[segment.path]

    def _files(self) -> list[Path]:
        """What is not ours in that folder comes and goes as it likes."""
        ours = (path for path in self._folder.iterdir() if path.suffix in {_SEGMENT, _ASIDE, _DAMAGED})
        return sorted(path for path in ours if path.stem.isdecimal())

    def _next(self, ending: str) -> Path:
        self._number += 1
        return self._folder / f"{self._number:010d}{ending}"


def _remove(path: Path) -> None:
    """What is damaged is kept for a person, out of the way."""
    with suppress(FileNotFoundError):
        if scan(path.read_bytes()).is_damaged:
            path.rename(path.with_suffix(_DAMAGED))
        else:
            path.unlink()


class _Segment:
    """A file that is being written. `size` is how much of it is durable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark = secrets.token_bytes(MARK_BYTES)
        self.size = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        left = memoryview(data if self.size else self.mark + data)
        size = self.size + len(left)
        while left:
            left = left[os.write(self._descriptor, left) :]
        os.fsync(self._descriptor)
        self.size = size

    def close(self) -> None:
        os.close(self._descriptor)


def _flush_folder(folder: Path) -> None:
    """So that a new name is there after the power has failed. Windows flushes its directories itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
