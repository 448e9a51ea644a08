"""Installs the relay alone into a folder of its own, from the locked packages: no Qt, no pip, nothing of the till.

    python3 build/relay_install.py /opt/relay

The container's build and a bare machine go through this one door. Standard library only. The folder is a venv that must
stay where it is made; `bin/relay` in it is the command. The same lock and Python make the same bytes.
"""

import argparse
import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import relay_packages
from errors import CommandError

CHECKOUT = Path(__file__).resolve().parents[1]
_PIP = (
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--no-deps",
    "--no-compile",
    "--no-cache-dir",
)
_ONLY_LOCKED = ("--require-hashes", "--only-binary", ":all:", "--requirement")
_COMMAND = """\
#!{python} -I
import sys

from relay.__main__ import main

sys.exit(main())
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 build/relay_install.py", description="Installs the relay alone.")
    parser.add_argument("folder", type=Path, help="where to; made, and refused where there is something already")
    folder = Path(os.path.abspath(parser.parse_args(arguments).folder))
    try:
        install(folder)
    except (CommandError, OSError) as error:
        print(f"relay_install.py: {error}", file=sys.stderr)
        return 1
    print(f"{folder / 'bin' / 'relay'} serve    runs it")
    return 0


def install(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise CommandError(f"{folder} is not empty. Remove it, or choose another folder.")
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    python = folder / "bin" / "python"
    part = folder / "requirements.lock"
    part.write_text(part_of_lock(), encoding="utf-8")
    _run(str(python), "-m", "pip", *_PIP, *_ONLY_LOCKED, str(part))
    _run(str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    finish(folder)


def finish(folder: Path) -> None:
    """The relay beside its packages, its command, and everything compiled: at run time nothing can be written."""
    packages = next(folder.glob("lib/python3.*/site-packages"))
    shutil.copytree(CHECKOUT / "relay", packages / "relay", ignore=shutil.ignore_patterns("__pycache__"))
    _name_it(packages)
    command = folder / "bin" / "relay"
    command.write_text(_COMMAND.format(python=folder / "bin" / "python"), encoding="utf-8")
    command.chmod(0o755)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH  # holds no time, so the same source is the same file
    if not compileall.compile_dir(packages, quiet=1, invalidation_mode=mode, workers=1):
        raise CommandError(f"What is in {packages} could not be compiled.")


def part_of_lock() -> str:
    asked = relay_packages.asked_for(_read("pyproject.toml"))
    return relay_packages.of_relay(_read("build/requirements.lock"), asked)


def _name_it(packages: Path) -> None:
    """Where Python looks a version up: the relay tells it in its figures."""
    project = tomllib.loads(_read("pyproject.toml"))["project"]
    told = packages / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    told.mkdir()
    lines = ("Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}", "")
    told.joinpath("METADATA").write_text("\n".join(lines), encoding="utf-8")


def _read(path: str) -> str:
    return CHECKOUT.joinpath(path).read_text(encoding="utf-8")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise CommandError(f"{' '.join(command[:4])} failed: {said or done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
