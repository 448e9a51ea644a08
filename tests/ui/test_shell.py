"""The first window: there at once, coloured, and the place where the till is put."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pos_app import app
from pos_app.ui.shell import SIZE, SMALLEST, Shell
from pos_app.ui.theme import DARK, LIGHT


def test_the_first_window_has_the_size_and_the_colour_of_the_till(qtbot: QtBot) -> None:
    shell = Shell("#0F171F", training=False)
    qtbot.addWidget(shell)
    assert (shell.width(), shell.height()) == SIZE
    assert (shell.minimumWidth(), shell.minimumHeight()) == SMALLEST
    assert shell.palette().color(QPalette.ColorRole.Window).name() == "#0f171f"
    assert shell.windowTitle() == "M-Pesa till"


def test_the_first_colours_are_those_of_the_theme() -> None:
    assert (LIGHT.page, DARK.page) == (app._LIGHT, app._DARK)


def test_training_is_said_before_anything_is_loaded(qtbot: QtBot) -> None:
    shell = Shell("#F1F4F7", training=True)
    qtbot.addWidget(shell)
    assert "TRAINING" in shell.windowTitle()


def test_the_till_fills_the_first_window(qtbot: QtBot) -> None:
    shell, till = Shell("#F1F4F7", training=False), QLabel("till")
    qtbot.addWidget(shell)
    shell.show()
    shell.hold(till)
    qtbot.waitUntil(lambda: till.size() == shell.size())
    assert till.isVisible()


@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
def test_a_minimized_window_comes_forward_and_keeps_its_shape(qtbot: QtBot) -> None:
    shell = Shell("#F1F4F7", training=False)
    qtbot.addWidget(shell)
    shell.showMaximized()
    shell.setWindowState(shell.windowState() | Qt.WindowState.WindowMinimized)
    shell.come_forward()
    assert not shell.windowState() & Qt.WindowState.WindowMinimized
    assert shell.windowState() & Qt.WindowState.WindowMaximized
    qtbot.waitUntil(shell.isActiveWindow)
