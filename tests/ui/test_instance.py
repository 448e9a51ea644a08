"""One till for one folder, by the operating system's own lock."""

import os
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from pos_app.ui.instance import Instance


def test_the_first_till_of_a_folder_is_shown_when_a_second_is_started(qtbot: QtBot, tmp_path: Path) -> None:
    shown: list[bool] = []
    first = Instance(tmp_path)
    assert first.claim()
    first.listen(lambda: shown.append(True))
    assert not Instance(tmp_path).claim()
    qtbot.waitUntil(lambda: shown == [True])
    first.release()


def test_a_till_that_ended_leaves_its_folder_free(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    assert first.claim()
    first.release()
    second = Instance(tmp_path)
    assert second.claim()
    second.release()


def test_two_folders_are_two_tills(tmp_path: Path) -> None:
    first, second = Instance(tmp_path / "one"), Instance(tmp_path / "two")
    for till in (first, second):
        till.folder.mkdir()
        assert till.claim()
        till.listen(lambda: None)
    first.release()
    second.release()


def test_a_first_till_that_does_not_listen_yet_still_refuses_the_second(tmp_path: Path) -> None:
    first = Instance(tmp_path)
    assert first.claim()
    assert not Instance(tmp_path).claim()
    first.release()


def test_an_end_that_was_left_over_by_a_crash_does_not_keep_the_next_from_listening(
    qtbot: QtBot, tmp_path: Path
) -> None:
    shown: list[bool] = []
    crashed = Instance(tmp_path)
    crashed.listen(lambda: None)
    after = Instance(tmp_path)
    assert after.claim()
    after.listen(lambda: shown.append(True))
    assert not Instance(tmp_path).claim()
    qtbot.waitUntil(lambda: shown == [True])
    after.release()


@pytest.mark.skipif(os.name != "posix", reason="a folder that is a file is refused in another way there")
def test_a_folder_without_room_for_a_lock_is_not_taken_for_an_open_till(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"till\.lock cannot be written"):
        Instance(tmp_path / "missing").claim()
