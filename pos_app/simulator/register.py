"""The door of C2B registration, v1 and v2: where the shop wants to hear of its customers' payments (contract §2.3).

It must not know what is sent there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pos_app.simulator.fields import Check, digits, first_wrong, is_public_url, parse
from pos_app.simulator.gate import Gate
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.registrations import Registration, Registrations, Version
from pos_app.simulator.shop import Shop
from pos_app.simulator.spellings import Spellings


@dataclass
class RegisterEndpoint:
    """In production a shortcode registers once, and to HTTPS only. URLs of this computer are another question."""

    shop: Shop
    gate: Gate
    registrations: Registrations
    spellings: Spellings
    allow_loopback_urls: bool
    production: bool

    def register(self, request: Request, now: float, *, version: Version) -> Reply:
        refusal = self.gate.refusal(request, now, token="token_400", first_field="ShortCode")  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        fields = parse(request.body) or {}
        if first_wrong(fields, self._checks()):
            return self.gate.refuse("bad_request", request)
        shortcode = digits(fields["ShortCode"])
        if self.production and shortcode in self.registrations:
            return self.gate.refuse("urls_registered", request)
        self.registrations.register(shortcode, _registration(fields, version))
        return answer(self._done())

    def _checks(self) -> dict[str, Check]:
        def is_url(value: object) -> bool:
            return isinstance(value, str) and is_public_url(
                value, allow_loopback=self.allow_loopback_urls, allow_http=not self.production
            )

        return {
            "ShortCode": lambda value: self.shop.shortcode(digits(value)) is not None,
            "ResponseType": lambda value: value in ("Completed", "Cancelled"),
            "ConfirmationURL": is_url,
            "ValidationURL": is_url,
        }

    def _done(self) -> dict[str, str]:
        """E33, or E34 without a ResponseCode."""
        if self.spellings.register == "E34":
            return {"ConversationID": "", "OriginatorCoversationID": "", "ResponseDescription": "success"}
        return {
            "OriginatorCoversationID": self.gate.ids.merchant_request_id(),
            "ResponseCode": "0",
            "ResponseDescription": "Success",
        }


def _registration(fields: Mapping[str, Any], version: Version) -> Registration:
    return Registration(version, fields["ResponseType"], fields["ConfirmationURL"], fields["ValidationURL"])
