"""What the desktop says about motion is believed; one that says nothing does not hold up the till."""

import subprocess
import sys
from typing import Any

import pytest

from pos_app.ui import motion


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_reduced", False)
    monkeypatch.setattr(sys, "platform", "linux")


def _answers(monkeypatch: pytest.MonkeyPatch, said: str | Exception) -> None:
    def run(command: Any, **_options: Any) -> subprocess.CompletedProcess[str]:
        if isinstance(said, Exception):
            raise said
        return subprocess.CompletedProcess(command, 0, said, "")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(("said", "reduced"), [("false\n", True), ("true\n", False), ("", False)])
def test_the_desktop_is_asked(monkeypatch: pytest.MonkeyPatch, said: str, reduced: bool) -> None:
    _answers(monkeypatch, said)
    motion.read_motion()
    assert motion.motion_is_reduced() is reduced


@pytest.mark.parametrize("failure", [FileNotFoundError(), subprocess.TimeoutExpired("gsettings", 2)])
def test_a_desktop_that_does_not_answer_has_motion(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    _answers(monkeypatch, failure)
    motion.read_motion()
    assert not motion.motion_is_reduced()


def test_a_system_of_another_kind_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    _answers(monkeypatch, AssertionError("asked"))
    motion.read_motion()
    assert not motion.motion_is_reduced()
