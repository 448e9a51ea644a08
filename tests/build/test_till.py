"""How the till is shown from a checkout: a window where there is a display, pictures where there is none."""

from pathlib import Path

import pytest

from errors import CommandError
from till import SCREENS, demanded_pictures, has_display


@pytest.mark.parametrize(
    ("variables", "platform", "shown"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen:x"}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_display_is_where_a_window_can_open(variables: dict[str, str], platform: str, shown: bool) -> None:
    assert has_display(variables, platform) is shown


def test_a_demo_that_fails_or_makes_no_picture_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="made no picture"):
        demanded_pictures(tmp_path, 0)
    picture = tmp_path / "paid.png"
    picture.write_bytes(b"")
    assert demanded_pictures(tmp_path, 0) == [picture]
    with pytest.raises(CommandError, match="ended with 3"):
        demanded_pictures(tmp_path, 3)


def test_each_screen_fills_the_pixels_it_is_named_for() -> None:
    for name, (size, scale) in SCREENS.items():
        wide, high = (int(side) * float(scale) for side in size.split("x"))
        assert name == f"{wide:.0f}x{high:.0f}-{float(scale) * 100:.0f}"
