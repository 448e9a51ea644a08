"""Four short sounds, each said by shape and word as well; they never block and never fail a sale."""

import shutil
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path

from PySide6.QtCore import QProcess, QTimer
from PySide6.QtWidgets import QApplication

from pos_app.paths import resource_path

_PLAYERS = ("pw-play", "paplay", "aplay", "afplay")


class Sound(StrEnum):
    PAID = "paid"
    FAILED = "failed"
    ATTENTION = "attention"
    RECEIVED = "received"


class Sounds:
    """`enabled` may be changed at any time; `muted` holds single sounds to leave out."""

    def __init__(self, enabled: bool = True, muted: frozenset[Sound] = frozenset()) -> None:
        self.enabled = enabled
        self.muted = muted

    def play(self, sound: Sound) -> None:
        """Heard once what it tells of is painted: to start a player takes longer than the paint."""
        if self.enabled and sound not in self.muted:
            QTimer.singleShot(0, lambda: _play_or_beep(resource_path("sounds", f"{sound}.wav")))


def _play_or_beep(file: Path) -> None:
    if not play_file(file):
        QApplication.beep()


@cache
def _player() -> str | None:
    return next(filter(None, map(shutil.which, _PLAYERS)), None)


def play_file(file: Path) -> bool:
    """Begins to play it and returns at once; False where this computer has no player."""
    if sys.platform == "win32":
        import winsound

        winsound.PlaySound(str(file), winsound.SND_FILENAME | winsound.SND_ASYNC | winsound.SND_NODEFAULT)
        return True
    player = _player()
    # A detached process has no parent to wait for it, so the till neither blocks nor keeps a zombie.
    return player is not None and QProcess.startDetached(player, [str(file)])[0]
