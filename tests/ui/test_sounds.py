"""Sounds are small, distinct, mutable, and never stand in the way."""

import wave

import pytest
from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QApplication

from pos_app.paths import resource_path
from pos_app.ui import sounds
from pos_app.ui.sounds import Sound, Sounds


def test_each_sound_is_a_short_wave_file_of_its_own() -> None:
    bodies = set()
    for sound in Sound:
        file = resource_path("sounds", f"{sound}.wav")
        assert file.stat().st_size <= 20_000
        with wave.open(str(file)) as opened:
            assert opened.getnframes() / opened.getframerate() < 1
        bodies.add(file.read_bytes())
    assert len(bodies) == len(Sound)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(sounds, "play_file", lambda file: heard.append(file.name) or True)
    return heard


@pytest.fixture(autouse=True)
def _look_for_a_player_again() -> None:
    sounds._player.cache_clear()


def test_a_sound_plays_unless_all_or_it_is_muted(qapp: QApplication, played: list[str]) -> None:
    speaker = Sounds(muted=frozenset({Sound.FAILED}))
    speaker.play(Sound.PAID)
    speaker.play(Sound.FAILED)
    speaker.enabled = False
    speaker.play(Sound.ATTENTION)
    assert not played, "what is seen is painted first"
    qapp.processEvents()
    assert played == ["paid.wav"]


def test_without_a_player_the_computer_beeps(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    beeps: list[int] = []
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(QApplication, "beep", lambda: beeps.append(1))
    Sounds().play(Sound.PAID)
    qapp.processEvents()
    assert beeps == [1]


def test_a_player_is_started_apart_from_the_till(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "aplay" else None)
    monkeypatch.setattr(
        QProcess, "startDetached", lambda program, arguments: (started.append((program, arguments)), (True, 1))[1]
    )
    Sounds().play(Sound.ATTENTION)
    qapp.processEvents()
    assert started[0][0] == "/usr/bin/aplay"
    assert started[0][1][0].endswith("attention.wav")
