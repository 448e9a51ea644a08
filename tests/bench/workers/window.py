"""The real till with its real window, as `python -m pos_app` runs it, driven by lines on standard input (`playing`).

Arguments: its data folder, and a JSON line of its surroundings. It imports nothing earlier than the till does.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QPaintEvent

from pos_app import app
from pos_app.ui.shell import Shell

if TYPE_CHECKING:
    from pos_app.app import Training

painted_ns: list[int] = []


class TimedShell(Shell):
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painted_ns.append(time.monotonic_ns())


def load_training() -> "Training":
    """Called where the window is on the screen and the till is about to be opened."""
    import playing

    return playing.taken_over(painted_ns[0], sys.argv[2])


if __name__ == "__main__":
    setattr(app, "Shell", TimedShell)  # noqa: B010 (it is the name that `run` shows)
    sys.exit(app.run(Path(sys.argv[1]), load_training))
