"""One push: what was asked, what the phone shows, and how it ended.

It must not know what makes it end.
"""

from dataclasses import dataclass

from pos_app.simulator.fields import Order
from pos_app.simulator.scenarios import Scenario
from pos_app.simulator.shop import Shortcode

LONGEST_PROMPT = 182


@dataclass
class Push:
    """`code` is empty while the prompt is open. `plan` counts changes of mind: an older plan no longer counts.

    `rings` says whether a prompt is shown at all; `ignored` that the customer put the phone away.
    """

    order: Order
    shortcode: Shortcode
    scenario: Scenario
    merchant_request_id: str
    checkout_request_id: str
    accepted_at: float
    rings: bool = True
    code: str = ""
    decided_at: float | None = None
    receipt: str = ""
    ignored: bool = False
    plan: int = 0
    queries: int = 0

    @property
    def open(self) -> bool:
        return not self.code

    @property
    def shown(self) -> bool:
        return self.open and self.rings and not self.ignored

    @property
    def prompt(self) -> str:
        return prompt(self.order, self.shortcode)


def prompt(order: Order, shortcode: Shortcode) -> str:
    account = f" Account no. {order.reference}" if shortcode.kind == "CustomerPayBillOnline" else ""
    return f"Do you want to pay KES {order.amount}.00 to {shortcode.name}{account}? Enter M-PESA PIN:"
