"""The two doors of M-Pesa Express: what a push and a query must prove before they are served, and how each is refused.

It must not know what a push does once it is accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pos_app.simulator import bodies
from pos_app.simulator.express import Express
from pos_app.simulator.fields import invalid_push_field, invalid_query_field, order, parse, password
from pos_app.simulator.gate import Gate
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.push import Push
from pos_app.simulator.refusals import REFUSALS, TOKEN_REFUSALS, Refusal, bad_field
from pos_app.simulator.scenarios import PushScript, Scenario
from pos_app.simulator.shop import Shop, Shortcode

_SPELLINGS = ("4999", "500", "200")
_REFUSAL_OF_SPELLING = {"500": "being_processed", "200": "empty_message"}


@dataclass
class StkEndpoints:
    shop: Shop
    gate: Gate
    express: Express
    script: PushScript
    allow_loopback_urls: bool
    speed: float

    def push(self, request: Request, now: float) -> Reply:
        fields = parse(request.body) or {}
        refusal = self._not_readable(request, now) or self._push_refused(fields, now)
        if refusal:
            return self.gate.refuse(refusal, request)
        asked = order(fields)
        chosen = self.script.pick(asked.phone, asked.amount)
        shortcode = self.shop.shortcode(asked.shortcode)
        push = self.express.accept(asked, shortcode, chosen, now) if shortcode and chosen.accepted else None
        return self._answer(request, push, chosen)

    def query(self, request: Request, now: float) -> Reply:
        fields = parse(request.body) or {}
        refusal = self._not_readable(request, now) or self._query_refused(fields)
        if refusal:
            return self.gate.refuse(refusal, request)
        push = self.express.find(fields["CheckoutRequestID"])
        if push is None or push.order.shortcode != str(fields["BusinessShortCode"]):
            return self.gate.refuse("unknown_id", request)
        push.queries += 1
        unanswered = _unanswered(push)
        return self.gate.refuse(unanswered, request) if unanswered else answer(bodies.query_answer(push))

    def _not_readable(self, request: Request, now: float) -> Refusal | None:
        return self.gate.refusal(request, now, token="token", first_field="BusinessShortCode")  # noqa: S106 - a name

    def _push_refused(self, fields: Mapping[str, Any], now: float) -> Refusal | None:
        wrong = invalid_push_field(fields, allow_loopback_urls=self.allow_loopback_urls)
        if wrong:
            return bad_field(wrong)
        shortcode = self.shop.shortcode(str(fields["BusinessShortCode"]))
        if not _knows_passkey(fields, shortcode):
            return REFUSALS["wrong_passkey" if shortcode else "no_merchant"]
        asked = order(fields)
        if asked.kind == "CustomerBuyGoodsOnline" and shortcode and shortcode.kind != asked.kind:
            return bad_field("TransactionType")
        return REFUSALS["locked"] if self.express.locked(asked.phone, now) else None

    def _query_refused(self, fields: Mapping[str, Any]) -> Refusal | None:
        wrong = invalid_query_field(fields)
        if wrong:
            return bad_field(wrong)
        shortcode = self.shop.shortcode(str(fields["BusinessShortCode"]))
        if not _knows_passkey(fields, shortcode):
            return REFUSALS["wrong_passkey_query" if shortcode else "no_merchant"]
        return None

    def _answer(self, request: Request, push: Push | None, chosen: Scenario) -> Reply:
        if chosen.refusal in TOKEN_REFUSALS:
            self.gate.tokens.invalidate()
        if chosen.refusal:
            reply = self.gate.refuse(chosen.refusal, request)
        else:
            reply = answer(bodies.accepted(push)) if push else Reply(0, fate="lost")
        return replace(
            reply,
            fate=reply.fate if chosen.reply == "answered" else chosen.reply,
            delay=chosen.reply_delay / self.speed,
            callbacks_first=chosen.callback_first,
        )


def _knows_passkey(fields: Mapping[str, Any], shortcode: Shortcode | None) -> bool:
    if shortcode is None:
        return False
    return bool(fields["Password"] == password(shortcode.number, shortcode.passkey, fields["Timestamp"]))


def _unanswered(push: Push) -> str:
    """The refusal that this query meets: one of the spellings of "not yet", or plain bad luck (§2.2)."""
    if push.open:
        pending = push.scenario.pending
        spelling = _SPELLINGS[(push.queries - 1) % 3] if pending == "alternate" else pending
        return _REFUSAL_OF_SPELLING.get(spelling, "")
    every = push.scenario.query_unlucky_every
    return "being_processed" if every and push.queries % every == 0 else ""
