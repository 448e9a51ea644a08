"""The files that pages load, all from here: the stylesheet, the few lines of script, the icon and the typeface.

They hold nothing secret and are kept by the browser. It must not know any page.
"""

from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_STATIC = Path(__file__).parent / "static"
_PACKAGES = Path(__file__).parents[2]
_FONT_FOLDERS = (_PACKAGES / "resources" / "fonts", _PACKAGES / "pos_app" / "resources" / "fonts")
"""In a checkout and a packaged program; in an installed wheel. Without either the browser takes what it has."""
_FILES = {
    "style.css": ("text/css; charset=utf-8", _STATIC / "style.css"),
    "refresh.js": ("text/javascript; charset=utf-8", _STATIC / "refresh.js"),
    "icon.svg": ("image/svg+xml", _STATIC / "icon.svg"),
}
_FONTS = {"inter-400.ttf": "Inter_400Regular.ttf", "inter-600.ttf": "Inter_600SemiBold.ttf"}
_KEPT = {"cache-control": "public, max-age=3600"}


def is_one(path: str) -> bool:
    """Kept in memory: sending one costs a relay next to nothing."""
    return path.removeprefix("/console/") in _FILES | _FONTS


def routes() -> list[BaseRoute]:
    fonts = {
        name: ("font/ttf", folder / file)
        for name, file in _FONTS.items()
        for folder in _FONT_FOLDERS
        if (folder / file).is_file()
    }
    return [_route(name, kind, path) for name, (kind, path) in (_FILES | fonts).items()]


def _route(name: str, kind: str, path: Path) -> BaseRoute:
    return Route(f"/console/{name}", partial(_sent, path.read_bytes(), kind), methods=["GET"])


async def _sent(content: bytes, kind: str, _request: Request) -> Response:
    return Response(content, media_type=kind, headers=_KEPT)
