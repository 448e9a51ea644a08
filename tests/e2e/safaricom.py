"""Callbacks as Safaricom posts them: each once, whatever becomes of it, and a record of what was answered.

A callback that is not answered with 200 is not sent again. Nothing here judges whether that is a loss.
"""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import httpx
from racing import NO_TLS

from pos_app.domain.shop import Pairing
from relay.protocol import make_nonce

PATIENCE = 60.0
_COPIES, _REVISIONS, _CHARGES = 0.1, 0.05, 0.3
_LATELY = 50
"""A copy comes soon after the first, so that both are under way at once."""


@dataclass(frozen=True)
class Post:
    """A customer's own payment, or with a nonce the result of a charge; `at` is a till of the shop."""

    at: Pairing
    number: int
    amount: int
    nonce: str = ""

    @property
    def receipt(self) -> str:
        return f"UJ{self.number:08d}"

    @property
    def url(self) -> str:
        return self.at.callback_base + (f"/stk/{self.nonce}" if self.nonce else "/c2b/confirm")

    @property
    def body(self) -> bytes:
        return json.dumps(self._charged() if self.nonce else self._paid()).encode()

    @property
    def digest(self) -> str:
        return sha256(self.body).hexdigest()

    def _paid(self) -> dict[str, object]:
        return {
            "TransactionType": "Pay Bill",
            "TransID": self.receipt,
            "TransTime": "20261014153015",
            "TransAmount": f"{self.amount}.00",
            "BusinessShortCode": "174379",
            "BillRefNumber": "",
            "FirstName": "JANE",
        }

    def _charged(self) -> dict[str, object]:
        items = {"Amount": float(self.amount), "MpesaReceiptNumber": self.receipt}
        metadata = {"Item": [{"Name": name, "Value": value} for name, value in items.items()]}
        told = {"MerchantRequestID": "b3e8", "CheckoutRequestID": f"ws_CO_{self.number:018d}", "ResultCode": 0}
        return {"Body": {"stkCallback": {**told, "ResultDesc": "ok", "CallbackMetadata": metadata}}}


def drawn(shops: Sequence[Pairing], count: int, rng: random.Random, first: int = 1) -> list[Post]:
    """One in ten is a copy, one in twenty a revision: the same payment with another amount."""
    made: list[Post] = []
    for number in range(first, first + count):
        chance = rng.random()
        if made and chance < _COPIES:
            made.append(rng.choice(made[-_LATELY:]))
        elif made and chance < _COPIES + _REVISIONS:
            made.append(replace(rng.choice(made[-_LATELY:]), amount=1000 + number))
        else:
            shop = rng.choice(shops)
            nonce = make_nonce(shop.nonce_key) if rng.random() < _CHARGES else ""
            made.append(Post(shop, number, 150, nonce))
    return made


def calling() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=NO_TLS)


class Safaricom:
    """`accepted` is called with each post that got its 200."""

    def __init__(self, accepted: Callable[[Post], None]) -> None:
        self._accepted = accepted
        self.answers: Counter[int] = Counter()
        """By status; 0 where the connection broke instead."""
        self.sent: defaultdict[str, set[str]] = defaultdict(set)
        self.safe: defaultdict[str, set[str]] = defaultdict(set)
        """By stream: the digests of the bodies that were sent, and of those that got their 200."""
        self._finished = 0
        self._finish = asyncio.Condition()

    async def post(self, http: httpx.AsyncClient, post: Post) -> int:
        self.sent[post.at.stream].add(post.digest)
        try:
            status = (await http.post(post.url, content=post.body)).status_code
        except httpx.TransportError:
            status = 0
        self.answers[status] += 1
        if status == httpx.codes.OK:
            self.safe[post.at.stream].add(post.digest)
            self._accepted(post)
        return status

    async def post_all(self, posts: Sequence[Post], senders: int, pace: float = 0.0) -> float:
        """By so many senders at once; with `pace`, as many a second as long as they suffice. How long that took."""
        began, left = time.monotonic(), iter(enumerate(posts))

        async def send() -> None:
            # One each: a client that many share asks all its connections, for each request, whether they are idle.
            async with calling() as http:
                for at, post in left:
                    if pace:
                        await asyncio.sleep(max(0.0, began + at / pace - time.monotonic()))
                    await self.post(http, post)
                    async with self._finish:
                        self._finished += 1
                        self._finish.notify_all()

        await asyncio.gather(*(send() for _ in range(senders)))
        return time.monotonic() - began

    async def after(self, finished: int) -> None:
        async with self._finish:
            await self._finish.wait_for(lambda: self._finished >= finished)
