"""Runs one program as a container would: on a root of its own that cannot be written, as nobody, with no privilege.

Started by `unshare --mount`, it makes a small root of nothing but what it is told (JSON as its one argument), and
becomes the program there. The root holds no shell. What may be written is named in `writable`; /tmp is empty memory.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

NO_NEW_PRIVILEGES, DROP_FROM_BOUNDING_SET = 38, 24
HIGHEST_CAPABILITY = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    told = json.loads(sys.argv[1])
    root = Path(told["root"])
    _mount("-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs", str(root))
    root.joinpath("tmp").mkdir()
    _mount("-t", "tmpfs", "-o", "size=16m,mode=1777", "tmpfs", str(root / "tmp"))
    for path in told["readable"]:
        _show(root, Path(path), "ro")
    for path in told["writable"]:
        _show(root, Path(path), "rw")
    root.joinpath("proc").mkdir()
    _mount("-t", "proc", "-o", "ro", "proc", str(root / "proc"))
    _show(root, Path("/dev/null"), "rw")
    _show(root, Path("/dev/urandom"), "ro")
    for link, to in told["links"].items():
        root.joinpath(link.lstrip("/")).symlink_to(to)
    _mount("-o", "remount,ro", str(root))
    os.chroot(root)
    os.chdir("/")
    _give_everything_up(told["user"])
    os.execve(told["command"][0], told["command"], told["variables"])


def _show(root: Path, path: Path, how: str) -> None:
    """At the same place in the new root."""
    inside = root / path.relative_to("/")
    if path.is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    _mount("--bind", str(path), str(inside))
    _mount("-o", f"remount,bind,nosuid,{how}", str(inside))


def _give_everything_up(user: int) -> None:
    for capability in range(HIGHEST_CAPABILITY + 1):
        _prctl(DROP_FROM_BOUNDING_SET, capability)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    os.umask(0o077)
    _prctl(NO_NEW_PRIVILEGES, 1)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()
