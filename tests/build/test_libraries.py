"""System packages: found missing by asking the loader, installed as root, named otherwise. No test installs."""

import os
import subprocess
from pathlib import Path

import pytest

import libraries
from errors import CommandError


def test_only_what_does_not_load_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "linux")
    found = libraries.missing_libraries(libraries.OFFSCREEN, lambda name: name not in ("libEGL.so.1", "libX11.so.6"))
    assert found == ["libegl1", "libx11-6"]


def test_a_library_that_no_computer_has_does_not_load() -> None:
    assert not libraries.loads("libtill-of-nobody.so.9")


def test_other_systems_bring_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "darwin")
    assert libraries.missing_libraries(libraries.OFFSCREEN, lambda _name: False) == []
    assert libraries.missing_tools({"no-such-tool": "nobody"}) == []


def test_windows_need_more_than_pictures() -> None:
    assert libraries.for_display({}) == libraries.OFFSCREEN
    assert libraries.for_display({"DISPLAY": ":0"}) == {**libraries.OFFSCREEN, **libraries.XCB}
    assert libraries.for_display({"WAYLAND_DISPLAY": "w"}) == {**libraries.OFFSCREEN, **libraries.WAYLAND}


def test_a_tool_that_is_nowhere_on_the_path_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert libraries.missing_tools({"strace": "strace"}) == ["strace"]


def test_of_tools_that_do_the_same_one_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    browsers = {"small-browser|browser": "small-browser"}
    assert libraries.missing_tools(browsers) == ["small-browser"]
    (tmp_path / "browser").touch(mode=0o755)
    assert libraries.missing_tools(browsers) == []


def test_nothing_missing_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    libraries.install([])


def test_somebody_who_is_not_root_is_told_the_whole_line(fake_apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CommandError) as refused:
        libraries.install(["libgl1", "libegl1", "libgl1"])
    assert str(refused.value) == (
        "This computer lacks 2 system packages. Run: sudo apt-get install -y --no-install-recommends libegl1 libgl1"
    )
    assert not fake_apt.exists()


def test_only_root_on_debian_can_install(fake_apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert libraries.can_install()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not libraries.can_install()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert not libraries.can_install()


def test_a_system_without_apt_is_told_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="by their Debian names: libegl1 libgl1"):
        libraries.install(["libgl1", "libegl1"])


def test_root_has_them_installed(fake_apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    libraries.install(["libgl1", "libegl1"])
    assert fake_apt.read_text().splitlines() == [
        "noninteractive update",
        "noninteractive install -y --no-install-recommends libegl1 libgl1",
    ]


def test_apt_that_fails_is_quoted(fake_apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(CommandError, match="could not install broken: E: no such package"):
        libraries.install(["broken"])
    assert fake_apt.exists()


@pytest.fixture
def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that writes down how it was called."""
    called = tmp_path / "called"
    program = tmp_path / "apt-get"
    program.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> {called}\n'
        'case "$*" in *broken*) echo "E: no such package" >&2; exit 100;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert subprocess.run(["apt-get"], check=True, env={"PATH": f"{tmp_path}:/bin:/usr/bin"}).returncode == 0
    called.unlink()
    return called
