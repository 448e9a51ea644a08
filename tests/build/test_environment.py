"""The checkout's `.venv`: when it is taken as it is, when it is made anew, and which Qt it may not hold."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import environment
from environment import Environment, refuse_bad_pair
from errors import CommandError


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    """A finished one: real interpreter, no packages, so nothing is downloaded."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "requirements.lock").write_text("one==1\n")
    here = Environment(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", here.folder], check=True)
    here.stamp.write_text(here.wanted_stamp())
    return here


def test_a_finished_environment_is_taken_as_it_is(made: Environment) -> None:
    assert made.is_current()
    made.prepare()


def test_a_changed_lock_asks_for_a_new_environment(made: Environment) -> None:
    made.lock.write_text("one==2\n")
    assert not made.is_current()


def test_another_python_asks_for_a_new_environment(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "python_version", lambda: "3.99")
    assert not made.is_current()


def test_a_moved_checkout_asks_for_a_new_environment(made: Environment) -> None:
    moved = made.checkout.with_name("moved")
    made.checkout.rename(moved)
    assert not Environment(moved).is_current()


def test_an_environment_without_its_stamp_was_never_finished(made: Environment) -> None:
    made.stamp.unlink()
    assert not made.is_current()


def test_an_environment_whose_python_is_gone_is_not_current(made: Environment) -> None:
    Path(made.python).unlink()
    assert not made.is_current()


def test_a_half_made_environment_is_made_anew_and_a_failed_install_leaves_no_stamp(
    made: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.stamp.unlink()
    leftover = made.packages / "half"
    leftover.mkdir()
    monkeypatch.setattr(Environment, "run", lambda self, *_arguments, **_variables: 1)
    with pytest.raises(CommandError, match="could not be installed"):
        made.prepare()
    assert not leftover.exists()
    assert not made.stamp.exists()


def test_a_finished_install_leaves_stamp_and_path(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    made.stamp.unlink()
    monkeypatch.setattr(Environment, "_make", lambda self: None)
    monkeypatch.setattr(Environment, "run", lambda self, *_arguments, **_variables: 0)
    made.prepare()
    assert made.is_current()
    found = subprocess.run(
        [made.python, "-c", "import sys; print(sys.path)"], capture_output=True, text=True, check=True
    )
    assert repr(str(made.checkout)) in found.stdout


def test_a_file_in_its_place_is_named_and_not_deleted(made: Environment) -> None:
    made.folder.rename(made.checkout / "elsewhere")
    made.folder.write_text("mine")
    with pytest.raises(CommandError, match="is not a folder"):
        made.prepare()
    assert made.folder.read_text() == "mine"


def test_a_debian_python_without_venv_names_its_package(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _name: None)
    assert made.missing_packages() == []  # a finished one needs it no more
    made.stamp.unlink()
    assert made.missing_packages() == [f"python{environment.python_version()}-venv"]


def test_nothing_from_outside_gets_in(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    variables = made.variables(EXTRA="1")
    assert variables == {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_TARGET")} | {"EXTRA": "1"}


def test_an_interrupt_lets_the_program_end_in_its_own_way(made: Environment, tmp_path: Path) -> None:
    """The program is asked by the terminal, or by a SIGTERM where only dev.py was interrupted."""
    program = tmp_path / "program.py"
    program.write_text(
        "import signal, sys, pathlib, threading\n"
        "over = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: over.set())\n"
        "pathlib.Path('ready').touch()\n"
        "while not over.wait(0.05): pass\n"
        "pathlib.Path('ended').touch()\n"
    )
    starter = (
        "import signal, sys; from pathlib import Path; sys.path.append(sys.argv[1]); import environment\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "environment._END_SECONDS = 0.1\n"
        "environment.Environment(Path(sys.argv[2])).run(sys.argv[3])\n"
    )
    build = Path(environment.__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", starter, build, made.checkout, program], stderr=subprocess.PIPE, start_new_session=True
    ) as started:
        while not (tmp_path / "ready").exists():
            assert started.poll() is None
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        _, said = started.communicate()
    assert b"KeyboardInterrupt" in said
    assert (tmp_path / "ended").exists()


def test_an_installed_version_is_read_from_its_metadata(made: Environment) -> None:
    (made.packages / "pyside6_essentials-6.11.3.dist-info").mkdir()
    assert made.installed("PySide6_Essentials") == "6.11.3"
    assert made.installed("qasync") == ""


@pytest.mark.parametrize(("python", "pyside"), [("3.11", "6.11.3"), ("3.12", "6.12.0"), ("3.13", "6.12.0")])
def test_a_sound_pair_of_python_and_qt_is_taken(python: str, pyside: str) -> None:
    refuse_bad_pair(python, pyside)


def test_the_pair_that_aborts_is_refused() -> None:
    with pytest.raises(CommandError, match=r"PySide6 6\.12\.0 aborts on Python 3\.11"):
        refuse_bad_pair("3.11", "6.12.0")


def test_a_current_environment_with_the_bad_pair_is_refused(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Environment, "is_current", lambda self: True)
    monkeypatch.setattr(environment, "python_version", lambda: "3.11")
    packages = made.packages
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "PySide6_Essentials-6.12.0.dist-info").mkdir()
    with pytest.raises(CommandError, match="aborts"):
        made.prepare()
