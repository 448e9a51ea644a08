"""A payer's Kenyan mobile number: refused by shape, only warned about by prefix, masked once it need not be read."""

import re
from dataclasses import dataclass
from typing import Self

_SEPARATORS = re.compile(r"[\s\-().]")
_SHAPE = re.compile(r"(?:\+?254|0)?([71]\d{8})", re.ASCII)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# libphonenumber 9.0.43 by way of the contract, §6 Phones: blocks that are not Safaricom's. Numbers are portable.
_OTHER_NETWORKS = re.compile(r"10\d|120|13[5-9]|73\d|744|747|75[0-6]|76[12]|77\d|78\d", re.ASCII)


class MsisdnError(ValueError):
    """The text is not a Kenyan mobile number; its message is a sentence for the cashier."""


@dataclass(frozen=True, slots=True)
class Msisdn:
    """`digits` is the 12-digit form that Daraja takes, `2547…` or `2541…`."""

    digits: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accepts 07…, 01…, 7…, 1…, 254…, +254…, with spaces and dashes (contract §6). Raises MsisdnError."""
        match = _SHAPE.fullmatch(_SEPARATORS.sub("", text))
        if not match:
            raise MsisdnError("That is not a Kenyan mobile number. Type it like 0712 345 678 or 0110 345 678.")
        return cls("254" + match[1])

    @property
    def local(self) -> str:
        return "0" + self.digits[3:]

    @property
    def grouped(self) -> str:
        """In full, for the screen while a charge is live: `0712 345 678`."""
        return f"{self.local[:4]} {self.local[4:7]} {self.local[7:]}"

    @property
    def masked(self) -> str:
        """For the screen and the receipt once the charge is final: `0712 ••• 678`."""
        return f"{self.local[:4]} ••• {self.local[7:]}"

    @property
    def for_log(self) -> str:
        return f"{self.digits[:4]}*****{self.digits[-3:]}"

    @property
    def spoken(self) -> str:
        """Digit by digit in the groups people say: `zero seven one two, three four five, six seven eight`."""
        return ", ".join(" ".join(_WORDS[int(digit)] for digit in group) for group in self.grouped.split())

    @property
    def warning(self) -> str:
        """A sentence when the block belongs to another network, else empty. Never a refusal: numbers are portable."""
        if not _OTHER_NETWORKS.match(self.digits[3:]):
            return ""
        return "This looks like another network’s number. M-Pesa may not reach it."

    def __str__(self) -> str:
        return self.for_log

    def __repr__(self) -> str:
        return f"Msisdn({self.for_log})"
