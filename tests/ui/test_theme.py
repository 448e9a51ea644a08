"""The look holds what features §7.3 promises: contrasts, sizes, the bundled font, both themes complete."""

import re

import pytest
from PySide6.QtGui import QFontInfo, QPalette
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from pos_app.paths import resource_path
from pos_app.ui.theme import DARK, LIGHT, TARGET, Tokens, apply_theme, set_kind, stylesheet, text_font, tokens

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@THEMES
@pytest.mark.parametrize("ground", ["page", "surface", "raised", "selected"])
def test_text_and_muted_text_can_be_read_on_every_ground(theme: Tokens, ground: str) -> None:
    assert contrast(theme.text, getattr(theme, ground)) >= (15 if ground == "surface" else 8)
    assert contrast(theme.muted, getattr(theme, ground)) >= 4.5


@THEMES
@pytest.mark.parametrize("pair", ["pay", "danger", "checking", "training"])
def test_words_on_coloured_panels_can_be_read(theme: Tokens, pair: str) -> None:
    assert contrast(getattr(theme, f"on_{pair}"), getattr(theme, pair)) >= 6.4


@THEMES
def test_errors_hover_and_success_can_be_read(theme: Tokens) -> None:
    assert contrast(theme.on_pay, theme.pay_hover) >= 4.5
    assert contrast(theme.danger, theme.surface) >= 4.5
    assert contrast(theme.success, theme.surface) >= 4.5


@THEMES
@pytest.mark.parametrize("ground", ["page", "surface"])
def test_borders_and_focus_stand_out(theme: Tokens, ground: str) -> None:
    assert contrast(theme.border, getattr(theme, ground)) >= 3
    assert contrast(theme.focus, getattr(theme, ground)) >= 3


@THEMES
def test_the_stylesheet_uses_no_text_under_fourteen_pixels(theme: Tokens) -> None:
    sizes = [int(size) for size in re.findall(r"font-size: (\d+)px", stylesheet(theme))]
    assert sizes
    assert min(sizes) >= 14


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_theme_sets_palette_placeholder_and_font(qapp: QApplication, name: str) -> None:
    apply_theme(qapp, name)
    assert tokens().name == name
    assert qapp.palette().color(QPalette.ColorRole.PlaceholderText).name().upper() == tokens().muted
    assert QFontInfo(text_font()).family() == "Inter"


def test_system_is_light_where_the_desktop_says_nothing(qapp: QApplication) -> None:
    apply_theme(qapp, "system")
    assert tokens().name == "light"


def test_every_control_is_a_target_of_48_pixels(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "light")
    for control in (QPushButton("Pay"), QLineEdit(), QComboBox(), QCheckBox("Sounds")):
        qtbot.addWidget(control)
        control.ensurePolished()
        assert control.sizeHint().height() >= TARGET, control


def test_a_kind_repaints_the_widget_and_its_children(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "light")
    panel = QWidget()
    qtbot.addWidget(panel)
    set_kind(panel, "paid", "panel")
    set_kind(panel, "paid", "panel")
    assert panel.property("panel") == "paid"


def test_the_font_is_bundled_with_its_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in resource_path("fonts", "OFL.txt").read_text(encoding="utf-8").upper()
