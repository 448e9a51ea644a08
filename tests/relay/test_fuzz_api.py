"""Schemathesis asks a relay process whatever the OpenAPI page allows, and what it does not: each answer is on the page.

Most requests have the token and the paths of a shop that has payments, so that they come past the door.
"""

import os
from collections.abc import Iterator
from typing import Any

import documented
import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from relay.manual import openapi
from relay.manual.routes import ROUTES, Route
from relay.protocol import PairResponse, make_nonce

FULL = os.environ.get("TILL_TEST_FULL") == "1"
CASES = 160 if FULL else 7
"""For each route, of what its page allows; and as many of what it does not."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
RECEIPT = "UJE7K2M9QX"

SCHEMA = schemathesis.openapi.from_dict(openapi.document())


class Shop:
    """A relay with one shop, one till, some payments."""

    def __init__(self, relay: Any, bodies: Any) -> None:
        relay.add_shop("Duka")
        self.url = relay.url
        self.till: PairResponse = relay.pair("Duka")
        self.session = requests.Session()
        self.asked = 0
        for tail, body in (
            ("/c2b/confirm", bodies.c2b(RECEIPT)),
            (f"/stk/{make_nonce(self.till.nonce_key)}", bodies.stk("ws_1", receipt="UJE7K2M9QY")),
            ("/stk/false", bodies.stk("ws_2", receipt="UJE7K2M9QZ")),
        ):
            httpx.post(self.till.callback_base + tail, content=body).raise_for_status()

    @property
    def path_parameters(self) -> dict[str, str]:
        return {"key": self.till.callback_base.rpartition("/")[2], "stream": self.till.stream}

    def ask(self, case: Any, route: Route, known: bool) -> None:
        """`known` means: as the shop's own till, of its own payments."""
        if known:
            case.path_parameters.update({name: self.path_parameters.get(name, "n") for name in case.path_parameters})
            case.headers["Authorization"] = f"Bearer {self.till.token}"
            if isinstance(case.body, dict) and "receipt" in case.body:
                case.body["receipt"] = RECEIPT
        if "wait" in (case.query or {}):
            case.query["wait"] = 0
        response = case.call(base_url=self.url, session=self.session, timeout=20)
        case.validate_response(response, checks=CHECKS)
        documented.held(route.method, route.path, response.status_code, response.content)
        self.asked += 1


@pytest.fixture
def shop(start_relay: Any, bodies: Any) -> Iterator[Shop]:
    relay = start_relay("--log-level", "error", "--till-pace", "0")
    made = Shop(relay, bodies)
    yield made
    made.session.close()
    code, logged = relay.end()
    assert (code, logged) == (0, "")


@pytest.mark.timeout(3600 if FULL else 300)
def test_every_answer_to_whatever_is_asked_is_on_the_page(shop: Shop) -> None:
    for route in ROUTES:
        for mode in schemathesis.GenerationMode:
            if mode is schemathesis.GenerationMode.POSITIVE or route.asks is not None or "{" in route.path:
                ask_many(shop, route, mode)
    assert shop.asked >= (4000 if FULL else 200)


def ask_many(shop: Shop, route: Route, mode: schemathesis.GenerationMode) -> None:
    cases = SCHEMA[route.path][route.method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=CASES,
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.integers(0, 4).map(bool))
    def ask(case: Any, known: bool) -> None:
        shop.ask(case, route, known)

    ask()
