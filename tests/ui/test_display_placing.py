"""The customer display goes where no cashier looks: seen on two screens in a process of its own, and on one here."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from pos_app.settings import DisplayChoice
from pos_app.ui.customer_display.placing import Placing

Made = Callable[[DisplayChoice], Placing]
SCREENS = {
    "screens": [
        {"name": "counter", "x": 0, "y": 0, "width": 1366, "height": 768, "logicalDpi": 96, "dpr": 1},
        {"name": "customer", "x": 1366, "y": 0, "width": 1024, "height": 600, "logicalDpi": 96, "dpr": 1},
    ]
}
TWO_SCREENS = """
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from pos_app.settings import DisplayChoice
from pos_app.ui.customer_display.placing import Placing

app = QApplication([])
both = QApplication.screens()
plugged = list(both)
till, kept = QLineEdit(), []
till.show()
till.activateWindow()
app.processEvents()
placing = Placing(app, till, QWidget, choice=DisplayChoice.AUTO, keep=kept.append, screens=lambda: plugged)


def tell(step):
    app.processEvents()
    shown = placing.display.screen().name() if placing.display.isVisible() else "nowhere"
    print(step, shown, placing.display.isFullScreen() and placing.display.isVisible(), till.isActiveWindow())


placing.place()
tell("started")
plugged.remove(both[1])
app.screenRemoved.emit(both[1])
tell("unplugged")
plugged.append(both[1])
app.screenAdded.emit(both[1])
tell("plugged")
placing.switch()
tell("switched")
app.screenAdded.emit(both[1])
tell("off")
placing.switch()
tell("on")
print(*kept)
placing.close()
"""


def test_it_fills_a_second_screen_while_there_is_one_and_the_till_keeps_the_keyboard(tmp_path: Path) -> None:
    config = tmp_path / "screens.json"
    config.write_text(json.dumps(SCREENS))
    environ = {**os.environ, "QT_QPA_PLATFORM": f"offscreen:configfile={config}"}
    done = subprocess.run(
        [sys.executable, "-c", TWO_SCREENS], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        "started customer True True",
        "unplugged nowhere False True",
        "plugged customer True True",
        "switched nowhere False True",
        "off nowhere False True",
        "on customer True True",
        "off auto",
    ]


@pytest.fixture
def kept() -> list[DisplayChoice]:
    return []


@pytest.fixture
def place(qtbot: QtBot, qapp: QApplication, kept: list[DisplayChoice]) -> Made:
    def make(choice: DisplayChoice) -> Placing:
        till = QLineEdit()
        qtbot.addWidget(till)
        till.show()
        till.activateWindow()
        qtbot.waitUntil(till.isActiveWindow)
        return Placing(qapp, till, QWidget, choice=choice, keep=kept.append)

    return make


def test_with_one_screen_it_opens_when_it_is_asked_for(place: Made, kept: list[DisplayChoice], qtbot: QtBot) -> None:
    placing = place(DisplayChoice.AUTO)
    placing.place()
    assert placing.display is None, "not even made"
    placing.switch()
    assert placing.display is not None
    assert placing.display.isVisible()
    assert not placing.display.isFullScreen()
    placing.place()
    assert placing.display.isVisible(), "a screen that comes or goes leaves a window alone"
    placing.display.close()
    placing.switch()
    assert placing.display.isVisible()
    placing.choose(DisplayChoice.OFF)
    assert not placing.display.isVisible()
    assert kept == [DisplayChoice.AUTO, DisplayChoice.AUTO], "what the settings page chose it keeps itself"
    placing.close()
    placing.close()
    assert placing.display is None


def test_a_mirrored_screen_shows_the_till_and_is_left_to_it(place: Made, qapp: QApplication) -> None:
    placing = place(DisplayChoice.AUTO)
    mirrored = qapp.screens() * 2
    placing._screens = lambda: mirrored
    placing.place()
    assert placing.display is None
