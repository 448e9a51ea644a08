"""How the till looks: colours, type and sizes as tokens, poured into one palette and one stylesheet."""

from dataclasses import asdict, dataclass
from functools import cache
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from pos_app.paths import resource_path

FAMILY = "Inter"
FONT_FILES = ("Inter_400Regular.ttf", "Inter_500Medium.ttf", "Inter_600SemiBold.ttf", "Inter_700Bold.ttf")
TARGET = 48
ROW = 56
PAY_KEY = 72
GAP = 8
_PROPERTY = "tillTheme"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Every colour pair was measured: text 4.5:1, borders and icons 3:1 (features §7.3)."""

    name: str
    page: str
    surface: str
    raised: str
    text: str
    muted: str
    line: str
    border: str
    selected: str
    pay: str
    on_pay: str
    pay_hover: str
    danger: str
    on_danger: str
    checking: str
    on_checking: str
    training: str
    on_training: str
    focus: str
    success: str
    """Pay green as text or glyph on the surface."""


LIGHT = Tokens(
    name="light",
    page="#F1F4F7",
    surface="#FFFFFF",
    raised="#F7F9FB",
    text="#16202A",
    muted="#52606D",
    line="#DDE3E9",
    border="#7B8794",
    selected="#DFE9FB",
    pay="#0B6B3A",
    on_pay="#FFFFFF",
    pay_hover="#095C32",
    danger="#B3261E",
    on_danger="#FFFFFF",
    checking="#FFF1D6",
    on_checking="#7A4100",
    training="#FFB020",
    on_training="#16202A",
    focus="#1F4FBF",
    success="#0B6B3A",
)
DARK = Tokens(
    name="dark",
    page="#0F171F",
    surface="#16202A",
    raised="#1D2935",
    text="#F2F5F8",
    muted="#AEB9C4",
    line="#2C3A48",
    border="#7B8794",
    selected="#274060",
    pay="#4ADE80",
    on_pay="#06220F",
    pay_hover="#6BE698",
    danger="#FF8A80",
    on_danger="#2B0505",
    checking="#FFC466",
    on_checking="#2A1800",
    training="#FFB020",
    on_training="#16202A",
    focus="#9DB8FF",
    success="#4ADE80",
)


def tokens(name: str = "") -> Tokens:
    """The tokens of `light` or `dark`; without a name those in force."""
    application = QApplication.instance()
    in_force = application.property(_PROPERTY) if application else None
    return DARK if (name or in_force) == "dark" else LIGHT


def apply_theme(app: QApplication, name: str) -> None:
    """`light`, `dark`, or `system` for what the desktop says (light where it says nothing)."""
    chosen = tokens(_resolved(app, name))
    app.setProperty(_PROPERTY, chosen.name)
    if app.styleSheet() == stylesheet(chosen):
        return
    load_fonts()
    if not app.styleSheet():
        # Once only: each of these has every widget drawn up anew.
        app.setStyle("Fusion")
        app.setFont(text_font())
        # A caret that blinks has the window painted twice a second all day; the ring shows where the keyboard is.
        app.setCursorFlashTime(0)
    # Taken off first: to put one sheet in the place of another takes Qt five times as long.
    app.setStyleSheet("")
    app.setPalette(_palette(chosen))
    app.setStyleSheet(stylesheet(chosen))


def _resolved(app: QApplication, name: str) -> str:
    if name != "system":
        return name
    return "dark" if app.styleHints().colorScheme() is Qt.ColorScheme.Dark else "light"


def load_fonts() -> None:
    if FAMILY in QFontDatabase.families():
        return
    for file in FONT_FILES:
        if QFontDatabase.addApplicationFont(str(resource_path("fonts", file))) < 0:
            raise RuntimeError(f"the bundled font {file} cannot be loaded")


def stylesheet(chosen: Tokens) -> str:
    template = Template(resource_path("theme", "till.qss").read_text(encoding="utf-8"))
    return template.substitute(asdict(chosen), icons=resource_path("icons").as_posix())


# A font is asked for at every paint and never changed by who asked; to make one takes longer than to draw a word.


@cache
def text_font(pixels: int = 16, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    font = QFont(FAMILY, weight=weight)
    font.setPixelSize(pixels)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


@cache
def numeric_font(pixels: int = 16, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Figures of one width, so that columns and running counters stand still. For numbers only."""
    font = QFont(text_font(pixels, weight))
    font.setFeature(QFont.Tag.fromString("tnum"), 1)
    return font


def set_kind(widget: QWidget, kind: str, name: str = "kind") -> None:
    """Sets a property the stylesheet selects by, and has the widget drawn anew."""
    if widget.property(name) == kind:
        return
    widget.setProperty(name, kind)
    for touched in (widget, *widget.findChildren(QWidget)):
        touched.style().unpolish(touched)
        touched.style().polish(touched)


def _palette(chosen: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for roles, colour in (
        ((role.Window,), chosen.page),
        ((role.Base, role.Button), chosen.surface),
        ((role.AlternateBase, role.ToolTipBase, role.Light, role.Midlight), chosen.raised),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), chosen.text),
        ((role.PlaceholderText,), chosen.muted),
        ((role.Mid, role.Dark, role.Shadow), chosen.border),
        ((role.Highlight,), chosen.selected),
        ((role.HighlightedText,), chosen.text),
        ((role.Link, role.Accent), chosen.focus),
    ):
        for one in roles:
            palette.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, one, QColor(chosen.muted))
    return palette
