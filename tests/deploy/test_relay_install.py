"""What a relay is installed with: its own packages from the lock, all of them, and nothing of the till."""

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import relay_install
import relay_packages
from errors import CommandError

LOCK = """\
anyio==4.16.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via
    #   httpx
    #   starlette
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
    # via pytest
httpx==0.28.1 \\
    --hash=sha256:dd
    # via mpesa-till (pyproject.toml)
idna==3.20 \\
    --hash=sha256:ee
    # via anyio
starlette==1.10.0 ; sys_platform != 'win32' \\
    --hash=sha256:ff
    # via mpesa-till (pyproject.toml)
"""


def names(part: str) -> list[str]:
    return list(relay_packages.read(part))


def test_what_is_needed_comes_with_what_it_needs_and_nothing_else() -> None:
    assert names(relay_packages.of_relay(LOCK, ["starlette"])) == ["anyio", "idna", "starlette"]


def test_the_part_keeps_hashes_and_markers() -> None:
    assert relay_packages.of_relay(LOCK, ["anyio"]) == (
        "anyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nidna==3.20 \\\n    --hash=sha256:ee\n"
    )
    assert "starlette==1.10.0 ; sys_platform != 'win32' \\\n" in relay_packages.of_relay(LOCK, ["starlette"])


def test_a_package_that_is_not_locked_is_named() -> None:
    with pytest.raises(CommandError, match="lacks what the relay is said to need: nowhere"):
        relay_packages.of_relay(LOCK, ["idna", "nowhere"])


def test_names_are_spelled_as_the_lock_spells_them() -> None:
    assert relay_packages.asked_for('[dependency-groups]\nrelay = ["Prometheus_Client>=1", "psycopg[binary]"]') == [
        "prometheus-client",
        "psycopg",
    ]


def test_nothing_of_the_till_is_in_it() -> None:
    part = set(names(relay_install.part_of_lock()))
    assert {"uvicorn", "uvloop", "httptools", "websockets", "sqlalchemy", "msgspec"} <= part
    assert not {
        name for name in part if "pyside" in name or name.startswith(("shiboken", "qasync", "httpx", "keyring"))
    }


def test_all_that_the_relay_imports_is_in_it(files: Path) -> None:
    sources = (files.parents[1] / "relay").rglob("*.py")
    imported = {module for path in sources for module in _imported(ast.parse(path.read_text(encoding="utf-8")))}
    foreign = imported - sys.stdlib_module_names - {"relay"}
    holders = importlib.metadata.packages_distributions()
    part = set(names(relay_install.part_of_lock()))
    lacking = {module for module in foreign if not part & {relay_packages.spelled(name) for name in holders[module]}}
    assert {"sqlalchemy", "uvicorn"} <= foreign
    assert not lacking, "pyproject.toml, [dependency-groups] relay: it lacks what holds these modules"


def _imported(tree: ast.Module) -> set[str]:
    found = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    found += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in found}


@pytest.mark.xdist_group("installed")
def test_every_module_of_the_relay_loads_from_the_installed_folder_alone(installed: Path) -> None:
    asked = (
        "import pkgutil, importlib, relay\n"
        "names = [one.name for one in pkgutil.walk_packages(relay.__path__, 'relay.')]\n"
        "[importlib.import_module(name) for name in names if '__main__' not in name and 'migrations' not in name]\n"
        "print(len(names), relay.__file__)"
    )
    said = subprocess.run([installed / "bin/python", "-I", "-c", asked], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    count, where = said.stdout.split()
    assert int(count) > 20
    assert Path(where).is_relative_to(installed)


@pytest.mark.xdist_group("installed")
def test_the_installed_command_is_the_relay_s_own(installed: Path) -> None:
    said = subprocess.run([installed / "bin/relay", "--help"], capture_output=True, text=True, check=True).stdout
    assert "serve" in said


@pytest.mark.xdist_group("installed")
def test_the_relay_finds_its_version_there(installed: Path, files: Path) -> None:
    asked = "import importlib.metadata as m; print(m.version('mpesa-till'))"
    said = subprocess.run([installed / "bin/python", "-I", "-c", asked], capture_output=True, text=True, check=True)
    project = tomllib.loads(files.parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert said.stdout.strip() == project["version"]


@pytest.mark.xdist_group("installed")
def test_everything_is_compiled_and_holds_no_time(installed: Path) -> None:
    """Four bytes behind the magic number say how a compiled file is held against its source: 1 is by hash, unasked."""
    sources = list(installed.glob("lib/python3.*/site-packages/relay/**/*.py"))
    compiled = list(installed.glob("lib/python3.*/site-packages/relay/**/*.pyc"))
    assert len(compiled) == len(sources) > 20
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}


def test_a_folder_that_holds_something_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.joinpath("something").touch()
    assert relay_install.main([str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err
