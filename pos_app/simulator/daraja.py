"""Daraja without a socket: a request in, a reply out, and the callbacks that have become due.

It must not know sockets, event loops, or anything else of ours.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pos_app.simulator.clock import Clock
from pos_app.simulator.express import ACTIONS, Express
from pos_app.simulator.faults import Faults
from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.ledger import Ledger
from pos_app.simulator.messages import Callback, Delivery, Reply, Request
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.push import Push
from pos_app.simulator.refusals import REFUSALS
from pos_app.simulator.scenarios import PushScript, Scenario, scenario
from pos_app.simulator.shop import TRAINING_SHOP, Shop
from pos_app.simulator.stk import StkEndpoints
from pos_app.simulator.timeline import Timeline
from pos_app.simulator.tokens import Tokens, bearer

TOKEN_PATH = "/oauth/v1/generate"  # noqa: S105 - a path
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"

Handler = Callable[[Request, float], Reply]


class Daraja:
    """One gateway, one shop. Not thread-safe: call it from one loop.

    `one_token`: a new token kills the one before (§1). `allow_loopback_urls`: callbacks may go to this computer.
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
        speed: float = 1.0,
    ) -> None:
        self.clock = clock
        self.shop = shop
        self.confirmation_urls: dict[str, str] = {}
        self._ids = Identifiers(seed)
        self.default = scenario(default)
        self._allow_loopback_urls = allow_loopback_urls
        self._one_token = one_token
        self.speed = speed
        if confirmation_url:
            self.set_confirmation_url(confirmation_url)
        self.reset()

    def reset(self) -> None:
        """Everything as at the start, but no id is ever handed out again; registered URLs stay."""
        self.offline = False
        self.script = PushScript(self.default)
        self.faults = Faults()
        self._ledger = Ledger()
        self._timeline = Timeline()
        self._outbox = Outbox(self._timeline)
        self.tokens = Tokens(self.shop, self._ids, one_at_a_time=self._one_token)
        self._express = Express(
            self.shop, self._ids, self._timeline, self._outbox, self._ledger, self.confirmation_urls, self.speed
        )
        stk = StkEndpoints(
            self.shop,
            self._ids,
            self.tokens,
            self._express,
            self.script,
            allow_loopback_urls=self._allow_loopback_urls,
            speed=self.speed,
        )
        # What the contract has and this does not serve yet is one more row here each.
        self._routes: dict[str, tuple[str, str, Handler]] = {
            TOKEN_PATH: ("GET", "token", self.tokens.generate),
            PUSH_PATH: ("POST", "push", stk.push),
            QUERY_PATH: ("POST", "query", stk.query),
        }

    def set_confirmation_url(self, url: str | None, shortcode: str | None = None) -> None:
        """For one shortcode, or for all; None forgets it."""
        for code in self.shop.shortcodes:
            if shortcode in (None, code.number):
                self.confirmation_urls[code.number] = url or ""

    def handle(self, request: Request) -> Reply:
        """`request.path` without a query; a core that is offline must not be asked at all."""
        now = self._run()
        if request.path not in self._routes:
            return self._refuse("wrong_path", request)
        method, endpoint, handler = self._routes[request.path]
        if request.method != method:
            return self._refuse("wrong_method", request)
        fault = self.faults.take(endpoint)
        if fault in REFUSALS:
            return self._refuse(fault, request)
        if fault:
            return Reply(0, fate="lost" if fault == "lost" else "hangs")
        reply = handler(request, now)
        return replace(reply, first=self.due()) if reply.callbacks_first else reply

    def due(self) -> tuple[Callback, ...]:
        """The callbacks that must go out now; each is handed out once."""
        self._run()
        return self._outbox.take()

    def next_due(self) -> float | None:
        """When to look again, in the clock's seconds."""
        return self.clock.now() if self._outbox.waiting else self._timeline.next()

    def delivered(self, callback: Callback, status: int | None, error: str = "") -> None:
        self._outbox.delivered(callback, status, error)

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
