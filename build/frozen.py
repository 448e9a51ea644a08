"""The packaged program: one folder with the executables `till` and `relay`, built by PyInstaller and tried out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import libraries
from environment import Environment, python_version
from errors import CommandError
from till import demanded_pictures

TOOLS: libraries.Libraries = {"objdump": "binutils"}


def needed_packages() -> list[str]:
    """PyInstaller reads libraries with objdump and takes along what it finds: Python's own, and X11's for windows."""
    wanted = dict(libraries.XCB)
    if sys.base_prefix == "/usr":  # Debian's Python holds its library within, and packages it apart
        wanted[f"libpython{python_version()}.so.1.0"] = f"libpython{python_version()}"
    return libraries.missing_tools(TOOLS) + libraries.missing_libraries(wanted)


def package(environment: Environment) -> int:
    checkout = environment.checkout
    folder = checkout / "dist" / "till"
    work = checkout / ".cache" / "pyinstaller"
    spec = checkout / "build" / "pyinstaller" / "till.spec"
    shutil.rmtree(folder, ignore_errors=True)
    paths = ("--distpath", str(folder.parent), "--workpath", str(work))
    if environment.run("-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", *paths, str(spec)):
        raise CommandError("PyInstaller could not build the program; it says why above.")
    _try_out(folder, checkout / "dist" / "package-check")
    print(f"{folder} holds the program: {size_of(folder) / 1e6:.0f} MB")
    return 0


def size_of(folder: Path) -> int:
    """Bytes; a link counts as nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _try_out(folder: Path, pictures: Path) -> None:
    """The packaged program plays its own demo, from a folder that is not the checkout."""
    print("Trying the packaged program: its own demo", flush=True)
    suffix = ".exe" if sys.platform == "win32" else ""
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    variables = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    relay = subprocess.run([folder / f"relay{suffix}", "--help"], capture_output=True, check=False, env=variables)
    if relay.returncode:
        raise CommandError(f"The packaged relay ended with {relay.returncode}.")
    command = [str(folder / f"till{suffix}"), "demo", "--out", str(pictures)]
    demanded_pictures(pictures, subprocess.run(command, cwd=pictures, env=variables, check=False).returncode)
