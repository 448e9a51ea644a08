"""What the deployment files say to a relay is what it listens to: a setting that is misspelt is silently nothing."""

import re
from collections import UserDict
from pathlib import Path

import pytest

from relay.settings import from_arguments

NOT_THE_RELAY_S = {
    "RELAY_PUBLIC_NAME",
    "RELAY_UPSTREAMS",
    "RELAY_HTTP_PORT",
    "RELAY_HTTPS_PORT",  # the Caddyfile's
    "RELAY_PASSWORD",  # roles.sql's
}


class Listening(UserDict[str, str]):
    """An empty environment that remembers what was looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(key)
        return default


@pytest.fixture
def known() -> set[str]:
    environment = Listening()
    from_arguments({}, environment)
    return environment.asked


@pytest.fixture
def said(files: Path) -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in files.rglob("*") if path.is_file()]
    return {name for text in texts for name in re.findall(r"\bRELAY_[A-Z_]+[A-Z]\b", text)}


def test_every_setting_that_is_said_is_one_of_the_relay_s(said: set[str], known: set[str]) -> None:
    assert said - NOT_THE_RELAY_S <= known
