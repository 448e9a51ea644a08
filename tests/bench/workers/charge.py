"""Ours of P5: charges one sale after the other on a real database; answers the µs from the click to the first byte.

Asked by one line of JSON. With `qt` it runs on the till's own loop, else on asyncio's.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from tills import ACCOUNT, PHONE, PRICE, rung

from pos_app.daraja.client import DarajaClient
from pos_app.domain.attempt import Attempt
from pos_app.domain.shop import Credentials
from pos_app.domain.staff import Person, Role
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authority
from pos_app.services.changes import Changes
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.services.payments import Charging, Payments
from pos_app.services.sales import Sales
from pos_app.settings import MemorySecrets
from pos_app.store.database import Database
from relay.protocol import make_nonce


async def measured(spec: dict[str, Any]) -> list[float]:
    database, changes = Database(Path(spec["folder"]) / "till.db"), Changes()
    await database.open()
    authority = Authority(changes)
    authority.begin(Person(1, "Wanjiru", Role.OWNER), utc_now())
    guard = Guard(authority, AuditLog(database, MemorySecrets()))
    sales, payments = Sales(database, changes, guard), Payments(database, changes, guard=guard)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        daraja = DarajaClient(http, spec["url"], ACCOUNT, Credentials("k" * 32, "s" * 32, "p" * 64))
        payments.charging = Charging(
            daraja=daraja,
            account=ACCOUNT,
            till_code="T1",
            shop_name="Bench",
            callback_base="https://relay.example/h/0",
            make_nonce=lambda: make_nonce("0" * 32),
        )
        for _ in range(5):
            await payments.charge((await rung(sales)).id, PRICE, PHONE)
        await http.get(spec["url"] + "/stamps")
        clicks = []
        for _ in range(spec["count"]):
            sale = await rung(sales)
            clicks.append(time.monotonic_ns())
            assert isinstance(await payments.charge(sale.id, PRICE, PHONE), Attempt)
        stamps = (await http.get(spec["url"] + "/stamps")).json()
        await daraja.aclose()
    await database.close()
    return [(stamp - click) / 1000 for click, stamp in zip(clicks, stamps, strict=True)]


def _on_qt(spec: dict[str, Any]) -> list[float]:
    from pos_app.ui import event_loop

    took: list[float] = []

    async def main(_app: event_loop.App, _stop: asyncio.Event) -> int:
        took.extend(await measured(spec))
        return 0

    event_loop.run(main, sys.argv[:1])
    return took


if __name__ == "__main__":
    asked = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(_on_qt(asked) if asked["qt"] else asyncio.run(measured(asked))) + "\n")
