"""A text as the bars of Code 128, which every scanner reads; it knows neither paper nor what the text means."""

import re

_WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221"
    "223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321"
    "112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131"
    "311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114"
    "122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232"
)
"""Of the values 0 to 105, six each: bar, space, bar … in modules."""
_STOP = "2331112"
_START_TEXT, _TO_DIGITS = 104, 99
_TEXT = re.compile(r"[ -~]+", re.ASCII)
_DIGITS_AT_THE_END = re.compile(r"(?:\d\d){2,}\Z", re.ASCII)
"""From four on two digits in one sign are shorter."""


def bars(text: str) -> tuple[int, ...]:
    """How many modules each is wide: a bar, a space, a bar … Raises ValueError for what the code cannot write."""
    if not _TEXT.fullmatch(text):
        raise ValueError("a barcode holds printable ASCII")
    values = _values(text)
    check = sum(max(position, 1) * value for position, value in enumerate(values)) % 103
    return tuple(int(width) for width in "".join(map(_sign, (*values, check))) + _STOP)


def _sign(value: int) -> str:
    return _WIDTHS[6 * value : 6 * value + 6]


def _values(text: str) -> list[int]:
    found = _DIGITS_AT_THE_END.search(text)
    digits = found[0] if found else ""
    letters = [ord(character) - 32 for character in text.removesuffix(digits)]
    pairs = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
    return [_START_TEXT, *letters, *([_TO_DIGITS, *pairs] if pairs else [])]
