"""The floor of P5: a bare sqlite3 commit with FULL and a bare httpx POST; answers the µs to its first byte."""

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import httpx

_FIELDS = {
    "BusinessShortCode": 174379,
    "Password": "x" * 120,
    "Timestamp": "20261014153012",
    "TransactionType": "CustomerPayBillOnline",
    "Amount": 150,
    "PartyA": 254712345678,
    "PartyB": 174379,
    "PhoneNumber": 254712345678,
    "CallBackURL": "https://relay.example/h/0/stk/" + "0" * 32,
    "AccountReference": "T1-1-1",
    "TransactionDesc": "Bench",
}


async def measured(spec: dict[str, Any]) -> list[float]:
    connection = sqlite3.connect(Path(spec["folder"]) / "floor.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"):
        connection.execute(statement).fetchall()
    connection.execute("CREATE TABLE intent (id INTEGER PRIMARY KEY, nonce TEXT UNIQUE, at REAL, fields TEXT)")
    push = spec["url"] + "/mpesa/stkpush/v1/processrequest"
    clicks: list[int] = []
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        for at in range(spec["count"] + 5):
            if at == 5:
                await http.get(spec["url"] + "/stamps")
                clicks.clear()
            clicks.append(time.monotonic_ns())
            row = (f"{at:032x}", time.time(), "254712345678 150")
            connection.execute("INSERT INTO intent (nonce, at, fields) VALUES (?, ?, ?)", row)
            (await http.post(push, json=_FIELDS, headers={"Authorization": "Bearer x"})).raise_for_status()
        stamps = (await http.get(spec["url"] + "/stamps")).json()
    return [(stamp - click) / 1000 for click, stamp in zip(clicks, stamps, strict=True)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measured(json.loads(sys.stdin.readline())))) + "\n")
