"""The checkout itself: its top level, its lock, its README's commands and what must not stand in it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import dev

TOP = {"pos_app", "relay", "resources", "tests", "build", "pyproject.toml", "README.md"}
OURS = ("pos_app", "relay", "tests", "build")
UNFINISHED = re.compile("TOD[O]|FIXM[E]|NotImplementedErro[r]")  # so spelt that this file is not found


def sources(checkout: Path) -> Iterator[Path]:
    return (path for folder in OURS for path in (checkout / folder).rglob("*.py"))


def requirements(checkout: Path) -> list[str]:
    """One string each, with its marker and hashes."""
    text = (checkout / "build" / "requirements.lock").read_text()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [line for line in joined.splitlines() if line.strip()]


def test_the_top_level_holds_only_what_the_architecture_lists(checkout: Path) -> None:
    found = {path.name for path in checkout.iterdir() if not path.name.startswith(".")}
    assert found - {"dist"} == TOP  # dist is what `package` makes, and is ignored


def test_every_locked_package_has_one_version_and_hashes(checkout: Path) -> None:
    rows = requirements(checkout)
    assert len(rows) > 50
    assert [row for row in rows if not re.match(r"[a-z0-9.-]+==[^ ]+( ; .*?)? *--hash=sha256:[0-9a-f]{64}", row)] == []


def test_the_lock_names_no_index(checkout: Path) -> None:
    text = (checkout / "build" / "requirements.lock").read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|@ ", text)


def test_everything_the_project_asks_for_is_locked(checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(name for group in project["optional-dependencies"].values() for name in group)]
    names = {re.split(r"[<>=; \[]", row)[0] for row in asked}
    assert names - {row.partition("==")[0] for row in requirements(checkout)} == set()


@pytest.mark.parametrize("name", ["pyside6-essentials", "shiboken6"])
def test_below_python_3_12_the_lock_holds_a_qt_below_6_12(checkout: Path, name: str) -> None:
    rows = [row for row in requirements(checkout) if row.startswith(f"{name}==")]
    below = [row for row in rows if "python_full_version < '3.12'" in row]
    above = [row for row in rows if "python_full_version >= '3.12'" in row]
    assert (len(rows), len(below), len(above)) == (2, 1, 1)
    assert tuple(map(int, below[0].partition("==")[2].split()[0].split("."))) < (6, 12)


def test_the_commands_of_the_readme_exist(checkout: Path) -> None:
    named = set(re.findall(r"python3 build/dev\.py (\w+)", (checkout / "README.md").read_text()))
    assert named == {"run", "test"}
    for command in named:
        assert dev.parse([command]).command


def test_the_folders_of_the_readme_exist(checkout: Path) -> None:
    named = re.findall(r"^\| `(\w+)/` \|", (checkout / "README.md").read_text(), flags=re.MULTILINE)
    assert set(named) == {name for name in TOP if "." not in name}


def test_the_continuous_check_is_the_readmes_command(checkout: Path) -> None:
    lines = (checkout / ".ci" / "run").read_text().splitlines()
    assert lines[-1] == "exec python3 build/dev.py test"
    assert "run: .ci/run" in (checkout / ".github" / "workflows" / "ci.yml").read_text()


def test_nothing_is_left_for_later(checkout: Path) -> None:
    found = [path for path in sources(checkout) if UNFINISHED.search(path.read_text("utf-8"))]
    assert found == []


def test_the_changelog_speaks_of_this_version(checkout: Path) -> None:
    version = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]
    assert version in (checkout / "build" / "CHANGELOG.md").read_text()
