"""build/ is no package: its modules find each other because `python3 build/dev.py` puts the folder on the path."""

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.append(str(CHECKOUT / "build"))


@pytest.fixture
def checkout() -> Path:
    return CHECKOUT
