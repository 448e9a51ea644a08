"""The guided demo as a process: real windows, real parts, pictures to look at, and the simulator's verdict."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

CHECKOUT = Path(__file__).resolve().parents[2]
DEMANDED = (
    *("till", "prompt-on-the-phone", "paid", "declined", "checking", "history"),
    *("offered", "own-payment", "paid-in-part", "too-much", "unclaimed"),
    *("refund-prepared", "refund-to-be-released", "refund-on-its-way", "refund-given-back", "refund-receipt"),
    *("refund-of-a-part", "refund-not-known", "refund-found-out", "refund-over-the-limit"),
    *("a-sale-and-its-evidence", "record", "settings"),
)
OF_EVERY_SCREEN = (
    *("allow-in-place", "prepare-no-float", "prepare-older-than-the-window", "prepare-masked-number"),
    *("refund-one-more-person", "refund-failed", "refund-attesting", "refund-declined", "refunds-list"),
    *("accounts", "staff-new-person", "record-filtered-and-whole", "door-wrong-pin", "locked"),
    *("first-owner", "recovery-key", "settings-operator"),
)
EVERY_SCREEN = os.environ.get("TILL_TEST_FULL") == "1"
"""The light demo pictures every screen then, as `dev.py screenshots` does."""
ROLL_MM = 80.0
PAGE_LIGHT, PAGE_DARK = 180, 80
"""A light window is lighter than the one on average, a dark one darker than the other."""


@dataclass(frozen=True)
class Played:
    folder: Path
    summary: dict[str, Any]

    @property
    def has_every_screen(self) -> bool:
        return any("first-owner" in file for file in self.summary["files"])

    def picture(self, name: str) -> QImage:
        (found,) = (file for file in self.summary["files"] if re.fullmatch(rf"\d\d-{name}(-dark)?\.png", file))
        image = QImage(str(self.folder / found))
        assert not image.isNull(), found
        return image


def demo(
    *arguments: str, checkout: Path = CHECKOUT, start: str = "-m pos_app demo"
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *start.split(maxsplit=1 if start.startswith("-c") else -1), *arguments],
        capture_output=True,
        text=True,
        cwd=checkout,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(checkout)},
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module", params=["light", "dark"] if EVERY_SCREEN else ["light"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The light one tells as JSON, the dark one as text, on a smaller screen."""
    folder = tmp_path_factory.mktemp("demo")
    is_light = request.param == "light"
    given = ["--json"] if is_light else ["--theme", "dark", "--size", "1280x720"]
    given += ["--every-screen"] if is_light and EVERY_SCREEN else []
    process = demo("--out", str(folder), *given)
    assert (process.returncode, process.stderr) == (0, "")
    told = process.stdout
    return Played(folder, json.loads(told) if is_light else _summary(folder, told))


def _summary(folder: Path, told: str) -> dict[str, Any]:
    *paths, last = told.splitlines()
    count, verdict = re.fullmatch(rf"(\d+) files in {re.escape(str(folder))}\. (.+)", last).groups()  # type: ignore[union-attr]  # a test may fail here
    assert int(count) == len(paths)
    assert {Path(path).parent for path in paths} == {folder}
    return {"folder": str(folder), "files": [Path(path).name for path in paths], "verdict": verdict}


def test_it_names_every_file_it_made_and_makes_those_that_are_demanded(played: Played) -> None:
    assert played.summary["folder"] == str(played.folder)
    assert sorted(played.summary["files"]) == sorted(path.name for path in played.folder.iterdir())
    assert not played.has_every_screen or all(played.picture(name).width() for name in OF_EVERY_SCREEN)
    sizes = {(played.picture(name).width(), played.picture(name).height()) for name in DEMANDED}
    assert len(sizes) == 1
    assert sizes <= {(1366, 768), (1280, 720)}


def test_no_two_pictures_are_the_same_and_each_is_in_its_theme(played: Played) -> None:
    pictures = [played.picture(name) for name in DEMANDED]
    for number, picture in enumerate(pictures):
        assert all(picture != other for other in pictures[number + 1 :])
    dark = any("-dark" in file for file in played.summary["files"])
    brightness = _brightness(played.picture("till"))
    assert brightness < PAGE_DARK if dark else brightness > PAGE_LIGHT


def test_training_is_framed_in_orange_on_every_picture(played: Played) -> None:
    for name in DEMANDED:
        picture = played.picture(name)
        corners = [(1, 1), (picture.width() - 2, 1), (1, picture.height() - 2), (picture.width() - 2, 300)]
        assert {picture.pixelColor(*corner).name() for corner in corners} == {"#ffb020"}, name


def test_the_receipts_are_pdfs_as_wide_as_the_roll(played: Played) -> None:
    for name in ("receipt.pdf", "refund-receipt.pdf"):
        told = (played.folder / name).read_bytes()
        assert told.startswith(b"%PDF")
        boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", told)
        assert boxes
        for box in boxes:
            left, _bottom, right, _top = map(float, box.split())
            assert (right - left) / 72 * 25.4 == pytest.approx(ROLL_MM, abs=0.5)


def test_the_till_and_the_simulators_ledger_count_the_same(played: Played) -> None:
    received, given_back = ("39,074", "7,330") if played.has_every_screen else ("5,214", "1,030")
    counted = f"The till counts KES {received} received and KES {given_back} given back"
    assert played.summary["verdict"] == f"{counted}; so does the simulator’s ledger."


def test_a_demo_without_its_relay_says_so_in_one_line(tmp_path: Path) -> None:
    """The program is copied without the relay's command, so the child ends before it serves."""
    for package in ("pos_app", "relay", "resources"):
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "relay" / "__main__.py").write_text("raise SystemExit('no relay today')\n")
    process = demo("--out", str(tmp_path / "out"), checkout=tmp_path)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "demo: The training relay did not start. Its log says why.\n"


def test_a_demo_that_gets_stuck_says_where_and_leaves_a_picture_of_it(tmp_path: Path) -> None:
    program = "; ".join(
        (
            "import sys",
            "from pos_app.commands import driving",
            "driving.PATIENCE_SECONDS = 0",
            "from pos_app.__main__ import main",
        )
    )
    process = demo("demo", "--out", str(tmp_path), start=f"-c {program}; sys.exit(main())")
    assert (process.returncode, process.stdout) == (1, "")
    assert re.fullmatch(r"demo: Waited 0 s and it was not so that [^\n]+\.\n", process.stderr)
    assert max(path.name for path in tmp_path.iterdir()).endswith("-stuck.png")


def _brightness(picture: QImage) -> float:
    small = picture.scaled(16, 16).convertToFormat(QImage.Format.Format_Grayscale8)
    return sum(small.pixelColor(x, y).red() for x in range(16) for y in range(16)) / 256
