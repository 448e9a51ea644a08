"""A scanner is known by its speed: its code is caught anywhere, its Enter presses nothing, and typing is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from pos_app.devices.scanner import BURST, MAX_GAP, MAX_PAUSE, MIN_LENGTH, Scanner


class Counter:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.field, self.button = QLineEdit(), QPushButton("Pay")
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        layout.addWidget(self.button)
        self.button.setDefault(True)
        self.pressed: list[str] = []
        self.field.returnPressed.connect(lambda: self.pressed.append("enter"))
        self.button.clicked.connect(lambda: self.pressed.append("pay"))


@pytest.fixture
def clock() -> Counter:
    return Counter()


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    bench = Bench()
    qtbot.addWidget(bench)
    bench.show()
    bench.activateWindow()
    bench.field.setFocus()
    qtbot.waitUntil(bench.field.hasFocus)
    return bench


@pytest.fixture
def codes(bench: Bench, clock: Counter) -> list[str]:
    scanner = Scanner(clock, parent=bench)
    scanner.watch(bench.windowHandle())
    heard: list[str] = []
    scanner.scanned.connect(heard.append)
    return heard


def type_keys(widget: QWidget, keys: str, clock: Counter, gap: float, end: Qt.Key | None = Qt.Key.Key_Return) -> None:
    """At the window of the widget, as real keys come in."""
    for key in keys:
        clock.now += gap
        QTest.keyClick(widget.window().windowHandle(), key)
    if end is not None:
        clock.now += gap
        QTest.keyClick(widget.window().windowHandle(), end)


@pytest.mark.parametrize("end", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab])
def test_a_scan_is_caught_and_leaves_no_trace(bench: Bench, clock: Counter, codes: list[str], end: Qt.Key) -> None:
    bench.field.setText("mil")
    type_keys(bench.field, "6161100123456", clock, 0.01, end)
    assert codes == ["6161100123456"]
    assert bench.field.text() == "mil"
    assert bench.pressed == []
    assert bench.field.hasFocus()


def test_a_scan_on_a_button_does_not_press_it(bench: Bench, clock: Counter, codes: list[str]) -> None:
    bench.button.setFocus()
    type_keys(bench.button, "6161100123456", clock, 0.01)
    assert codes == ["6161100123456"]
    assert bench.pressed == []


def test_typing_by_hand_passes_untouched(bench: Bench, clock: Counter, codes: list[str]) -> None:
    type_keys(bench.field, "0712345678", clock, 0.09)
    assert codes == []
    assert bench.field.text() == "0712345678"
    assert bench.pressed == ["enter"]


def test_a_quick_short_amount_is_no_scan(bench: Bench, clock: Counter, codes: list[str]) -> None:
    type_keys(bench.field, "350", clock, 0.02)
    assert codes == []
    assert bench.pressed == ["enter"]


def test_a_pause_before_the_end_is_no_scan(bench: Bench, clock: Counter, codes: list[str]) -> None:
    type_keys(bench.field, "6161100123456", clock, 0.01, end=None)
    clock.now += 0.2
    QTest.keyClick(bench.windowHandle(), Qt.Key.Key_Return)
    assert codes == []
    assert bench.pressed == ["enter"]


def test_a_control_key_breaks_the_scan(bench: Bench, clock: Counter, codes: list[str]) -> None:
    type_keys(bench.field, "12345", clock, 0.01, end=None)
    clock.now += 0.01
    QTest.keyClick(bench.windowHandle(), Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    type_keys(bench.field, "67", clock, 0.01)
    assert codes == []


def test_a_field_that_grouped_the_digits_is_cleaned_too(bench: Bench, clock: Counter, codes: list[str]) -> None:
    def group(text: str) -> None:
        digits = text.replace(" ", "")
        bench.field.setText(" ".join(digits[at : at + 4] for at in range(0, len(digits), 4)))

    bench.field.textEdited.connect(group)
    type_keys(bench.field, "61611001", clock, 0.01)
    assert codes == ["61611001"]
    assert bench.field.text().strip() == ""


@pytest.mark.parametrize("before", ["", "2", "shop"])
def test_a_short_field_that_took_some_of_the_keys_is_put_back(
    bench: Bench, clock: Counter, codes: list[str], before: str
) -> None:
    """A scan never lands in the quantity box."""
    bench.field.setText(before)
    bench.field.setMaxLength(4)
    type_keys(bench.field, "6161100123456", clock, 0.01)
    assert codes == ["6161100123456"]
    assert bench.field.text() == before


def test_a_scan_over_selected_text_brings_the_text_back(bench: Bench, clock: Counter, codes: list[str]) -> None:
    bench.field.setText("0712 345 678")
    bench.field.selectAll()
    type_keys(bench.field, "6161100123456", clock, 0.01)
    assert codes == ["6161100123456"]
    assert bench.field.text() == "0712 345 678"


def test_a_field_that_got_the_keyboard_after_the_first_key_is_cleaned(
    bench: Bench, clock: Counter, codes: list[str]
) -> None:
    bench.button.setFocus()
    type_keys(bench.button, "6", clock, 0.01, end=None)
    bench.field.setFocus()
    bench.field.setText("6")
    type_keys(bench.field, "161100", clock, 0.01)
    assert codes == ["6161100"]
    assert bench.field.text() == ""


def test_without_any_focus_the_window_hears_the_scan(bench: Bench, clock: Counter, codes: list[str]) -> None:
    bench.field.clearFocus()
    bench.button.clearFocus()
    type_keys(bench, "6161100123456", clock, 0.01)
    assert codes == ["6161100123456"]


@pytest.mark.parametrize("pause", [0.05, 0.1])
def test_a_pause_within_a_scan_does_not_split_it(bench: Bench, clock: Counter, codes: list[str], pause: float) -> None:
    type_keys(bench.field, "61611001", clock, 0.01, end=None)
    clock.now += pause
    type_keys(bench.field, "23456", clock, 0.01)
    assert codes == ["6161100123456"]
    assert bench.field.text() == ""


def heard(gaps: list[float]) -> list[str]:
    """The codes of keys that come so many seconds apart, the last of them Enter."""
    clock, codes = Counter(), list[str]()
    scanner, nobody = Scanner(clock), QObject()
    scanner.scanned.connect(codes.append)
    keys = [(Qt.Key.Key_1, "1")] * len(gaps) + [(Qt.Key.Key_Return, "\r")]
    for gap, (key, text) in zip([1.0, *gaps], keys, strict=True):
        clock.now += gap
        scanner.eventFilter(nobody, QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text))
    return codes


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most)


FAST, PAUSING, BY_HAND = seconds(0, MAX_GAP - 0.001), seconds(0, MAX_PAUSE - 0.001), seconds(2 * MAX_GAP, 2)


@given(burst=st.lists(FAST, min_size=BURST, max_size=BURST), rest=st.lists(PAUSING, min_size=MIN_LENGTH, max_size=20))
def test_what_begins_at_a_scanners_speed_is_one_scan_whatever_its_pauses(burst: list[float], rest: list[float]) -> None:
    assert heard(burst + rest) == ["1" * (BURST + len(rest))]


@given(
    st.lists(
        st.one_of(st.tuples(BY_HAND), st.tuples(FAST, BY_HAND), st.tuples(FAST, FAST, BY_HAND)), min_size=1, max_size=20
    )
)
def test_a_persons_typing_is_never_a_scan_even_where_fingers_roll(strokes: list[tuple[float, ...]]) -> None:
    assert heard([gap for stroke in strokes for gap in stroke]) == []
