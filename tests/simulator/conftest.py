"""A core on a manual clock, and a caller that knows the shop's credentials and nothing of the core's inside."""

import base64
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pos_app.simulator.c2b import PULL_QUERY_PATH, PULL_REGISTER_PATH, REGISTER_V1_PATH, REGISTER_V2_PATH
from pos_app.simulator.clock import ManualClock, stamp
from pos_app.simulator.customers import CustomerPayment, Purchase
from pos_app.simulator.daraja import PUSH_PATH, QUERY_PATH, TOKEN_PATH, Daraja
from pos_app.simulator.messages import Callback, Reply, Request
from pos_app.simulator.payment_scenarios import payment_scenario
from pos_app.simulator.server import serving
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

CALLBACK_URL = "http://127.0.0.1:9/h/k/stk/n"
CONFIRMATION_URL = "http://127.0.0.1:9/h/k/c2b/confirm"
VALIDATION_URL = "http://127.0.0.1:9/h/k/c2b/validate"
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

    def register(self, version: int = 2, **changes: Any) -> Reply:
        """E32, as the training shop would send it."""
        fields = {
            "ShortCode": "174379",
            "ResponseType": "Completed",
            "ConfirmationURL": CONFIRMATION_URL,
            "ValidationURL": VALIDATION_URL,
            **changes,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return self.post(REGISTER_V1_PATH if version == 1 else REGISTER_V2_PATH, given)

    def pull_register(self, **changes: Any) -> Reply:
        """E80."""
        fields = {
            "ShortCode": "174379",
            "RequestType": "Pull",
            "NominatedNumber": "254712000111",
            "CallBackURL": "https://pay.example.co.ke/pull/1",
        }
        return self.post(PULL_REGISTER_PATH, {**fields, **changes})

    def pull(self, **changes: Any) -> Reply:
        """E81, for the day of the contract's scene."""
        fields = {"ShortCode": "174379", "StartDate": "2026-10-14 00:00:00", "EndDate": "2026-10-14 23:59:59"}
        return self.post(PULL_QUERY_PATH, {**fields, "OffSetValue": "0", **changes})

    def pay(
        self,
        amount: int = 500,
        account: str = "HSE 12B",
        *,
        to: str = "174379",
        phone: str = "254712345678",
        name: str = "",
        scenario: Any = None,
    ) -> CustomerPayment:
        """A customer pays by himself."""
        shortcode = self.core.shop.paid_at(to)
        assert shortcode
        chosen = None if scenario is None else payment_scenario(scenario)
        return self.core.pay(Purchase(shortcode, phone, amount, account, name), chosen)

    def told(self, seconds: float = 7200) -> list[dict[str, Any]]:
        """The bodies of the C2B confirmations that come within this time, in order."""
        return [json.loads(callback.body) for callback in self.after(seconds) if callback.kind == "c2b"]

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


class Receiver(ThreadingHTTPServer):
    """A shop's callback address, which answers `status` and `answer`; `silent` until it is set free again."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: queue.Queue[tuple[str, dict[str, str], dict[str, Any]]] = queue.Queue()
        self.status = 200
        self.answer = b""
        self.free = threading.Event()
        self.free.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.put((self.path, headers, json.loads(body)))
        self.server.free.wait(60)
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        yield receiver
        receiver.free.set()
        receiver.shutdown()
        thread.join()


@pytest.fixture
def web(served: Any) -> Iterator[httpx.Client]:
    _, url = served
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        yield client
