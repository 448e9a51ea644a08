"""The high-water file, written whenever a head has moved, on a thread of its own.

It must not know the log or its store.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from relay.stores import high_water
from relay.stores.sequence import Head


class Marker:
    def __init__(self, path: Path, took: Callable[[float], object]) -> None:
        """`took` is told of each save how many seconds it took."""
        self._path = path
        self._took = took
        self._marked: dict[str, Head] = {}
        # One thread: a save whose caller was cancelled goes on, and the next one must come after it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-marker")

    async def save(self, heads: dict[str, Head]) -> None:
        """OSError where the file cannot be written. A stream that is not among `heads` stays marked."""
        if heads.items() <= self._marked.items():
            return
        marks = self._marked | heads
        began = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(self._thread, high_water.save, self._path, marks)
        self._took(time.monotonic() - began)
        self._marked = marks

    def close(self) -> None:
        self._thread.shutdown()
