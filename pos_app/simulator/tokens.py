"""OAuth as the contract §1 describes it: Basic credentials in, one bearer token out, the one before it dead.

It must not know what a token opens.
"""

import base64
import binascii
from urllib.parse import parse_qs

from pos_app.simulator.identifiers import Identifiers
from pos_app.simulator.messages import Reply, Request, answer
from pos_app.simulator.refusals import REFUSALS
from pos_app.simulator.shop import Shop

LIFETIME_SECONDS = 3600
SAID_SECONDS = 3599


class Tokens:
    def __init__(self, shop: Shop, ids: Identifiers, *, one_at_a_time: bool = True) -> None:
        self._shop = shop
        self._ids = ids
        self._one_at_a_time = one_at_a_time
        self._expiries: dict[str, float] = {}
        self.issued = 0

    def generate(self, request: Request, now: float) -> Reply:
        refusal = self._refusal(request)
        if refusal:
            return REFUSALS[refusal].reply(self._ids.request_id())
        if self._one_at_a_time:
            self._expiries.clear()
        token = self._ids.token()
        self._expiries[token] = now + LIFETIME_SECONDS
        self.issued += 1
        # E1 and E2: a number and a string take turns.
        return answer({"access_token": token, "expires_in": SAID_SECONDS if self.issued % 2 else str(SAID_SECONDS)})

    def accepts(self, request: Request, now: float) -> bool:
        return now < self._expiries.get(bearer(request), 0.0)

    def invalidate(self) -> None:
        self._expiries.clear()

    def _refusal(self, request: Request) -> str:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "not_basic"
        if parse_qs(request.query).get("grant_type") != ["client_credentials"]:
            return "grant_type"
        return "" if self._known(credentials) else "wrong_credentials"

    def _known(self, credentials: str) -> bool:
        try:
            given = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            return False
        return given == f"{self._shop.consumer_key}:{self._shop.consumer_secret}".encode()


def bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
