"""Shops at a relay of ours, their tills, and the callbacks that Safaricom would post for them.

It must not know what is measured. A shop is made in the store before its relay starts.
"""

import itertools
import json
import random
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from machine import FLOORS, SERVER_CORE, Bench, Child
from sqlalchemy import Connection

from relay.log import new_epoch
from relay.protocol import CONNECT_PATH, PAIR_PATH, make_nonce
from relay.stores import directory
from relay.stores.store import opened, transaction

_UNPACED = {"RELAY_SHOP_PACE": "0", "RELAY_TILL_PACE": "0", "RELAY_SOCKET_PACE": "100000", "RELAY_SHOP_TILLS": "10000"}
_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_EAT = timezone(timedelta(hours=3))


@dataclass(frozen=True)
class Shop:
    callback_key: str
    nonce_key: str
    stream: str
    codes: tuple[str, ...] = ()

    def spec(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Paired:
    """What a bare client needs to be that till."""

    url: str
    token: str
    stream: str
    till_id: str
    till_code: str
    callback_base: str
    nonce_key: str


@contextmanager
def in_store(store: Path | str) -> Iterator[Connection]:
    """One transaction in the store of a relay that does not run; a file, or the address of a database."""
    with transaction(opened(url_of(store))) as connection:
        yield connection


def make_shops(store: Path | str, count: int = 1, tills: int = 1) -> list[Shop]:
    with in_store(store) as connection:
        made = [directory.add_shop(connection, f"shop {at}", new_epoch()) for at in range(count)]
        now = int(time.time() * 1000)
        return [
            Shop(
                shop.callback_key,
                shop.nonce_key,
                shop.stream,
                tuple(directory.invite_till(connection, shop.name, now).code for _ in range(tills)),
            )
            for shop in made
        ]


def relay(
    bench: Bench,
    store: Path | str,
    *,
    echo: bool = False,
    core: int | None = SERVER_CORE,
    environment: Mapping[str, str] = {},
    port: int = 0,
    paced: bool = False,
) -> Child:
    """A real relay process; with `echo` it also sends back what comes to /echo, so that both ride one server.

    One that is not `paced` lets one shop post, and tills connect, as fast as they can: what it can do is measured then.
    """
    if not paced:
        environment = {**_UNPACED, **environment}
    started = [str(FLOORS / "relay_with_echo.py"), "serve"] if echo else ["-m", "relay", "serve"]
    return Child([*started, "--port", str(port), "--store", url_of(store)], bench.log, core, environment)


def url_of(store: Path | str) -> str:
    return store if isinstance(store, str) else f"sqlite:///{store}"


def pair(url: str, code: str, name: str = "bench") -> Paired:
    answer = httpx.post(
        url + PAIR_PATH, json={"code": code, "name": name, "device": secrets.token_hex(16)}, trust_env=False
    )
    answer.raise_for_status()
    said = answer.json()
    names = ("token", "stream", "till_id", "till_code", "callback_base", "nonce_key")
    return Paired(url, **{name: said[name] for name in names})


def connect_spec(till: Paired) -> dict[str, object]:
    """For `sockets.Socket`: where and as whom."""
    address = urlsplit(till.url)
    return {"host": address.hostname, "port": address.port, "path": CONNECT_PATH, "token": till.token}


def callback_body(checkout: str, merchant: str, receipt: str, amount: int, phone: int) -> bytes:
    """A paid STK result as Daraja posts it (contract §2.1, E14); about 590 bytes with its white space."""
    items = (
        f'{{"Name":"Amount","Value":{amount}.00}},{{"Name":"MpesaReceiptNumber","Value":"{receipt}"}},'
        f'{{"Name":"Balance"}},{{"Name":"TransactionDate","Value":20261014153029}},'
        f'{{"Name":"PhoneNumber","Value":{phone}}}'
    )
    said = (
        f'{{"Body":{{"stkCallback":{{"MerchantRequestID":"{merchant}","CheckoutRequestID":"{checkout}",'
        f'"ResultCode":0,"ResultDesc":"The service request is processed successfully.",'
        f'"CallbackMetadata":{{"Item":[{items}]}}}}}}}}'
    )
    return said.encode().ljust(590)


def confirmation_body(receipt: str, amount: int, reference: str, paid_at: datetime) -> bytes:
    """A payment that a customer made by himself, as Daraja confirms it (contract §2.6, E41)."""
    said = {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransTime": f"{paid_at.astimezone(_EAT):%Y%m%d%H%M%S}",
        "TransAmount": f"{amount}.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": reference,
        "MSISDN": "2547 ***** 678",
        "FirstName": "JANE",
    }
    return json.dumps(said).encode()


def posted(path: str, body: bytes, token: str = "") -> bytes:
    """The bytes of the POST, made ahead so that making them is not measured."""
    head = f"POST {path} HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"
    who = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{head}{who}Content-Length: {len(body)}\r\n\r\n".encode() + body


def request(callback_key: str, nonce: str, body: bytes) -> bytes:
    return posted(f"/h/{callback_key}/stk/{nonce}", body)


def confirmation(callback_key: str, body: bytes) -> bytes:
    return posted(f"/h/{callback_key}/c2b/confirm", body)


def receipt_at(number: int) -> str:
    """Ten characters, each number its own."""
    said = ""
    for _ in range(8):
        number, digit = divmod(number, len(_LETTERS))
        said = _LETTERS[digit] + said
    return "UJ" + said


def callbacks(shops: list[Shop], seed: int) -> Iterator[bytes]:
    """Requests for one shop after the other, each of another payment, under a nonce that the relay will find real."""
    draw = random.Random(seed)
    first = draw.randrange(10**11)
    for at in itertools.count(first):
        shop = shops[at % len(shops)]
        body = callback_body(
            f"ws_CO_14102026153012{at:012d}", f"b3e8-4c02-97d1-{at:012d}", receipt_at(at), 150, 254712345678
        )
        yield request(shop.callback_key, make_nonce(shop.nonce_key), body)
