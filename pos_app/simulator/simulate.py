"""The door of C2B simulate, v1 and v2, in the sandbox only: the shop plays its own customer (contract §2.4).

It must not know what a payment sets going.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pos_app.simulator.customers import Customers, Purchase
from pos_app.simulator.fields import digits, first_wrong, is_amount, is_phone, parse
from pos_app.simulator.gate import Gate
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.shop import Shop
from pos_app.simulator.spellings import Spellings
from pos_app.simulator.weather import PaymentScript

LONGEST_REFERENCE = 20
_ACCEPTED = "Accept the service request successfully."


@dataclass
class SimulateEndpoint:
    shop: Shop
    gate: Gate
    customers: Customers
    script: PaymentScript
    spellings: Spellings
    production: bool

    def simulate(self, request: Request, now: float) -> Reply:
        if self.production:
            return self.gate.refuse("wrong_path_c2b", request)
        refusal = self.gate.refusal(request, now, token="token_400", first_field="ShortCode")  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        purchase = self._purchase(parse(request.body) or {})
        if purchase is None:
            return self.gate.refuse("bad_request", request)
        self.customers.pay(purchase, self.script.pick(purchase.payer, purchase.amount), now)
        return answer(self._accepted())

    def _purchase(self, fields: Mapping[str, Any]) -> Purchase | None:
        shortcode = self.shop.either(digits(fields.get("ShortCode")))
        wrong = first_wrong(
            fields,
            {
                "CommandID": lambda value: shortcode is not None and value == shortcode.kind,
                "Amount": is_amount,
                "Msisdn": is_phone,
                "BillRefNumber": _is_reference,
            },
        )
        if wrong or shortcode is None:
            return None
        return Purchase(shortcode, digits(fields["Msisdn"]), int(fields["Amount"]), fields.get("BillRefNumber") or "")

    def _accepted(self) -> dict[str, str]:
        """Documented, or as it was answered in 2018."""
        told = {"OriginatorCoversationID": self.gate.ids.merchant_request_id()}
        if self.spellings.simulate == "2018":
            return {"ConversationID": "", **told, "ResponseDescription": _ACCEPTED}
        return {**told, "ResponseCode": "0", "ResponseDescription": _ACCEPTED}


def _is_reference(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= LONGEST_REFERENCE)
