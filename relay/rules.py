"""What a shop lets the relay answer when Safaricom asks whether a payment may come in: one document, one verdict.

Pure: it must not know HTTP, the store or a clock. Sources: contract §2.5 (validation), §5.3 (the codes).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from relay import reading

ACCEPTED = "0"
BAD_ACCOUNT = "C2B00012"
BAD_AMOUNT = "C2B00013"
OTHER = "C2B00016"
CODES = frozenset({ACCEPTED, "C2B00011", BAD_ACCOUNT, BAD_AMOUNT, "C2B00014", "C2B00015", OTHER})

MAX_REFERENCES = 1000
MAX_CLOSED = 21
_EAST_AFRICA = timedelta(hours=3)
_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2})0*)?", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class RulesError(ValueError):
    """The document cannot be used; the text names the field."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Amounts in cents. `references` None lets any account through; `closed` holds spans of East African time.

    `default` is the answer where a payment cannot be read, or nobody answers whom `ask` lets the relay ask. `version`
    counts the changes, so that an older document of another till never takes the place of a newer one.
    """

    min: int | None = None
    max: int | None = None
    references: list[str] | None = None
    closed: list[tuple[str, str]] = []
    default: Literal["accept", "reject"] = "accept"
    ask: bool = False
    version: int = 0


class Asked(NamedTuple):
    """What the rules look at in a validation request; None where it cannot be read."""

    receipt: str
    cents: int | None
    reference: str


def parse(document: bytes) -> Rules:
    """Raises RulesError with a sentence that names the field."""
    try:
        rules = msgspec.json.decode(document, type=Rules)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RulesError(f"the rules cannot be read: {error}") from None
    for name, bound in (("min", rules.min), ("max", rules.max)):
        if bound is not None and bound < 0:
            raise RulesError(f"{name} is below 0")
    if rules.min is not None and rules.max is not None and rules.min > rules.max:
        raise RulesError("min is above max")
    if rules.references is not None and len(rules.references) > MAX_REFERENCES:
        raise RulesError(f"references has more than {MAX_REFERENCES} entries")
    if len(rules.closed) > MAX_CLOSED or not all(_TIME.fullmatch(at) for span in rules.closed for at in span):
        raise RulesError(f"closed must hold up to {MAX_CLOSED} pairs of times such as 22:00")
    return rules


def read(body: bytes) -> Asked | None:
    """None where it is no validation request; then the default answers."""
    said, _ = reading.parse(body)
    # In the spelling in which the confirmation is read, or the echo would not prove it.
    receipt = reading.receipt_text(reading.get(said, "TransID"))
    if receipt is None or "TransAmount" not in said:
        return None
    reference = reading.get(said, "BillRefNumber")
    return Asked(receipt, _cents(said["TransAmount"]), reference if isinstance(reference, str) else "")


def _cents(amount: object) -> int | None:
    """None for what is no amount of whole cents; an exponent is none either."""
    text = str(amount) if isinstance(amount, str | int) else ""
    found = _AMOUNT.fullmatch(text.strip())
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else None


def verdict(rules: Rules, asked: Asked | None, at: datetime) -> str:
    """The code to answer with: the hours come first, the account last, for a till may know one more. `at` is aware."""
    if is_closed(rules, at):
        return OTHER
    if asked is None or asked.cents is None:
        return default(rules)
    if (rules.min is not None and asked.cents < rules.min) or (rules.max is not None and asked.cents > rules.max):
        return BAD_AMOUNT
    if rules.references is not None and _folded(asked.reference) not in map(_folded, rules.references):
        return BAD_ACCOUNT
    return ACCEPTED


def default(rules: Rules) -> str:
    return ACCEPTED if rules.default == "accept" else OTHER


def _folded(reference: str) -> str:
    """Letters and digits alone: customers type an account with and without its separators."""
    return "".join(filter(str.isalnum, reference)).casefold()


def is_closed(rules: Rules, at: datetime) -> bool:
    """A span that ends before it begins goes over midnight."""
    now = (at.astimezone(UTC) + _EAST_AFRICA).strftime("%H:%M")
    return any(start <= now < end if start <= end else now >= start or now < end for start, end in rules.closed)
