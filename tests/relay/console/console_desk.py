"""An operator's browser without a browser, for the console in this process."""

import json
import re
from html import unescape
from typing import Any

import httpx

from relay.console import passwords
from relay.console.app import Console
from relay.stores import operator_record, operators

PASSWORD = "four quiet words here"
OWN = "http://127.0.0.1:8444"
LISTED, STRANGER = "196.201.214.200", "203.0.113.9"


class Desk:
    """One operator's browser: it keeps cookies, and sends forms as a browser does that has the page open."""

    def __init__(self, bench: Any, console: Console, url: str = OWN, address: str = "127.0.0.1") -> None:
        self.bench = bench
        self.console = console
        self.url = url
        transport = httpx.ASGITransport(app=console, client=(address, 4711), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=url)

    def another(self, address: str = "127.0.0.1") -> "Desk":
        return Desk(self.bench, self.console, self.url, address)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(f"/console{path}", headers=headers)

    async def send(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        said = {"origin": self.url} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/console{path}", data=form, headers=said)

    async def post(self, path: str, page: str = "/health", **form: str) -> httpx.Response:
        """With the token of `page`."""
        return await self.send(path, {"token": token_in(await self.get(page)), **form})

    async def sign_in(self, name: str = "joan", password: str = PASSWORD) -> httpx.Response:
        return await self.post("/sign-in", "/sign-in", name=name, password=password)

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self.client.cookies)

    def add_operator(self, name: str = "joan", password: str = PASSWORD) -> None:
        kept = passwords.keep(password)
        self.bench.in_store(lambda connection: operators.add(connection, name, kept, 1))

    def record(self) -> list[str]:
        """What was done, the newest first."""
        entries = self.bench.in_store(lambda connection: operator_record.entries(connection, None, 1000))
        return [entry.act.action for entry in entries]

    async def pay(self, till: Any, receipt: str = "UJE7K2M9QX", amount: str = "150.00", **more: str) -> None:
        """A confirmation; `sender` says from which address."""
        sender = more.pop("sender", LISTED)
        said = {"TransID": receipt, "TransAmount": amount, "BusinessShortCode": "600966", "BillRefNumber": "T1-7-1"}
        path = till.callback_base.removeprefix("http://relay.test") + "/c2b/confirm"
        reply = await self.bench.post(path, json.dumps(said | more).encode(), client=sender)
        assert reply.status == 200


def token_in(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def words_of(reply: httpx.Response) -> str:
    """As a person reads it."""
    body = reply.text.partition("<main")[2].partition(">")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
