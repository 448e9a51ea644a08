"""Resources are found in a checkout, a wheel and a frozen program; the data folder is the owner's alone."""

import sys
from pathlib import Path

import pytest

from pos_app import paths


def test_a_checkout_finds_its_resources() -> None:
    assert paths.resource_path("theme", "till.qss").is_file()


def test_a_wheel_finds_the_resources_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path)
    assert paths.resource_path("fonts") == tmp_path / "resources" / "fonts"


def test_a_frozen_program_finds_them_where_it_was_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.resource_path("icons") == tmp_path / "resources" / "icons"


def test_the_data_folder_is_made_and_closed_to_others(tmp_path: Path) -> None:
    folder = paths.data_dir(tmp_path / "shop" / "data")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_a_choice_the_data_folder_is_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert paths.data_dir() == tmp_path / "mpesa-till"
