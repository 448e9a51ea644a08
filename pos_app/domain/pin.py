"""Whether a PIN is long enough and not one that everybody tries first; it must not keep, hash or compare any.

Source: money-safety §5 row 3 (six digits, managers eight or a passphrase, a list of those refused).
"""

from itertools import pairwise

from pos_app.domain.staff import STRONG, Role

DIGITS = 6
STRONG_DIGITS = 8
PASSPHRASE = 12
LONGEST = 64
_FIRST_TRIED = frozenset({"123123", "112233", "121212", "12121212", "11223344", "123654", "147258", "159753", "254254"})


def pin_problem(text: str, role: Role) -> str:
    """A sentence that says what is wrong with it; empty for a good one."""
    if len(text) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if text.isascii() and text.isdecimal():
        return _digits_problem(text, STRONG_DIGITS if role in STRONG else DIGITS)
    if role not in STRONG:
        return f"Use digits only, at least {DIGITS}."
    if len(text.strip()) < PASSPHRASE or len(set(text)) < PASSPHRASE // 2:
        return f"Use at least {STRONG_DIGITS} digits, or a phrase of at least {PASSPHRASE} characters."
    return ""


def _digits_problem(digits: str, least: int) -> str:
    if len(digits) < least:
        return f"Use at least {least} digits."
    return "That PIN is one of the first that somebody would try. Use another." if _is_guessed_first(digits) else ""


def _is_guessed_first(digits: str) -> bool:
    return digits in _FIRST_TRIED or len(set(digits)) < 3 or _is_run(digits) or _is_repeated(digits) or _is_date(digits)


def _is_run(digits: str) -> bool:
    """Neighbours on the keypad's row of digits, up or down: 123456, 987654, 890123."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    return len(steps) == 1


def _is_repeated(digits: str) -> bool:
    """Up to half of it, again and again: 123123, 12341234."""
    return any(
        len(digits) % size == 0 and digits == digits[:size] * (len(digits) // size)
        for size in range(1, len(digits) // 2 + 1)
    )


def _is_date(digits: str) -> bool:
    """A birthday with its year: 14021990, 19900214, or 140290."""
    if len(digits) == 8:
        return _is_day(digits[:2], digits[2:4], digits[4:]) or _is_day(digits[6:], digits[4:6], digits[:4])
    return len(digits) == 6 and _is_day(digits[:2], digits[2:4], f"19{digits[4:]}")


def _is_day(day: str, month: str, year: str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12 and 1930 <= int(year) <= 2030
