"""The confirmations Safaricom owes of money that moved, whoever asked for it (contract §2.6).

It must not know how the payment came about.
"""

from dataclasses import dataclass

from pos_app.simulator import notices
from pos_app.simulator.ledger import Ledger, Payment, shop
from pos_app.simulator.messages import JSON_HEADERS
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.registrations import Registrations


@dataclass
class Confirmations:
    ledger: Ledger
    outbox: Outbox
    registrations: Registrations
    speed: float

    def owe(self, payment: Payment, scenario: PaymentScenario, at: float, third_party: str = "") -> None:
        """Written now, because it tells the balance right after this payment, even if it leaves much later."""
        registration = self.registrations.of(payment.shortcode)
        if not registration.confirmation_url:
            return
        body = notices.confirmation_body(
            payment,
            registration.version,
            scenario,
            balance=self.ledger.balance(shop(payment.shortcode)),
            third_party=third_party,
        )
        for copy in range(scenario.confirmation_copies):
            when = at + (scenario.confirmation_delay + copy * scenario.confirmation_gap) / self.speed
            self.outbox.plan(when, "c2b", registration.confirmation_url, JSON_HEADERS, body)
