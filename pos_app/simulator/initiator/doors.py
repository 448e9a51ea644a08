"""The operator's doors: what a request must prove before it is accepted, and how each is refused (§5.4).

It must not know what becomes of an operation that is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pos_app.simulator.fields import digits, parse
from pos_app.simulator.gate import Gate
from pos_app.simulator.initiator import bodies, fields
from pos_app.simulator.initiator.operation import Operation
from pos_app.simulator.initiator.operations import Operations
from pos_app.simulator.initiator.operator import Role
from pos_app.simulator.initiator.scenarios import OperationScenario
from pos_app.simulator.knobs import Script
from pos_app.simulator.messages import Reply, Request, encode
from pos_app.simulator.refusals import bad_field
from pos_app.simulator.routes import Route

B2C_V1_PATH = "/mpesa/b2c/v1/paymentrequest"
B2C_V3_PATH = "/mpesa/b2c/v3/paymentrequest"
REVERSAL_PATH = "/mpesa/reversal/v1/request"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
BALANCE_PATH = "/mpesa/accountbalance/v1/query"

Wrong = Callable[[dict[str, Any]], str]


@dataclass
class InitiatorDoors:
    """Payments to customers and questions have scripts of their own: a lost result is not also a lost answer."""

    gate: Gate
    operations: Operations
    payments: Script[OperationScenario]
    questions: Script[OperationScenario]
    allow_loopback_urls: bool
    speed: float

    def routes(self) -> dict[str, Route]:
        loopback = self.allow_loopback_urls
        b2c = partial(fields.invalid_b2c_field, allow_loopback_urls=loopback)
        return {
            B2C_V1_PATH: self._route("b2c", partial(b2c, version=1)),
            B2C_V3_PATH: self._route("b2c", partial(b2c, version=3), ours=True),
            REVERSAL_PATH: self._route(
                "reversal", partial(fields.invalid_reversal_field, allow_loopback_urls=loopback)
            ),
            STATUS_PATH: self._route("status", partial(fields.invalid_status_field, allow_loopback_urls=loopback)),
            BALANCE_PATH: self._route("balance", partial(fields.invalid_balance_field, allow_loopback_urls=loopback)),
        }

    def _route(self, kind: Role, wrong: Wrong, *, ours: bool = False) -> Route:
        return Route(kind, partial(self._serve, kind=kind, wrong=wrong, ours=ours))

    def _serve(self, request: Request, now: float, *, kind: Role, wrong: Wrong, ours: bool) -> Reply:
        first = "InitiatorName" if kind == "b2c" else "Initiator"
        refusal = self.gate.refusal(request, now, token="token", first_field=first)  # noqa: S106 - a name
        if refusal:
            return self.gate.refuse(refusal, request)
        asked = parse(request.body) or {}
        # Only version 3 keeps an id of ours; whatever else brings one has it ignored (trap 23).
        told = asked if ours else {name: value for name, value in asked.items() if name != "OriginatorConversationID"}
        if bad := wrong(told):
            return self.gate.refuse(bad_field(bad), request)
        if ours and (seen := self.operations.find(str(told["OriginatorConversationID"]))):
            seen.repeats += 1
            return self.gate.refuse("duplicate_originator", request)
        return self._accept(request, kind, told, now)

    def _accept(self, request: Request, kind: Role, told: dict[str, Any], now: float) -> Reply:
        script = self.payments if kind in ("b2c", "reversal") else self.questions
        chosen = script.pick(digits(told.get("PartyB")), int(told.get("Amount", 0)))
        operation = self.operations.accept(kind, told, chosen, now) if chosen.accepted else None
        return self._answer(request, operation, chosen)

    def _answer(self, request: Request, operation: Operation | None, chosen: OperationScenario) -> Reply:
        fate, delay = chosen.reply, chosen.reply_delay / self.speed
        if chosen.refusal:
            refused = self.gate.refuse(chosen.refusal, request)
            return Reply(refused.status, refused.body, refused.headers, fate, delay)
        body = encode(bodies.acknowledged(operation)) if operation else b""
        return Reply(200, body, fate=fate, delay=delay, callbacks_first=chosen.result_first)
