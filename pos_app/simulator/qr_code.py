"""A QR code, from ISO/IEC 18004: always version 5, error correction L, byte mode, mask 0, so that it stays small.

It must not know what it says.
"""

CAPACITY = 106  # bytes of text

_SIZE = 37
_DATA = 108  # code words of data, in one block
_CHECK = 26  # code words of error correction
_ALIGNMENT = 30  # centre of the only alignment pattern
_FORMAT = 0b01000  # level L, mask 0
_TIMING = 6

Grid = list[list[bool | None]]


def modules(text: bytes) -> list[list[bool]]:
    """Rows of modules; true is black. At most CAPACITY bytes."""
    grid: Grid = [[None] * _SIZE for _ in range(_SIZE)]
    _draw_patterns(grid)
    _draw_format(grid)
    data = _data(text)
    _draw_data(grid, data + _check(data))
    return [[bool(module) for module in line] for line in grid]


def _data(text: bytes) -> bytes:
    """Mode, length, text and terminator: shifted by half a byte, because the mode has four bits."""
    if len(text) > CAPACITY:
        raise ValueError(f"at most {CAPACITY} bytes")
    bits = (0b0100 << 8 | len(text)) << 8 * len(text) | int.from_bytes(text)
    written = (bits << 4).to_bytes(len(text) + 2)
    padding = b"\xec\x11" * _DATA
    return (written + padding)[:_DATA]


def _check(data: bytes) -> bytes:
    """The remainder of Reed and Solomon's division in GF(256)."""
    divisor = _divisor()
    remainder = [0] * _CHECK
    for byte in data:
        factor = byte ^ remainder[0]
        remainder = [*remainder[1:], 0]
        remainder = [term ^ _product(coefficient, factor) for term, coefficient in zip(remainder, divisor, strict=True)]
    return bytes(remainder)


def _divisor() -> list[int]:
    """(x - 1)(x - 2)(x - 4)… without its first coefficient, which is 1."""
    terms = [0] * (_CHECK - 1) + [1]
    root = 1
    for _ in range(_CHECK):
        shifted = [*terms[1:], 0]
        terms = [_product(term, root) ^ following for term, following in zip(terms, shifted, strict=True)]
        root = _product(root, 2)
    return terms


def _product(one: int, other: int) -> int:
    """In GF(256) with the polynomial 0x11D."""
    result = 0
    for bit in reversed(range(8)):
        result = (result << 1) ^ ((result >> 7) * 0x11D)
        result ^= ((other >> bit) & 1) * one
    return result


def _draw_patterns(grid: Grid) -> None:
    for at in range(_SIZE):
        grid[_TIMING][at] = grid[at][_TIMING] = at % 2 == 0
    for row, column in ((3, 3), (3, _SIZE - 4), (_SIZE - 4, 3)):
        _draw_rings(grid, row, column, reach=4, white=(2, 4))
    _draw_rings(grid, _ALIGNMENT, _ALIGNMENT, reach=2, white=(1,))


def _draw_rings(grid: Grid, row: int, column: int, *, reach: int, white: tuple[int, ...]) -> None:
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            if 0 <= row + down < _SIZE and 0 <= column + right < _SIZE:
                grid[row + down][column + right] = max(abs(down), abs(right)) not in white


def _draw_format(grid: Grid) -> None:
    """Twice, with its own check bits, around the corners; and one module that is always black."""
    remainder = _FORMAT
    for _ in range(10):
        remainder = (remainder << 1) ^ ((remainder >> 9) * 0x537)
    bits = (_FORMAT << 10 | remainder) ^ 0x5412
    for number in range(15):
        dark = bool(bits >> number & 1)
        down, right = _format_places(number)
        grid[down[0]][down[1]] = grid[right[0]][right[1]] = dark
    grid[_SIZE - 8][8] = True


def _format_places(number: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a bit of the format stands: around the first corner, and shared by the other two."""
    if number < 8:
        past_timing = number + (number >= _TIMING)
        return (past_timing, 8), (8, _SIZE - 1 - number)
    across = 7 if number == 8 else 14 - number
    return (8, across), (_SIZE - 15 + number, 8)


def _draw_data(grid: Grid, words: bytes) -> None:
    """In pairs of columns from the right, up and down in turn, around everything that is drawn already."""
    bits = [bool(word >> bit & 1) for word in words for bit in reversed(range(8))]
    waiting = iter(bits)
    for row, column in _way():
        if grid[row][column] is None:
            # Mask 0. What is left over after the last word is white before it.
            grid[row][column] = next(waiting, False) != ((row + column) % 2 == 0)


def _way() -> list[tuple[int, int]]:
    right_columns = [*range(_SIZE - 1, _TIMING, -2), *range(_TIMING - 1, 0, -2)]
    places = []
    for turn, right in enumerate(right_columns):
        rows = range(_SIZE) if turn % 2 else reversed(range(_SIZE))
        places += [(row, column) for row in rows for column in (right, right - 1)]
    return places
