"""All for customers who pay by themselves, put together: registration, payments, Pull, QR (§2.3–2.6, 2.11, 2.12).

It must not know pushes or sockets.
"""

from dataclasses import dataclass, field
from functools import partial

from pos_app.simulator.confirmations import Confirmations
from pos_app.simulator.customers import Customers
from pos_app.simulator.gate import Gate
from pos_app.simulator.ledger import Ledger
from pos_app.simulator.outbox import Outbox
from pos_app.simulator.payment_scenarios import PaymentScenario
from pos_app.simulator.pull import PullEndpoints
from pos_app.simulator.qr import QrEndpoint
from pos_app.simulator.register import RegisterEndpoint
from pos_app.simulator.registrations import Registrations
from pos_app.simulator.routes import Route
from pos_app.simulator.shop import Shop
from pos_app.simulator.simulate import SimulateEndpoint
from pos_app.simulator.spellings import Spellings
from pos_app.simulator.timeline import Timeline
from pos_app.simulator.weather import PaymentScript

REGISTER_V1_PATH = "/mpesa/c2b/v1/registerurl"
REGISTER_V2_PATH = "/mpesa/c2b/v2/registerurl"
SIMULATE_V1_PATH = "/mpesa/c2b/v1/simulate"
SIMULATE_V2_PATH = "/mpesa/c2b/v2/simulate"
PULL_REGISTER_PATH = "/pulltransactions/v1/register"
PULL_QUERY_PATH = "/pulltransactions/v1/query"
QR_PATH = "/mpesa/qrcode/v1/generate"


@dataclass(frozen=True)
class Rules:
    """`production` registers URLs once, to HTTPS only, and has no simulate (§9)."""

    allow_loopback_urls: bool
    production: bool
    speed: float


@dataclass
class Memory:
    """What Safaricom keeps of a shop, whatever else begins anew. `pulled` are the shortcodes registered for Pull."""

    urls: Registrations = field(default_factory=Registrations)
    pulled: set[str] = field(default_factory=set)


class C2b:
    def __init__(
        self,
        *,
        shop: Shop,
        gate: Gate,
        ledger: Ledger,
        outbox: Outbox,
        timeline: Timeline,
        memory: Memory,
        rules: Rules,
    ) -> None:
        self.script = PaymentScript(PaymentScenario())
        self.spellings = spellings = Spellings()
        self.confirmations = Confirmations(ledger, outbox, memory.urls, rules.speed)
        self.customers = Customers(gate.ids, timeline, outbox, ledger, memory.urls, self.confirmations)
        loopback, production = rules.allow_loopback_urls, rules.production
        self._register = RegisterEndpoint(shop, gate, memory.urls, spellings, loopback, production)
        self._simulate = SimulateEndpoint(shop, gate, self.customers, self.script, spellings, production)
        self._pull = PullEndpoints(shop, gate, ledger, spellings, loopback, memory.pulled)
        self._qr = QrEndpoint(gate, spellings)

    def routes(self) -> dict[str, Route]:
        register = self._register.register
        simulate = Route("simulate", self._simulate.simulate, wrong_method="wrong_method_c2b")
        return {
            REGISTER_V1_PATH: Route("register", partial(register, version=1), wrong_method="wrong_method_c2b"),
            REGISTER_V2_PATH: Route("register", partial(register, version=2), wrong_method="wrong_method_c2b"),
            SIMULATE_V1_PATH: simulate,
            SIMULATE_V2_PATH: simulate,
            PULL_REGISTER_PATH: Route("pull_register", self._pull.register),
            # GET in the documents' prose, POST in production (§2.12).
            PULL_QUERY_PATH: Route("pull", self._pull.query, methods=("GET", "POST")),
            QR_PATH: Route("qr", self._qr.generate),
        }
