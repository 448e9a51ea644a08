"""dev.py's command line: what it accepts, what it refuses and with which exit code. Nothing is installed here."""

import subprocess
import sys
from pathlib import Path

import pytest

import dev

COMMANDS = ("run", "test", "check", "bench", "package", "screenshots")


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        dev.main(list(arguments))
    return ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    assert f"python3 build/dev.py {command}" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [[], ["sing"], ["run", "--fast"], ["test", "--seed", "x"]])
def test_wrong_use_ends_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*wrong) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("python", [(3, 8), (3, 10), (3, 14)])
def test_a_python_that_cannot_run_the_till_is_refused_in_a_sentence(
    python: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dev.main(["run"], python) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"this is Python {python[0]}.{python[1]}" in said


def test_test_takes_size_and_seed() -> None:
    options = dev.parse(["test", "--full", "--seed", "7"])
    assert (options.full, options.seed) == (True, 7)


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        (["P5", "--json"], ["P5", "--json"]),
        (["--only", "P1,P2", "--quick"], ["--only", "P1,P2", "--quick"]),
        (["--", "--help"], ["--help"]),
        ([], []),
    ],
)
def test_bench_passes_on_what_it_is_given(given: list[str], passed_on: list[str]) -> None:
    assert dev.parse(["bench", *given]).passed_on == passed_on


def test_it_works_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, checkout / "build" / "dev.py", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(command in done.stdout for command in COMMANDS)


def test_what_goes_wrong_is_one_line_and_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from errors import CommandError

    def fail(_options: object) -> int:
        raise CommandError("the disk is full")

    monkeypatch.setattr(dev, "_check", fail)
    assert dev.main(["check"]) == 1
    assert capsys.readouterr().err == "dev.py: the disk is full\n"


def test_an_interrupted_command_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(dev, "_check", interrupted)
    assert dev.main(["check"]) == 1
    assert capsys.readouterr().err == "dev.py: stopped.\n"
