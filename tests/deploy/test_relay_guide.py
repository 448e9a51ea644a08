"""The operator's pages: what they point to is there, and what they tell to type exists."""

import re
from pathlib import Path

import pytest

from relay.__main__ import main

PAGES = ("operating.md", "threat-model.md", "sizing.md")


@pytest.fixture
def checkout(files: Path) -> Path:
    return files.parents[1]


@pytest.fixture
def guide(checkout: Path) -> Path:
    return checkout / "resources" / "guide" / "relay"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page: str, guide: Path, checkout: Path) -> None:
    text = guide.joinpath(page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:build|tests|resources|relay)/[\w./-]+?)/?(?:::\w+)?`", text)
    assert named
    assert [name for name in named if not checkout.joinpath(name).exists()] == []


def test_every_test_that_the_threat_model_counts_on_is_there(guide: Path, checkout: Path) -> None:
    text = guide.joinpath("threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w./-]+)::(\w+)`", text)
    assert len(named) >= 4
    for path, name in named:
        assert f"def {name}(" in checkout.joinpath(path).read_text(encoding="utf-8")


def test_the_commands_of_a_bare_machine_are_the_installers(guide: Path, checkout: Path) -> None:
    text = guide.joinpath("operating.md").read_text(encoding="utf-8")
    assert "python3 build/relay_install.py /opt/relay-" in text
    assert checkout.joinpath("build/relay_install.py").exists()


@pytest.mark.parametrize("command", ["serve", "shop list", "till list"])
def test_a_command_that_the_page_tells_is_one(command: str, guide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"relay {command}" in guide.joinpath("operating.md").read_text(encoding="utf-8").replace("\n", " ")
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
