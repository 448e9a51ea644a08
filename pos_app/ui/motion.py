"""Whether the person at this computer has asked it for less motion; read once, and not on the thread that paints."""

import logging
import subprocess
import sys

log = logging.getLogger(__name__)

_ASKED_OF = {
    "darwin": (("defaults", "read", "com.apple.universalaccess", "reduceMotion"), "1"),
    "linux": (("gsettings", "get", "org.gnome.desktop.interface", "enable-animations"), "false"),
}
_CLIENT_AREA_ANIMATION = 0x1042
_PATIENCE_SECONDS = 2
_reduced = False


def motion_is_reduced() -> bool:
    """False until `read_motion` has found otherwise."""
    return _reduced


def read_motion() -> None:
    """Takes up to seconds where the desktop is slow to say, so call it in a thread."""
    global _reduced  # noqa: PLW0603 — a fact of the computer, not of any window
    _reduced = _windows_says() if sys.platform == "win32" else _desktop_says()


def _windows_says() -> bool:
    import ctypes

    animated = ctypes.c_int(1)
    known = ctypes.windll.user32.SystemParametersInfoW(_CLIENT_AREA_ANIMATION, 0, ctypes.byref(animated), 0)  # type: ignore[attr-defined, unused-ignore]
    return bool(known) and not animated.value


def _desktop_says() -> bool:
    command, reduced = _ASKED_OF.get(sys.platform, ((), ""))
    if not command:
        return False
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)  # noqa: S603 — words of ours
    except (OSError, subprocess.TimeoutExpired):
        log.info("the desktop does not say whether it wants less motion")
        return False
    return said.stdout.strip() == reduced
