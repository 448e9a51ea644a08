"""Which of the system's libraries and tools are missing, what Debian calls them, and how they get here.

It must not know Python packages, nor what the libraries are for beyond their group.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

from errors import CommandError

Libraries = Mapping[str, str]  # the loader's name of a library -> the Debian package that holds it

OFFSCREEN: Libraries = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libX11.so.6": "libx11-6",
    "libbrotlidec.so.1": "libbrotli1",
}
XCB: Libraries = {
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
WAYLAND: Libraries = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}

PEERS: Libraries = {"redis-server": "redis-server"}
"""Servers that the relay is measured against; those of the other peers are Python packages."""


def for_display(environment: Mapping[str, str]) -> Libraries:
    """What Qt needs to draw, and to open windows where there is something to open them on."""
    needed = dict(OFFSCREEN)
    if environment.get("DISPLAY"):
        needed |= XCB
    if environment.get("WAYLAND_DISPLAY"):
        needed |= WAYLAND
    return needed


def loads(library: str) -> bool:
    """Asks the loader itself: it is who will refuse, and it knows folders that `ldconfig -p` does not list."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries(needed: Libraries, can_load: Callable[[str], bool] = loads) -> list[str]:
    """The packages of those that do not load; nothing on Windows and macOS, whose wheels bring their own."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for library, package in needed.items() if not can_load(library)]


def missing_tools(tools: Mapping[str, str]) -> list[str]:
    """`one|other` is there if either is."""
    if not sys.platform.startswith("linux"):
        return []
    return [package for names, package in tools.items() if not any(map(shutil.which, names.split("|")))]


def can_install() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install(packages: Iterable[str]) -> None:
    """By apt as root. Raises CommandError naming them where it may not, or cannot."""
    wanted = sorted(set(packages))
    if not wanted:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
    if not shutil.which("apt-get"):
        raise CommandError(
            f"This computer lacks, by their Debian names: {' '.join(wanted)}. Install them, then try again."
        )
    if os.geteuid() != 0:
        raise CommandError(f"This computer lacks {len(wanted)} system packages. Run: sudo {' '.join(command)}")
    print("Installing system packages:", *wanted, flush=True)
    _apt(["apt-get", "update"])
    done = _apt(command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise CommandError(f"apt-get could not install {' '.join(wanted)}: {said}")


def _apt(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
