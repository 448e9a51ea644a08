"""What every test stands on: a quiet offscreen Qt, and Python's garbage collector kept on the main thread."""

import gc
import os
from collections.abc import Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("TZ", "UTC")

import pytest

# A collection that a worker thread trips would run QObject destructors there and crash the process.
gc.disable()


@pytest.fixture(autouse=True)
def _collect_on_the_main_thread() -> Iterator[None]:
    yield
    gc.collect(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
