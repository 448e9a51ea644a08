"""`python -m pos_app` as a process: help, nonsense, and a till that is told to end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pos_app.__main__ import main

CHECKOUT = Path(__file__).resolve().parents[2]


def pos_app(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pos_app", *arguments],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **variables},
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_option_as_a_process() -> None:
    told = pos_app("--help")
    assert (told.returncode, told.stderr) == (0, "")
    for word in ("--data-dir", "--training", "demo", "simulator"):
        assert word in told.stdout


@pytest.mark.parametrize(("command", "option"), [("demo", "--out"), ("simulator", "--scenario")])
def test_every_command_has_its_own_help(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert option in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--trainin", "--x"], ["sell"], ["--data-dir"], ["demo", "--theme", "blue"], ["simulator", "--port", "x"]],
)
def test_wrong_use_ends_with_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("python -m pos_app")
    assert "--help" in said.err


def test_an_unknown_option_ends_with_2_as_a_process() -> None:
    told = pos_app("--colour")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == (
        "python -m pos_app: unrecognized arguments: --colour. `python -m pos_app --help` lists what there is.\n"
    )


@pytest.mark.parametrize("arguments", [[], ["--training"], ["demo"]])
def test_a_library_that_qt_misses_is_said_in_a_sentence(arguments: list[str]) -> None:
    """As on a computer without libGL; a missing module fails in the same way."""
    program = (
        "import sys; sys.modules['PySide6.QtWidgets'] = None; from pos_app.__main__ import main; main(sys.argv[1:])"
    )
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("No window can be opened on this computer: ")
    assert "Traceback" not in ended.stderr
