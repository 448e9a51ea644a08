"""Customers who pay by themselves: the shop is asked where it wants to be, money moves, confirmations are owed.

It must not know tokens, paths or sockets (contract §2.5, §2.6).
"""

from dataclasses import dataclass, replace
from typing import Literal

from pos_app.simulator.confirmations import Confirmations
from pos_app.simulator.fields import parse
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.ledger import Ledger, Payment
from pos_app.simulator.messages import JSON_HEADERS
from pos_app.simulator.names import first_name
from pos_app.simulator.notices import transaction_type, validation_body
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.registrations import Registration, Registrations
from pos_app.simulator.shop import Shortcode
from pos_app.simulator.timeline import Timeline

# Of Safaricom's own patience: `speed` does not shorten it, because the shop's answer is really computed.
VALIDATION_SECONDS = 8.0
CANCELLED = "Cancelled"
_REJECTIONS = tuple(f"C2B000{number}" for number in range(11, 17))

State = Literal["validating", "paid", "rejected"]


@dataclass(frozen=True)
class Purchase:
    """What a customer types into his phone; a till asks for no account. An empty `name` is one of the phone's own."""

    shortcode: Shortcode
    payer: str
    amount: int
    account: str = ""
    name: str = ""


@dataclass
class CustomerPayment:
    """`payment` is what will be in the ledger if it is paid; `code` is why it is not: C2B000xx, or Cancelled."""

    payment: Payment
    scenario: PaymentScenario
    state: State = "validating"
    code: str = ""


@dataclass
class Customers:
    ids: Identifiers
    timeline: Timeline
    outbox: Outbox
    ledger: Ledger
    registrations: Registrations
    confirmations: Confirmations

    def __post_init__(self) -> None:
        self._payments: list[CustomerPayment] = []
        self._asked: dict[int, CustomerPayment] = {}

    @property
    def payments(self) -> tuple[CustomerPayment, ...]:
        return tuple(self._payments)

    def pay(self, purchase: Purchase, scenario: PaymentScenario, now: float) -> CustomerPayment:
        tried = CustomerPayment(self._described(purchase, scenario, now), scenario)
        self._payments.append(tried)
        registration = self.registrations.of(purchase.shortcode.number)
        if self.registrations.validation_url(purchase.shortcode.number):
            self._ask(tried, registration, now)
        else:
            self._complete(tried, now)
        return tried

    def pay_later(self, purchase: Purchase, scenario: PaymentScenario, when: float) -> None:
        self.timeline.at(when, lambda at: self.pay(purchase, scenario, at))

    def answered(self, number: int, status: int | None, body: bytes, now: float) -> None:
        """The shop's answer to a validation; anything that is none of the contract's codes is no answer (§2.5)."""
        tried = self._asked.pop(number, None)
        if tried is None or tried.state != "validating":
            return
        verdict = _verdict(status, body)
        if not verdict.code:
            self._default(tried, now)
        elif verdict.code == "0":
            self._complete(tried, now, verdict.third_party)
        else:
            tried.state, tried.code = "rejected", verdict.code

    def _described(self, purchase: Purchase, scenario: PaymentScenario, now: float) -> Payment:
        shortcode = purchase.shortcode
        return Payment(
            self.ids.receipt(now),
            purchase.amount,
            purchase.payer,
            shortcode.number,
            shortcode.receiver,
            purchase.account if shortcode.kind == "CustomerPayBillOnline" else "",
            "",
            now,
            purchase.name or first_name(purchase.payer),
            transaction_type(shortcode.kind, scenario.transaction_type),
        )

    def _ask(self, tried: CustomerPayment, registration: Registration, now: float) -> None:
        if not tried.scenario.validation_lost:
            body = validation_body(tried.payment, registration.version, tried.scenario)
            number = self.outbox.plan(now, "validation", registration.validation_url, JSON_HEADERS, body)
            self._asked[number] = tried
        self.timeline.at(now + VALIDATION_SECONDS, lambda at: self._default(tried, at))

    def _default(self, tried: CustomerPayment, now: float) -> None:
        """What the shop registered for when it gives no answer."""
        if tried.state != "validating":
            return
        if self.registrations.of(tried.payment.shortcode).response_type == "Completed":
            self._complete(tried, now)
        else:
            tried.state, tried.code = "rejected", CANCELLED

    def _complete(self, tried: CustomerPayment, now: float, third_party: str = "") -> None:
        tried.state = "paid"
        tried.payment = replace(tried.payment, paid_at=now)
        self.ledger.pay(tried.payment)
        self.confirmations.owe(tried.payment, tried.scenario, now, third_party)


@dataclass(frozen=True)
class _Verdict:
    """`code` is empty when there is no answer that counts."""

    code: str = ""
    third_party: str = ""


def _verdict(status: int | None, body: bytes) -> _Verdict:
    fields = parse(body) if status == 200 else None
    code = str((fields or {}).get("ResultCode", ""))
    if fields is None or code not in ("0", *_REJECTIONS):
        return _Verdict()
    return _Verdict(code, str(fields.get("ThirdPartyTransID") or ""))
