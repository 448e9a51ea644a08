"""Every id Daraja hands out, in the shapes of the contract §6: seeded, and never the same twice.

It must not know what the ids name.
"""

import random
import string
from collections.abc import Callable

from pos_app.simulator.clock import nairobi

_UPPER = string.ascii_uppercase + string.digits
_DAYS = "123456789ABCDEFGHIJKLMNOPQRSTUV"


class Identifiers:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose; nothing here is a secret
        self._given: set[str] = set()
        self._requests = 0

    def token(self) -> str:
        return self._once(lambda: self._pick(string.ascii_letters + string.digits, 28))

    def request_id(self) -> str:
        self._requests += 1
        return f"{self._hex(4)}-{self._hex(4)}-{self._hex(4)}-{self._requests}"

    def merchant_request_id(self) -> str:
        head = f"{self._hex(4)}-{self._hex(4)}-{self._hex(4)}"
        return self._once(lambda: f"{head}-{self._hex(12)}{self._pick(string.digits, 7)}")

    def checkout_request_id(self, when: float, phone: str) -> str:
        """The moment in EAT, 1–3 digits of milliseconds and the phone's last nine digits."""
        moment = nairobi(when)
        milliseconds = iter(range(moment.microsecond // 1000, 10_000))
        return self._once(lambda: f"ws_CO_{moment:%d%m%Y%H%M%S}{next(milliseconds) % 1000}{phone[-9:]}")

    def receipt(self, when: float) -> str:
        """Year (U is 2026), month A–L, day 1–9 then A–V, and seven characters that are not all zero."""
        prefix = self._day(when)
        return self._once(lambda: prefix + self._pick(string.ascii_uppercase, 1) + self._pick(_UPPER, 6))

    def placeholder(self, when: float) -> str:
        """Of an operation that has no receipt: the day, and seven zeros (§6)."""
        return self._day(when) + "0000000"

    def conversation_id(self, when: float) -> str:
        """20 characters that are not hexadecimal, as in 2026 (§6)."""
        letters = string.ascii_lowercase + string.digits
        return self._once(lambda: f"AG_{nairobi(when):%Y%m%d}_{self._pick(letters, 20)}")

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def _day(self, when: float) -> str:
        day = nairobi(when)
        return (
            string.ascii_uppercase[(day.year - 2006) % 26] + string.ascii_uppercase[day.month - 1] + _DAYS[day.day - 1]
        )

    def _hex(self, length: int) -> str:
        return self._pick("0123456789abcdef", length)

    def _pick(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choices(alphabet, k=length))

    def _once(self, make: Callable[[], str]) -> str:
        while (value := make()) in self._given:
            continue
        self._given.add(value)
        return value
