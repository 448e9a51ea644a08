"""Who gets which scenario, as the control API is told: for a phone, an amount, the next ones, or all.

It must not know what the scenarios are of.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pos_app.simulator.fields import digits, is_phone
from pos_app.simulator.knobs import Knobs, Script

Key = TypeVar("Key", str, int)


def choose(script: Script[Knobs], fields: dict[str, Any], read: Callable[[Any], Knobs], default: Knobs) -> None:
    """For a phone, an amount or the next ones (`next` says how many); else the default. Null forgets a choice."""
    chosen = None if fields["scenario"] is None else read(fields["scenario"])
    if "phone" in fields:
        _choose(script.by_phone, number("phone", fields["phone"], 12), chosen)
    elif "amount" in fields:
        _choose(script.by_amount, int(number("amount", fields["amount"], 6)), chosen)
    elif "next" in fields:
        script.queue = [*script.queue, *[chosen] * int(fields["next"])] if chosen else []
    else:
        script.default = chosen or default


def number(name: str, value: object, longest: int) -> str:
    text = digits(value)
    if not 0 < len(text) <= longest:
        raise ValueError(f"the {name} must be digits only, as 254712345678 or 150")
    return text


def phone(value: object) -> str:
    if not is_phone(value):
        raise ValueError("a phone is 254, then 7 or 1, then eight digits")
    return digits(value)


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def text(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"the {name} is a text of at most {longest} characters")
    return value


def seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not 0 <= float(value) < 1e9:
        raise ValueError("time goes forward")
    return float(value)


def _choose(choices: dict[Key, Knobs], key: Key, chosen: Knobs | None) -> None:
    if chosen is None:
        choices.pop(key, None)
    else:
        choices[key] = chosen
