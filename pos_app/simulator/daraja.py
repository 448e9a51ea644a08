"""Daraja without a socket: a request in, a reply out, and the callbacks that have become due.

It must not know sockets, event loops, or anything else of ours.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from pos_app.simulator.c2b import C2b, Memory, Rules
from pos_app.simulator.clock import Clock
from pos_app.simulator.customers import CustomerPayment, Purchase
from pos_app.simulator.express import ACTIONS, Express
from pos_app.simulator.faults import Faults
from pos_app.simulator.gate import Gate
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.initiator.apis import InitiatorApis
from pos_app.simulator.initiator.operator import Operator
from pos_app.simulator.ledger import Ledger
from pos_app.simulator.messages import Callback, Delivery, Reply, Request
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.push import Push
from pos_app.simulator.refusals import REFUSALS
from pos_app.simulator.registrations import Registration
from pos_app.simulator.routes import Route
from pos_app.simulator.scenarios import PushScript, Scenario, scenario
from pos_app.simulator.shop import TRAINING_SHOP, Shop
from pos_app.simulator.stk import StkEndpoints
from pos_app.simulator.timeline import Timeline
from pos_app.simulator.tokens import Tokens, bearer

TOKEN_PATH = "/oauth/v1/generate"  # noqa: S105 - a path
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"


class Daraja:
    """One gateway, one shop. Not thread-safe: call it from one loop.

    `one_token`: a new token kills the one before (§1). `allow_loopback_urls`: callbacks may go to this computer.
    `production`: C2B URLs register once and to HTTPS, and nobody simulates (§9).
    `speed` divides every wait of a scenario. `default` is the scenario of a push for which nothing else was set.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        shop: Shop = TRAINING_SHOP,
        seed: int = 0,
        default: str | Mapping[str, Any] | Scenario = "approve",
        confirmation_url: str | None = None,
        allow_loopback_urls: bool = True,
        one_token: bool = True,
        production: bool = False,
        speed: float = 1.0,
    ) -> None:
        self.clock = clock
        self.shop = shop
        self.memory = Memory()
        self.operator = Operator()
        self._ids = Identifiers(seed)
        self._callback_numbers = count(1)
        self.default = scenario(default)
        self._rules = Rules(allow_loopback_urls, production, speed)
        self._one_token = one_token
        self.speed = speed
        if confirmation_url:
            self.set_confirmation_url(confirmation_url)
        self.reset()

    def reset(self) -> None:
        """Everything as at the start, but no id is ever handed out again; registrations and the operator stay."""
        self.offline = False
        self.script = PushScript(self.default)
        self.faults = Faults()
        self._ledger = Ledger()
        self._timeline = Timeline()
        self._outbox = Outbox(self._timeline, self._callback_numbers)
        self.tokens = Tokens(self.shop, self._ids, one_at_a_time=self._one_token)
        gate = Gate(self.tokens, self._ids)
        parts: dict[str, Any] = {
            "shop": self.shop,
            "gate": gate,
            "ledger": self._ledger,
            "outbox": self._outbox,
            "timeline": self._timeline,
            "rules": self._rules,
        }
        self.c2b = C2b(memory=self.memory, **parts)
        self.initiator = InitiatorApis(operator=self.operator, **parts)
        self._express = Express(
            self.shop, self._ids, self._timeline, self._outbox, self._ledger, self.c2b.confirmations, self.speed
        )
        loopback = self._rules.allow_loopback_urls
        stk = StkEndpoints(self.shop, gate, self._express, self.script, allow_loopback_urls=loopback, speed=self.speed)
        self._routes = {
            TOKEN_PATH: Route("token", self.tokens.generate, methods=("GET",)),
            PUSH_PATH: Route("push", stk.push),
            QUERY_PATH: Route("query", stk.query),
            **self.c2b.routes(),
            **self.initiator.routes(),
        }

    def set_confirmation_url(self, url: str | None, shortcode: str | None = None) -> None:
        """As the portal does it, for one shortcode or for all: version 2 and no validation; None forgets it."""
        for code in self.shop.shortcodes:
            if shortcode in (None, code.number):
                self.memory.urls.forget(code.number)
                if url:
                    self.memory.urls.register(code.number, Registration(confirmation_url=url))

    def handle(self, request: Request) -> Reply:
        """`request.path` without a query; a core that is offline must not be asked at all."""
        now = self._run()
        if request.path not in self._routes:
            return self._refuse("wrong_path", request)
        route = self._routes[request.path]
        if request.method not in route.methods:
            return self._refuse(route.wrong_method, request)
        fault = self.faults.take(route.endpoint)
        if fault in REFUSALS:
            return self._refuse(fault, request)
        if fault:
            return Reply(0, fate="lost" if fault == "lost" else "hangs")
        reply = route.handler(request, now)
        return replace(reply, first=self.due()) if reply.callbacks_first else reply

    def due(self) -> tuple[Callback, ...]:
        """The callbacks that must go out now; each is handed out once."""
        self._run()
        return self._outbox.take()

    def next_due(self) -> float | None:
        """When to look again, in the clock's seconds."""
        return self.clock.now() if self._outbox.waiting else self._timeline.next()

    def delivered(self, callback: Callback, status: int | None, error: str = "", body: bytes = b"") -> None:
        """`body` is what was answered: it decides a validation, and nothing else."""
        self._outbox.delivered(callback, status, error)
        self.c2b.customers.answered(callback.number, status, body, self._run())

    def pay(self, purchase: Purchase, scenario: PaymentScenario | None = None) -> CustomerPayment:
        """A customer pays by himself."""
        now = self._run()
        chosen = scenario or self.c2b.script.pick(purchase.payer, purchase.amount)
        return self.c2b.customers.pay(purchase, chosen, now)

    def pay_later(self, purchase: Purchase, after: float, scenario: PaymentScenario | None = None) -> None:
        """`after` so many seconds."""
        now = self._run()
        chosen = scenario or self.c2b.script.pick(purchase.payer, purchase.amount)
        self.c2b.customers.pay_later(purchase, chosen, now + after)

    @property
    def customer_payments(self) -> tuple[CustomerPayment, ...]:
        self._run()
        return self.c2b.customers.payments

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(self._outbox.deliveries)

    @property
    def pushes(self) -> tuple[Push, ...]:
        self._run()
        return self._express.pushes

    @property
    def ledger(self) -> Ledger:
        """Who really paid, up to now."""
        self._run()
        return self._ledger

    def prompts(self) -> tuple[Push, ...]:
        """What the customers' phones show now."""
        return tuple(push for push in self.pushes if push.shown)

    def act(self, checkout_request_id: str, action: str) -> bool:
        """A customer acts on a prompt: approve, decline, wrong_pin, no_money, ignore or code:X. False if it is gone."""
        name = action.replace("-", "_")
        if name not in (*ACTIONS, "ignore") and not re.fullmatch(r"code:(?!4999$)[A-Z0-9_]{1,10}", name):
            raise ValueError(f"nobody can {action!r} a prompt")
        now = self._run()
        push = self._express.find(checkout_request_id)
        return push is not None and self._express.act(push, name, now)

    def _run(self) -> float:
        now = self.clock.now()
        self._timeline.run_until(now)
        return now

    def _refuse(self, name: str, request: Request) -> Reply:
        return REFUSALS[name].reply(self._ids.request_id(), bearer(request))
