"""A core on a manual clock, and a caller that knows the shop's credentials and nothing of the core's inside."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pos_app.simulator.clock import ManualClock, stamp
from pos_app.simulator.daraja import PUSH_PATH, QUERY_PATH, TOKEN_PATH, Daraja
from pos_app.simulator.messages import Callback, Reply, Request
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

CALLBACK_URL = "http://127.0.0.1:9/h/k/stk/n"
CONFIRMATION_URL = "http://127.0.0.1:9/h/k/c2b/confirm"
STORE, TILL = "7654321", "5512345"


@dataclass
class Caller:
    core: Daraja
    bearer: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    def basic(self, secret: str = TRAINING_SHOP.consumer_secret) -> str:
        return "Basic " + base64.b64encode(f"{TRAINING_SHOP.consumer_key}:{secret}".encode()).decode()

    def token(self, query: str = "grant_type=client_credentials", authorization: str | None = None) -> Reply:
        header = self.basic() if authorization is None else authorization
        reply = self.core.handle(Request("GET", TOKEN_PATH, query, {"authorization": header}))
        if reply.status == 200 and reply.fate == "answered":
            self.bearer = json.loads(reply.body)["access_token"]
        return reply

    def post(self, path: str, fields: object) -> Reply:
        return self.raw(path, json.dumps(fields).encode())

    def raw(self, path: str, body: bytes, method: str = "POST") -> Reply:
        return self.core.handle(
            Request(method, path, "", {**self.headers, "authorization": f"Bearer {self.bearer}"}, body)
        )

    def fields(self, **changes: Any) -> dict[str, Any]:
        """E4, as the training shop would send it. None leaves a field out."""
        shortcode, timestamp = str(changes.get("BusinessShortCode", 174379)), stamp(self.core.clock.now())
        fields = {
            "BusinessShortCode": 174379,
            "Password": base64.b64encode(f"{shortcode}{SANDBOX_PASSKEY}{timestamp}".encode()).decode(),
            "Timestamp": timestamp,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 150,
            "PartyA": 254712345678,
            "PartyB": 174379,
            "PhoneNumber": 254712345678,
            "CallBackURL": CALLBACK_URL,
            "AccountReference": "INV-1042",
            "TransactionDesc": "Sale 1042",
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def till_fields(self, **changes: Any) -> dict[str, Any]:
        """E5."""
        till = {"BusinessShortCode": int(STORE), "PartyB": int(TILL), "TransactionType": "CustomerBuyGoodsOnline"}
        return self.fields(**{**till, **changes})

    def push(self, **changes: Any) -> Reply:
        return self.post(PUSH_PATH, self.fields(**changes))

    def pushed(self, **changes: Any) -> str:
        return str(json.loads(self.push(**changes).body)["CheckoutRequestID"])

    def query(self, checkout_request_id: str, **changes: Any) -> Reply:
        kept = ("BusinessShortCode", "Password", "Timestamp")
        fields = {name: value for name, value in self.fields(**changes).items() if name in kept}
        return self.post(QUERY_PATH, {**fields, "CheckoutRequestID": checkout_request_id})

    def after(self, seconds: float) -> list[Callback]:
        self.core.clock.advance(seconds)
        return list(self.core.due())

    def stk(self, seconds: float = 7200) -> dict[str, Any]:
        """The one STK callback that comes within this time."""
        (callback,) = [callback for callback in self.after(seconds) if callback.kind == "stk"]
        result: dict[str, Any] = json.loads(callback.body)["Body"]["stkCallback"]
        return result


@pytest.fixture
def core() -> Daraja:
    return Daraja(ManualClock(), seed=7, confirmation_url=CONFIRMATION_URL)


@pytest.fixture
def caller(core: Daraja) -> Caller:
    caller = Caller(core)
    caller.token()
    return caller


@pytest.fixture
def served() -> Iterator[tuple[Daraja, str]]:
    core = Daraja(ManualClock(), seed=7, default="ask")
    with serving(core) as url:
        yield core, url
