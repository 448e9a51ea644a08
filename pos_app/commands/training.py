"""Training mode: a simulator and a relay of our own as children, paired by themselves; only Safaricom is not real."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from pos_app.commands import children
from pos_app.daraja.security_credential import read_certificate, security_credential
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, Initiator, MpesaAccess, Pairing, ShopAccount, TillIdentity
from pos_app.relay_link.pairing import pair_now
from pos_app.simulator.initiator.operator import Operator
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

SHOP_NAME = "Duka la Mafunzo"
_TILL = TillIdentity(device="0" * 32, name="Training till")
"""The only one of its relay: the same at every start."""
_PAYS_OUT = "174379"
_FLOAT = 20_000
"""Shillings."""
_ACCOUNT = ShopAccount(AccountKind.BUY_GOODS, "7654321", "5512345")


@contextmanager
def training(folder: Path, scenario: str = "ask", speed: float = 1.0) -> Iterator[MpesaAccess]:
    """Blocking, a second or two. Raises ChildError with a sentence. `folder` is training's own."""
    store = f"sqlite:///{folder / 'relay.db'}"
    with ExitStack() as stack:
        relay = stack.enter_context(
            children.Server(
                "relay", ["serve", "--port", "0", "--store", store, "--invite", SHOP_NAME], folder / "relay.log"
            )
        )
        simulator = stack.enter_context(
            children.Server(
                "simulator", ["--port", "0", "--scenario", scenario, "--speed", str(speed)], folder / "simulator.log"
            )
        )
        pairing = _paired(relay.wait_ready().url, relay.said("pairing code ").partition(" ")[0])
        url = simulator.wait_ready().url
        _register_confirmations(url, pairing)
        credentials = Credentials(TRAINING_SHOP.consumer_key, TRAINING_SHOP.consumer_secret, SANDBOX_PASSKEY)
        initiator = practice_operator(url)
        yield MpesaAccess(url, _ACCOUNT, credentials, pairing, initiator=initiator, phone_page=url)


def _paired(relay_url: str, code: str) -> Pairing:
    pairing = pair_now(relay_url, code, _TILL)
    if isinstance(pairing, Refused):
        raise children.ChildError(pairing.sentence)
    return pairing


def _register_confirmations(simulator_url: str, pairing: Pairing) -> None:
    _told(simulator_url, "confirmation-url", {"url": f"{pairing.callback_base}/c2b/confirm"})


def practice_operator(simulator_url: str) -> Initiator:
    """The PayBill pays refunds out, because a till number cannot (contract §2.7); some float is on it."""
    _told(simulator_url, "operator/deposit", {"shortcode": _PAYS_OUT, "amount": _FLOAT})
    answer = _asked(lambda: httpx.get(f"{simulator_url}/simulator/operator/certificate", trust_env=False))
    operator = Operator()
    credential = security_credential(read_certificate(answer.content), operator.password)
    return Initiator(operator.name, credential, _PAYS_OUT)


def _told(simulator_url: str, name: str, fields: dict[str, object]) -> None:
    _asked(lambda: httpx.post(f"{simulator_url}/simulator/{name}", json=fields, trust_env=False))


def _asked(ask: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        return ask().raise_for_status()
    except httpx.HTTPError as error:
        raise children.ChildError("The training simulator does not answer. Its log says why.") from error
