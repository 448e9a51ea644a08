"""The program shown from a checkout: the window in training mode, the demo, the pictures of it."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from environment import Environment
from errors import CommandError

SCREENS = {"1366x768-100": ("1366x768", "1"), "1920x1080-150": ("1280x720", "1.5")}
"""The name of a screen, what the program sees of it, and the scale: 1280×720 at 150 % fills 1920×1080."""
THEMES = ("light", "dark")


def has_display(variables: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    if not platform.startswith("linux"):
        return True
    if variables.get("QT_QPA_PLATFORM", "").partition(":")[0] in ("offscreen", "minimal"):
        return False
    return bool(variables.get("DISPLAY") or variables.get("WAYLAND_DISPLAY"))


def open_training(environment: Environment) -> int:
    print("Opening the till in training mode: nothing reaches Safaricom.", flush=True)
    code = environment.run("-m", "pos_app", "--training")
    if code:
        raise CommandError(f"The till ended with {code}.")
    return 0


def play_demo(environment: Environment, folder: Path) -> int:
    print("There is no display here, so the till plays its demo into pictures.", flush=True)
    pictures = _play(environment, folder)
    print(f"{len(pictures)} pictures are in {folder}")
    return 0


def take_screenshots(environment: Environment, folder: Path) -> int:
    for screen, (size, scale) in SCREENS.items():
        for theme in THEMES:
            print(f"== {screen} %, {theme}", flush=True)
            arguments = ("--every-screen", "--size", size, "--theme", theme)
            _play(environment, folder / f"{screen}-{theme}", *arguments, QT_SCALE_FACTOR=scale)
    print(f"The pictures are in {folder}")
    return 0


def _play(environment: Environment, folder: Path, *arguments: str, **variables: str) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    command = ("-m", "pos_app", "demo", "--out", str(folder), *arguments)
    code = environment.run(*command, QT_QPA_PLATFORM="offscreen", **variables)
    return demanded_pictures(folder, code)


def demanded_pictures(folder: Path, code: int) -> list[Path]:
    """The demo's pictures. Raises CommandError where it failed or made none."""
    if code:
        raise CommandError(f"The demo ended with {code}.")
    pictures = sorted(folder.rglob("*.png"))
    if not pictures:
        raise CommandError(f"The demo made no picture in {folder}.")
    return pictures
