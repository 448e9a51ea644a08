"""The checkout's own Python environment, `.venv`: made once, holding exactly the locked packages.

It must not know the commands that run in it.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from errors import CommandError

_OUTSIDE = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")

_END_SECONDS = 5


def python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Environment:
    checkout: Path

    @property
    def folder(self) -> Path:
        return self.checkout / ".venv"

    @property
    def lock(self) -> Path:
        return self.checkout / "build" / "requirements.lock"

    @property
    def stamp(self) -> Path:
        """Written last, so that an interrupted set-up is never taken for a finished one."""
        return self.folder / "mpesa-till.stamp"

    @property
    def python(self) -> str:
        return str(self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))

    @property
    def packages(self) -> Path:
        inside = "Lib" if sys.platform == "win32" else f"lib/python{python_version()}"
        return self.folder / inside / "site-packages"

    def wanted_stamp(self) -> str:
        """The scripts of a venv hold its path, so a moved checkout needs a new one as much as a changed lock does."""
        lock = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return f"lock {lock}\npython {python_version()}\ncheckout {self.checkout}\n"

    def is_current(self) -> bool:
        if not self.stamp.is_file() or self.stamp.read_text(encoding="utf-8") != self.wanted_stamp():
            return False
        return self._answers("-c", "pass")

    def missing_packages(self) -> list[str]:
        """Debian keeps apart what makes a venv; a finished one needs it no more."""
        if self.is_current() or importlib.util.find_spec("ensurepip"):
            return []
        return [f"python{python_version()}-venv"]

    def prepare(self) -> None:
        """Raises CommandError."""
        if not self.is_current():
            self._make()
            self._install()
            self.stamp.write_text(self.wanted_stamp(), encoding="utf-8")
        refuse_bad_pair(python_version(), self.installed("PySide6_Essentials"))

    def installed(self, name: str) -> str:
        """The version of an installed package, or empty."""
        pattern = re.compile(rf"{name}-(.+)\.dist-info", re.IGNORECASE)
        found = (pattern.fullmatch(path.name) for path in self.packages.glob("*.dist-info"))
        return next((match[1] for match in found if match), "")

    def variables(self, **extra: str) -> dict[str, str]:
        """The caller's environment, without what would let packages in from outside, or pip out."""
        return {name: value for name, value in os.environ.items() if name not in _OUTSIDE} | extra

    def run(self, *arguments: str, **variables: str) -> int:
        """The environment's Python on the terminal, from the checkout. An interrupt is the child's to end well."""
        command = [self.python, *arguments]
        with subprocess.Popen(command, cwd=self.checkout, env=self.variables(**variables)) as child:
            try:
                return child.wait()
            except KeyboardInterrupt:
                _let_end(child)
                raise

    def _answers(self, *arguments: str) -> bool:
        try:
            done = subprocess.run([self.python, *arguments], env=self.variables(), capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def _make(self) -> None:
        print(f"Making {self.folder} with Python {python_version()}", flush=True)
        if self.folder.is_symlink() or self.folder.is_file():
            raise CommandError(f"{self.folder} is not a folder. Remove it, then try again.")
        shutil.rmtree(self.folder, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(self.folder)]
        done = subprocess.run(command, env=self.variables(), capture_output=True, text=True, check=False)
        if done.returncode or not self._answers("-m", "pip", "--version"):
            said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            raise CommandError(f"{self.folder} could not be made: {said or 'its pip does not start'}")

    def _install(self) -> None:
        print("Installing the locked packages (about 200 MB to download, once)", flush=True)
        pip = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--no-deps")
        if self.run(*pip, "--require-hashes", "-r", str(self.lock)):
            raise CommandError("The locked packages could not be installed: pip says why above. Is there a connection?")
        self.packages.joinpath("checkout.pth").write_text(f"{self.checkout}\n", encoding="locale")


def _let_end(child: subprocess.Popen[bytes]) -> None:
    """The terminal interrupted it too; one that was not is asked: a till ends its database and children in order."""
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.terminate()
        child.wait()


def refuse_bad_pair(python: str, pyside: str) -> None:
    """PySide6 6.12.0 loses a reference to None on each void Qt call, and before 3.12 None can run out of them."""
    if pyside.split(".")[:2] == ["6", "12"] and tuple(map(int, python.split("."))) < (3, 12):
        raise CommandError(f"PySide6 {pyside} aborts on Python {python}. The lock must hold one below 6.12 for it.")
