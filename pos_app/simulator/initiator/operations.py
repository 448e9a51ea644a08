"""Carries out what an operator asks for: checks, moves money, owes results and queue timeouts (§2.7 to §2.10, §5.2).

It must not know tokens, paths or sockets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.initiator import bodies
from pos_app.simulator.initiator.accounts import account_balance, debited
from pos_app.simulator.initiator.operation import Operation
from pos_app.simulator.initiator.operator import Operator, Role
from pos_app.simulator.initiator.scenarios import OperationScenario
from pos_app.simulator.initiator.tariff import b2c_charge
from pos_app.simulator.ledger import Ledger, Payment, Payout, charges, shop
from pos_app.simulator.messages import JSON_HEADERS
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.shop import Shop, Shortcode
from pos_app.simulator.timeline import Timeline

B2C_MIN, B2C_MAX = 10, 250_000
DONE, LOW_FLOAT, UNREGISTERED, NO_PRODUCT, BAD_RECEIVER = "0", "1", "2040", "2028", "SFC_IC0003"
BAD_KEY, ALREADY_REVERSED, NO_SUCH_RECEIPT = "25", "R000001", "R000002"
_OTHER_RECEIVER = "254799999999"


@dataclass
class Operations:
    """`unregistered` are phones that have no M-PESA. `speed` divides every wait."""

    shop: Shop
    ids: Identifiers
    timeline: Timeline
    outbox: Outbox
    ledger: Ledger
    operator: Operator
    unregistered: set[str]
    production: bool
    speed: float

    def __post_init__(self) -> None:
        self.all: list[Operation] = []
        self._by_id: dict[str, Operation] = {}

    def find(self, originator_id: str) -> Operation | None:
        return self._by_id.get(originator_id)

    def accept(self, kind: Role, fields: dict[str, Any], scenario: OperationScenario, now: float) -> Operation:
        originator_id = str(fields.get("OriginatorConversationID") or self.ids.request_id())
        operation = Operation(kind, fields, originator_id, self.ids.conversation_id(now), scenario, now)
        self.all.append(operation)
        self._by_id[originator_id] = operation
        if scenario.queued or scenario.queue_lost:
            operation.dropped = scenario.queue_lost
            url = str(fields["QueueTimeOutURL"])
            self.outbox.plan(now, "timeout", url, JSON_HEADERS, bodies.queue_timeout(operation))
        if not operation.dropped and not scenario.pending:
            wait = 0.0 if scenario.result_first else scenario.answer_after / self.speed
            self.timeline.at(now + wait, lambda when: self._decide(operation, when))
        return operation

    def _decide(self, operation: Operation, at: float) -> None:
        code = operation.scenario.code or self._refused(operation) or DONE
        operation.code, operation.finished_at = code, at
        told = self._carried_out(operation, at) if code == DONE else {}
        # A real-looking id although nothing was paid (E51, trap 20); otherwise the placeholder.
        transaction_id = operation.receipt or (self.ids.receipt if code == LOW_FLOAT else self.ids.placeholder)(at)
        self._tell(operation, code, transaction_id, told, at)

    def _tell(self, operation: Operation, code: str, transaction_id: str, told: dict[str, Any], at: float) -> None:
        scenario, url = operation.scenario, str(operation.fields["ResultURL"])
        body = bodies.result(operation, code, transaction_id, told, production=self.production)
        last = at + scenario.result_delay / self.speed
        for copy in range(scenario.result_copies):
            last = at + (scenario.result_delay + copy * scenario.result_gap) / self.speed
            self.outbox.plan(last, "result", url, JSON_HEADERS, body)
        if scenario.second_code:
            other = bodies.result(
                operation, scenario.second_code, self.ids.placeholder(at), {}, production=self.production
            )
            self.outbox.plan(last + scenario.result_gap / self.speed, "result", url, JSON_HEADERS, other)

    # --- what is refused ------------------------------------------------------------------------------------

    def _refused(self, operation: Operation) -> str:
        """The first that is wrong: the operator, the shortcode, then the operation's own."""
        credential = str(operation.fields["SecurityCredential"])
        own: dict[Role, Callable[[Operation], str]] = {
            "b2c": self._b2c_refused,
            "reversal": self._reversal_refused,
            "status": self._status_refused,
            "balance": lambda _operation: "",
        }
        refused = self.operator.refusal(operation.initiator, credential, operation.kind)
        if refused or self.shop.either(operation.shortcode) is None:
            return refused or BAD_RECEIVER
        return own[operation.kind](operation)

    def _b2c_refused(self, operation: Operation) -> str:
        shortcode = self._shortcode(operation)
        if shortcode.receiver != shortcode.number:
            return NO_PRODUCT
        if not B2C_MIN <= operation.amount <= B2C_MAX:
            return "2" if operation.amount < B2C_MIN else "3"
        if str(operation.fields["PartyB"]) in self.unregistered:
            return UNREGISTERED
        return LOW_FLOAT if self.ledger.balance(shop(shortcode.number)) < operation.amount else ""

    def _reversal_refused(self, operation: Operation) -> str:
        """Of a part is undocumented (gap 3): refused here as an invalid parameter."""
        shortcode, receipt = self._shortcode(operation), str(operation.fields["TransactionID"])
        paid = self.ledger.payment(receipt)
        if paid is None or paid.shortcode != shortcode.number:
            return NO_SUCH_RECEIPT
        if self.ledger.reversal_of(receipt):
            return ALREADY_REVERSED
        if paid.amount != operation.amount:
            return BAD_KEY
        return LOW_FLOAT if self.ledger.balance(shop(shortcode.number)) < paid.amount else ""

    def _status_refused(self, operation: Operation) -> str:
        if not operation.fields.get("TransactionID") and not operation.fields.get("OriginalConversationID"):
            return BAD_KEY
        return "" if self._asked_about(operation) else NO_SUCH_RECEIPT

    # --- what is done ---------------------------------------------------------------------------------------

    def _carried_out(self, operation: Operation, at: float) -> dict[str, Any]:
        if operation.kind == "b2c":
            return self._pay(operation, str(operation.fields["PartyB"]), "", b2c_charge(operation.amount), at)
        if operation.kind == "reversal":
            receipt = str(operation.fields["TransactionID"])
            paid = self.ledger.payment(receipt)
            return self._pay(operation, paid.payer if paid else "", receipt, 0, at)
        if operation.kind == "balance":
            return bodies.balance_told(account_balance(self.ledger, self._shortcode(operation)), at)
        return self._status(operation)

    def _pay(self, operation: Operation, payee: str, original: str, charge: int, at: float) -> dict[str, Any]:
        shortcode = self._shortcode(operation)
        operation.receipt = self.ids.receipt(at)
        payout = Payout(
            operation.receipt, operation.amount, payee, shortcode.number, operation.originator_id, at, original
        )
        self.ledger.pay_out(payout, charge)
        told = _OTHER_RECEIVER if operation.scenario.other_receiver else payee
        if original:
            receiver = bodies.named(told, production=False)
            return bodies.reversal_told(operation, receiver, debited(self.ledger, shortcode), shortcode.name)
        receiver = bodies.named(told, production=self.production)
        utility = self.ledger.balance(shop(shortcode.number))
        return bodies.b2c_told(operation, receiver, utility, self.ledger.balance(charges(shortcode.number)))

    def _status(self, operation: Operation) -> dict[str, Any]:
        found, name = self._asked_about(operation), self._shortcode(operation).name
        if isinstance(found, Payment):
            return bodies.payment_status(found, name)
        return bodies.operation_status(found, name) if found else {}

    def _asked_about(self, query: Operation) -> Operation | Payment | None:
        receipt = str(query.fields.get("TransactionID") or "")
        if receipt:
            paid_out = self.ledger.payout(receipt)
            return self._by_id.get(paid_out.originator_id) if paid_out else self.ledger.payment(receipt)
        found = self._by_id.get(str(query.fields["OriginalConversationID"]))
        return found if found and found.moves_money else None

    def _shortcode(self, operation: Operation) -> Shortcode:
        found = self.shop.either(operation.shortcode)
        if found is None:
            raise LookupError(f"the shop has no shortcode {operation.shortcode}")
        return found
