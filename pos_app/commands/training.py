"""Training mode: a simulator and a relay of our own as children, paired by themselves; only Safaricom is not real."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from pos_app.commands import children
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount, TillIdentity
from pos_app.relay_link.pairing import pair_now
from pos_app.simulator.shop import SANDBOX_PASSKEY, TRAINING_SHOP

SHOP_NAME = "Duka la Mafunzo"
_TILL = TillIdentity(device="0" * 32, name="Training till")
"""The only one of its relay: the same at every start."""
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
        yield MpesaAccess(url, _ACCOUNT, credentials, pairing, phone_page=url)


def _paired(relay_url: str, code: str) -> Pairing:
    pairing = pair_now(relay_url, code, _TILL)
    if isinstance(pairing, Refused):
        raise children.ChildError(pairing.sentence)
    return pairing


def _register_confirmations(simulator_url: str, pairing: Pairing) -> None:
    url = f"{simulator_url}/simulator/confirmation-url"
    told = {"url": f"{pairing.callback_base}/c2b/confirm"}
    try:
        httpx.post(url, json=told, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise children.ChildError("The training simulator does not answer. Its log says why.") from error
