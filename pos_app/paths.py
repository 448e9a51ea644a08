"""Where the program's own files and the shop's data lie; a leaf that imports nothing of ours."""

import sys
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def resource_path(*parts: str) -> Path:
    """A file of `resources/` in a frozen program, in an installed wheel, or in a checkout."""
    return _resources().joinpath(*parts)


def _resources() -> Path:
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        return Path(frozen) / "resources"
    installed = _PACKAGE / "resources"
    return installed if installed.is_dir() else _PACKAGE.parent / "resources"


def data_dir(override: Path | None = None) -> Path:
    """The folder of database, settings and receipts, made if need be; nobody else may read it."""
    folder = override or Path(platformdirs.user_data_dir("mpesa-till", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        folder.chmod(0o700)
    return folder
