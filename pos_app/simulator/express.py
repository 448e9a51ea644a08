"""M-Pesa Express: takes pushes, rings phones, moves money, owes callbacks, answers queries (contract §2.1, §2.2).

It must not know tokens, paths or sockets.
"""

from dataclasses import dataclass

from pos_app.simulator import bodies
from pos_app.simulator.confirmations import Confirmations
from pos_app.simulator.fields import Order
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.ledger import Ledger, Payment, shop
from pos_app.simulator.names import first_name
from pos_app.simulator.notices import transaction_type
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.push import LONGEST_PROMPT, Push, prompt
from pos_app.simulator.result_codes import PAID, PENDING
from pos_app.simulator.scenarios import ASK, PROMPT_SECONDS, Scenario
from pos_app.simulator.shop import Shop, Shortcode
from pos_app.simulator.timeline import Timeline

SAME_AMOUNT_SECONDS = 120.0  # rule 17
LONGEST_SESSION_SECONDS = 180.0
NO_PROMPT_SECONDS = 2.0  # what Safaricom's core refuses by itself, it refuses soon
TIMED_OUT = "1037"
ACTIONS = {"approve": PAID, "decline": "1032", "wrong_pin": "2001", "no_money": "1"}


@dataclass
class Express:
    """`speed` divides every wait, so that a demonstration at speed 10 rings six seconds and not sixty."""

    shop: Shop
    ids: Identifiers
    timeline: Timeline
    outbox: Outbox
    ledger: Ledger
    confirmations: Confirmations
    speed: float = 1.0

    def __post_init__(self) -> None:
        self._pushes: dict[str, Push] = {}
        self._last_of_phone: dict[str, Push] = {}
        self._last_paid: dict[tuple[str, str, int], float] = {}

    @property
    def pushes(self) -> tuple[Push, ...]:
        return tuple(self._pushes.values())

    def find(self, checkout_request_id: str) -> Push | None:
        return self._pushes.get(checkout_request_id)

    def locked(self, phone: str, now: float) -> bool:
        """One M-PESA session per subscriber (§8)."""
        last = self._last_of_phone.get(phone)
        return last is not None and last.open and now - last.accepted_at < LONGEST_SESSION_SECONDS / self.speed

    def accept(self, order: Order, shortcode: Shortcode, scenario: Scenario, now: float) -> Push:
        push = Push(
            order,
            shortcode,
            scenario,
            self.ids.merchant_request_id(),
            self.ids.checkout_request_id(now, order.phone),
            now,
        )
        self._pushes[push.checkout_request_id] = push
        refused = self._refused(order, shortcode, now)
        if refused:
            push.rings = False
            self._plan(push, refused, now + NO_PROMPT_SECONDS / self.speed)
        else:
            self._last_of_phone[order.phone] = push
            self._ring(push, now)
        return push

    def act(self, push: Push, action: str, now: float) -> bool:
        """The customer acts: a name of `ACTIONS`, `ignore`, or `code:X`. False when the prompt is no longer open."""
        if not push.open:
            return False
        if action == "ignore":
            push.ignored = True
            self._plan(push, TIMED_OUT, max(now, push.accepted_at + PROMPT_SECONDS / self.speed))
            return True
        code = action.removeprefix("code:") if action.startswith("code:") else ACTIONS[action]
        self._decide(push, code, now)
        return True

    def _refused(self, order: Order, shortcode: Shortcode, now: float) -> str:
        """What M-PESA's core finds wrong after the gateway has accepted; nothing rings then."""
        if order.kind != shortcode.kind:
            return "2028"
        if order.receiver != shortcode.receiver:
            return "2028" if self.shop.owns(order.receiver) else "SFC_IC0003"
        if len(prompt(order, shortcode)) > LONGEST_PROMPT:
            return "1025"
        paid = self._last_paid.get((order.payer, order.shortcode, order.amount))
        return "17" if paid is not None and now - paid < SAME_AMOUNT_SECONDS / self.speed else ""

    def _ring(self, push: Push, now: float) -> None:
        scenario = push.scenario
        code = scenario.outcome
        if scenario.callback_first:
            self._decide(push, PAID if code == ASK else code, now)
        elif code != PENDING:
            self._plan(push, TIMED_OUT if code == ASK else code, now + scenario.answer_after / self.speed)

    def _plan(self, push: Push, code: str, when: float) -> None:
        push.plan += 1
        plan = push.plan

        def end(at: float) -> None:
            if push.open and push.plan == plan:
                self._decide(push, code, at)

        self.timeline.at(when, end)

    def _decide(self, push: Push, code: str, at: float) -> None:
        push.code, push.decided_at = code, at
        payment = self._pay(push, at) if code == PAID else None
        self._call_back(push, payment, at)
        late = push.scenario.paid_late_after
        if not payment and late:
            self.timeline.at(at + late / self.speed, lambda when: self._decide(push, PAID, when))

    def _pay(self, push: Push, at: float) -> Payment:
        order = push.order
        push.receipt = self.ids.receipt(at)
        payment = Payment(
            push.receipt,
            order.amount,
            order.payer,
            order.shortcode,
            order.receiver,
            order.reference,
            push.checkout_request_id,
            at,
            first_name(order.payer),
            transaction_type(push.shortcode.kind),
        )
        self.ledger.pay(payment)
        self._last_paid[order.payer, order.shortcode, order.amount] = at
        self._confirm(push, payment, at)
        return payment

    def _call_back(self, push: Push, payment: Payment | None, at: float) -> None:
        scenario = push.scenario
        wait = scenario.callback_delay
        if payment and scenario.confirmation_first:
            wait = max(wait, scenario.confirmation_delay)
        shape = scenario.callback_shape
        body = bodies.callback_body(
            push,
            payment,
            checkout_request_id=self._named_in_callback(push, at),
            shape=("E14", "E15", "E16")[self.ids.below(3)] if shape == "seeded" else shape,
            balance=self.ledger.balance(shop(push.order.shortcode)),
        )
        for copy in range(scenario.callback_copies):
            when = at + (wait + copy * scenario.callback_gap) / self.speed
            self.outbox.plan(when, "stk", push.order.callback_url, bodies.callback_headers(push), body)

    def _named_in_callback(self, push: Push, at: float) -> str:
        if push.scenario.callback_other_id:
            return self.ids.checkout_request_id(at, push.order.phone)
        return push.checkout_request_id

    def _confirm(self, push: Push, payment: Payment, at: float) -> None:
        scenario = push.scenario
        wait = 0.0 if scenario.confirmation_first else scenario.confirmation_delay
        told = PaymentScenario(wait, scenario.confirmation_copies, scenario.confirmation_gap)
        self.confirmations.owe(payment, told, at)
