"""All for the operator, put together: B2C, Reversal, Transaction Status, Account Balance (§2.7 to §2.10).

It must not know pushes, customers or sockets.
"""

from pos_app.simulator.c2b import Rules
from pos_app.simulator.gate import Gate
from pos_app.simulator.initiator.doors import InitiatorDoors
from pos_app.simulator.initiator.operations import Operations
from pos_app.simulator.initiator.operator import Operator
from pos_app.simulator.initiator.scenarios import OperationScenario
from pos_app.simulator.knobs import Script
from pos_app.simulator.ledger import Ledger
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.routes import Route
from pos_app.simulator.shop import Shop
from pos_app.simulator.timeline import Timeline


class InitiatorApis:
    """`payments` is the script of B2C and reversals, `questions` that of status and balance."""

    def __init__(
        self,
        *,
        shop: Shop,
        gate: Gate,
        ledger: Ledger,
        outbox: Outbox,
        timeline: Timeline,
        operator: Operator,
        rules: Rules,
    ) -> None:
        self.operator = operator
        self.unregistered: set[str] = set()
        self.payments, self.questions = Script(OperationScenario()), Script(OperationScenario())
        self.operations = Operations(
            shop, gate.ids, timeline, outbox, ledger, operator, self.unregistered, rules.production, rules.speed
        )
        self._ledger = ledger
        self._doors = InitiatorDoors(
            gate, self.operations, self.payments, self.questions, rules.allow_loopback_urls, rules.speed
        )

    def routes(self) -> dict[str, Route]:
        return self._doors.routes()

    def deposit(self, shortcode: str, amount: int, at: float) -> None:
        """From the shop's bank, or to it when negative."""
        self._ledger.deposit(self.operations.ids.receipt(at), shortcode, amount, at)
