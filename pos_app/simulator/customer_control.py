"""The control API under /simulator/c2b: what a test or the phone page tells of customers who pay by themselves.

It must not know HTTP. Times are seconds from now; `speed` shortens confirmations, but no time that is told here.
"""

from collections.abc import Callable
from typing import Any

from pos_app.simulator import customer_views, day, spellings
from pos_app.simulator.choosing import boolean, choose, number, phone, seconds, text
from pos_app.simulator.clock import stamp
from pos_app.simulator.customers import Purchase
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.fields import MAX_AMOUNT
from pos_app.simulator.payment_scenarios import PaymentScenario, payment_scenario
from pos_app.simulator.shop import Shortcode
from pos_app.simulator.simulate import LONGEST_REFERENCE
from pos_app.simulator.weather import weather

LONGEST_NAME = 60


class CustomerControl:
    """A command gives what is answered besides `done`."""

    def __init__(self, core: Daraja) -> None:
        self._core = core

    def commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "c2b/pay": self._pay,
            "c2b/day": self._day,
            "c2b/scenario": self._scenario,
            "c2b/weather": self._weather,
            "c2b/validation": self._validation,
            "c2b/unregister": self._unregister,
            "c2b/spellings": lambda fields: spellings.change(self._core.c2b.spellings, fields),
        }

    def _pay(self, fields: dict[str, Any]) -> dict[str, Any]:
        """`to` is the PayBill or the till. Optional: account, name, scenario, and after how many seconds."""
        purchase = self._purchase(fields)
        scenario = payment_scenario(fields["scenario"]) if "scenario" in fields else None
        after = seconds(fields.get("after", 0))
        if after:
            self._core.pay_later(purchase, after, scenario)
            return {}
        return {"payment": customer_views.customer_payment(self._core.pay(purchase, scenario))}

    def _day(self, fields: dict[str, Any]) -> dict[str, Any]:
        """From now on: rates as for the weather, and payments, seconds, customers, smallest, largest, accounts, number.

        Exactly as many are lost, duplicated, late and overtaken as the rates say.
        """
        told, sky = day.read(fields)
        numbers = (self._number(fields["number"]),) if "number" in fields else self._core.shop.shortcodes
        usual = payment_scenario(fields["scenario"]) if "scenario" in fields else self._core.c2b.script.default
        planned = day.plan(told, sky, usual, numbers)
        for one in planned:
            self._core.pay_later(one.purchase, one.after, one.scenario)
        ends = [stamp(self._core.clock.now() + one.after) for one in (planned[0], planned[-1])]
        return {"payments": len(planned), "first": ends[0], "last": ends[1], **day.counts(planned)}

    def _scenario(self, fields: dict[str, Any]) -> None:
        choose(self._core.c2b.script, fields, payment_scenario, PaymentScenario())

    def _weather(self, fields: dict[str, Any]) -> None:
        """Of all payments for which nothing else was chosen; no rates at all is fair weather."""
        self._core.c2b.script.turn(weather(fields))

    def _validation(self, fields: dict[str, Any]) -> None:
        """External validation, switched on or off by e-mail: for one shortcode, or for all."""
        wanted, validating = boolean(fields["on"]), self._core.memory.urls.validating
        for code in self._shortcodes(fields):
            (validating.add if wanted else validating.discard)(code.number)

    def _unregister(self, fields: dict[str, Any]) -> None:
        """C2B URLs and Pull, of one shortcode or of all."""
        for code in self._shortcodes(fields):
            self._core.memory.urls.forget(code.number)
            self._core.memory.pulled.discard(code.number)

    def _purchase(self, fields: dict[str, Any]) -> Purchase:
        amount = int(number("amount", fields["amount"], 6))
        if not 1 <= amount <= MAX_AMOUNT:
            raise ValueError(f"M-PESA moves 1 to {MAX_AMOUNT} shillings")
        return Purchase(
            self._number(fields["to"]),
            phone(fields["phone"]),
            amount,
            text("account", fields.get("account", ""), LONGEST_REFERENCE),
            text("name", fields.get("name", ""), LONGEST_NAME),
        )

    def _number(self, typed: object) -> Shortcode:
        shortcode = self._core.shop.paid_at(str(typed))
        if shortcode is None:
            raise ValueError(f"nobody has the number {typed!r}")
        return shortcode

    def _shortcodes(self, fields: dict[str, Any]) -> tuple[Shortcode, ...]:
        wanted = fields.get("shortcode")
        found = tuple(code for code in self._core.shop.shortcodes if wanted in (None, code.number))
        if not found:
            raise ValueError(f"the shop has no shortcode {wanted!r}")
        return found
