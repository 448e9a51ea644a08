"""The smallest PNG writer that will do: eight-bit grey, black modules on white.

It must not know what the modules mean.
"""

import struct
import zlib
from collections.abc import Sequence

QUIET = 4  # modules of white on every side, without which no scanner finds the code


def grey_png(modules: Sequence[Sequence[bool]], size: int) -> bytes:
    """A square of `size` pixels; true is black. Every module is at least one pixel, so it may become larger."""
    across = len(modules) + 2 * QUIET
    scale = max(1, size // across)
    side = max(size, across)
    margin = (side - len(modules) * scale) // 2
    rows = [_row(line, scale, margin, side) for line in modules for _ in range(scale)]
    white = b"\0" + b"\xff" * side
    pixels = b"".join([white * margin, *rows, white * (side - margin - len(rows))])
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(pixels)) + _chunk(b"IEND", b"")
    )


def _row(line: Sequence[bool], scale: int, margin: int, side: int) -> bytes:
    """Filter type 0, then the pixels."""
    dark = b"".join((b"\0" if module else b"\xff") * scale for module in line)
    return b"\0" + (b"\xff" * margin + dark).ljust(side, b"\xff")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
