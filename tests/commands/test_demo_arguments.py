"""What the demo may be told on the command line, and what it answers to nonsense."""

import argparse
from pathlib import Path

import pytest

from pos_app.commands import demo


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_demo_needs_no_argument() -> None:
    given = parsed()
    assert (given.out, given.json, given.theme, given.size) == (None, False, "light", (1366, 768))
    assert not given.every_screen


def test_the_demo_takes_a_folder_a_theme_and_a_size(tmp_path: Path) -> None:
    given = parsed("--out", str(tmp_path), "--json", "--theme", "dark", "--size", "1280x720")
    assert (given.out, given.json, given.theme, given.size) == (tmp_path, True, "dark", (1280, 720))


def test_every_screen_is_asked_for_by_name() -> None:
    assert parsed("--every-screen").every_screen


@pytest.mark.parametrize("size", ["", "1366", "1366x", "x768", "0x768", "-1x768", "1366x768x2", "axb", "1e3x768"])
def test_a_size_is_two_whole_numbers(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(f"--size={size}")
    assert ended.value.code == 2
    assert "is no size like 1366x768" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert demo.run(parsed("--out", str(tmp_path / "file" / "pictures"))) == 1
    assert capsys.readouterr().err == f"demo: {tmp_path / 'file' / 'pictures'} cannot be made: Not a directory\n"
