"""Dynamic QR: E63, E79, its checks, and the picture read back as a scanner reads it (contract §2.11)."""

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from pos_app.simulator.c2b import QR_PATH
from pos_app.simulator.qr_code import CAPACITY, modules

E63 = """{"ResponseCode":"00","RequestID":"17905-33620418-1",\
"ResponseDescription":"QR Code Successfully Generated.","QRCode":"iVBORw0KGgoAAAANSUhEUg..."}"""
E79 = {
    "MerchantName": "Example Shop",
    "RefNo": "Sale 1042",
    "Amount": 150,
    "TrxCode": "BG",
    "CPI": "5512345",
    "Size": "300",
}
SIZE = 37


def generated(caller: Any, **changes: Any) -> Any:
    return caller.post(QR_PATH, {**E79, **changes})


def test_E63_E79_a_picture_and_00(caller: Any) -> None:
    reply = generated(caller)
    got, expected = json.loads(reply.body), json.loads(E63)
    assert reply.status == 200
    assert list(got) == list(expected)
    blank = {"RequestID": "", "QRCode": ""}
    assert {**got, **blank} == {**expected, **blank}
    assert got["QRCode"].startswith("iVBORw0KGgoAAAANSUhEUg")


def test_the_documented_sample_has_an_id_for_a_code(caller: Any) -> None:
    caller.core.c2b.spellings.qr_code = "AG"
    assert json.loads(generated(caller).body)["ResponseCode"].startswith("AG_")


@pytest.mark.parametrize("size", [300, 45, 1, 1000])
def test_the_picture_scans_and_says_whose_it_is(caller: Any, size: int) -> None:
    side, pixels = grey(base64.b64decode(json.loads(generated(caller, Size=str(size)).body)["QRCode"]))
    assert side == max(size, SIZE + 8)
    scale = side // (SIZE + 8)
    margin = (side - SIZE * scale) // 2
    middle = [margin + at * scale + scale // 2 for at in range(SIZE)]
    grid = [[pixels[row][column] == 0 for column in middle] for row in middle]
    assert read(grid) == b"SIMULATOR|BG|5512345|150|Sale 1042|Example Shop"
    assert {byte for row in pixels[:margin] for byte in row} == {255}


def test_a_long_name_is_cut_and_never_in_the_middle_of_a_letter(caller: Any) -> None:
    _, pixels = grey(base64.b64decode(json.loads(generated(caller, MerchantName="é" * 200, Size="45").body)["QRCode"]))
    text = read([[pixel == 0 for pixel in row[4:41]] for row in pixels[4:41]])
    assert len(text) in (CAPACITY, CAPACITY - 1)
    assert text.decode().endswith("é")


def test_more_than_a_code_holds_is_an_error() -> None:
    with pytest.raises(ValueError, match="106"):
        modules(b"x" * (CAPACITY + 1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("MerchantName", ""),
        ("RefNo", None),
        ("Amount", "150"),
        ("Amount", 0),
        ("Amount", True),
        ("TrxCode", "XX"),
        ("CPI", 5512345),
        ("CPI", "1"),
        ("Size", 300),
        ("Size", "0"),
        ("Size", "1001"),
    ],
)
def test_a_wrong_field_is_named(caller: Any, field: str, value: object) -> None:
    reply = generated(caller, **{field: value})
    assert reply.status == 400
    assert json.loads(reply.body)["errorMessage"] == f"Bad Request - Invalid {field}"


def test_a_dead_token_is_refused(caller: Any) -> None:
    caller.core.tokens.invalidate()
    assert json.loads(generated(caller).body)["errorCode"] == "404.001.03"


def grey(png: bytes) -> tuple[int, list[bytes]]:
    """The side and the rows of an eight-bit grey PNG without filters; every checksum is proven."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        at += 12 + length
    side, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (height, rest) == (side, [8, 0, 0, 0, 0])
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[start : start + side + 1] for start in range(0, len(raw), side + 1)]
    assert len(rows) == side
    assert {row[0] for row in rows} == {0}
    return side, [row[1:] for row in rows]


def read(grid: list[list[bool]]) -> bytes:
    """A scanner for version 5-L with mask 0, which proves the format and the error correction."""
    assert form(grid) == 0b111011111000100  # level L and mask 0, from the table of the standard
    bits = [grid[row][column] ^ ((row + column) % 2 == 0) for row, column in way() if not reserved(row, column)]
    words = [sum(bit << 7 - at for at, bit in enumerate(bits[start : start + 8])) for start in range(0, 134 * 8, 8)]
    for power in range(26):
        assert remainder(words, power) == 0
    number = int.from_bytes(bytes(words[:108]))
    assert number >> 860 == 0b0100
    length = number >> 852 & 0xFF
    return (number >> 852 - 8 * length & (1 << 8 * length) - 1).to_bytes(length)


def form(grid: list[list[bool]]) -> int:
    places = [*((8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)), *((row, 8) for row in (7, 5, 4, 3, 2, 1, 0))]
    again = [*((row, 8) for row in range(SIZE - 1, SIZE - 8, -1)), *((8, column) for column in range(SIZE - 8, SIZE))]
    one, other = (
        sum(grid[row][column] << 14 - at for at, (row, column) in enumerate(all_)) for all_ in (places, again)
    )
    assert one == other
    return one


def reserved(row: int, column: int) -> bool:
    corner = (row < 9 and (column < 9 or column >= SIZE - 8)) or (row >= SIZE - 8 and column < 9)
    return corner or 6 in (row, column) or (28 <= row <= 32 and 28 <= column <= 32)


def way() -> list[tuple[int, int]]:
    places, upwards = [], True
    for right in [*range(36, 6, -2), 5, 3, 1]:
        rows = range(SIZE - 1, -1, -1) if upwards else range(SIZE)
        places += [(row, column) for row in rows for column in (right, right - 1)]
        upwards = not upwards
    return places


def remainder(words: list[int], power: int) -> int:
    """The polynomial of the words at 2 to that power in GF(256)."""
    root = 1
    for _ in range(power):
        root = root << 1 ^ (0x11D if root & 0x80 else 0)
    value = 0
    for word in words:
        value = times(value, root) ^ word
    return value


def times(one: int, other: int) -> int:
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product
