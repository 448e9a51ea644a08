"""One shop's till, whichever process runs it now, and the judge who holds its records to the simulator's ledger.

The records are read from the till's SQLite file: a dead till is judged like a living one.
"""

import itertools
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from processes import PATIENCE, Channel, Nursery, RelayProcess, SimulatorProcess, wait_until

from pos_app.domain.shop import TillIdentity

HURRY = 50
"""How much faster than life the till climbs its ladder in most of these tests: first rung 0.4 s, UNKNOWN at 3.6 s."""
ACCOUNTS = {
    "paybill": {"kind": "paybill", "short_code": "174379", "till_number": ""},
    "buy_goods": {"kind": "buy_goods", "short_code": "7654321", "till_number": "5512345"},
}
_numbers = itertools.count(1)


class Surroundings(Protocol):
    relay: RelayProcess
    simulator: SimulatorProcess
    nursery: Nursery


class TillProcess:
    """One shop's till: its folder, its pairing, and whichever process runs it now."""

    def __init__(
        self, world: Surroundings, folder: Path, kind: str, credentials: dict[str, str], *, shop: str = ""
    ) -> None:
        """Of a shop of its own, unless it is said which."""
        self._number = number = next(_numbers)
        self.world = world
        self.folder = folder
        self.database = folder / "till.db"
        self.shop = shop or f"Shop {number}"
        self.code = _base36(36 * 36 + number)
        self.account = ACCOUNTS[kind]
        self.credentials = credentials
        if not shop:
            world.relay.command("shop", "add", self.shop)
        self.pair()
        self.daraja_url = world.simulator.url
        self.initiator: dict[str, str] | None = None
        """Who pays refunds out; None for a shop that gives back in cash only."""
        self.hurry: float = HURRY
        self.read_timeout = 30.0
        self._channel: Channel | None = None
        self.take_confirmations()

    @property
    def name(self) -> str:
        """As the other tills of the shop are told it."""
        return f"Till {self.code}"

    def pair(self) -> None:
        """Each wants a code of its own, so that the simulator’s ledger tells the tills of all shops apart."""
        self.pairing = self.world.relay.pair(self.shop, TillIdentity(f"{self._number:032x}", self.name, self.code))
        assert self.pairing["till_code"] == self.code

    def take_confirmations(self) -> None:
        url = f"{self.pairing['callback_base']}/c2b/confirm"
        self.world.simulator.tell("confirmation-url", url=url, shortcode=self.account["short_code"])

    def start(self, *, connected: bool = True) -> None:
        self._channel = self.world.nursery.born()
        self.ask(
            "start",
            folder=str(self.folder),
            access={
                "daraja_url": self.daraja_url,
                "account": self.account,
                "credentials": self.credentials,
                "pairing": self.pairing,
                "initiator": self.initiator,
            },
            hurry=self.hurry,
            read_timeout=self.read_timeout,
            connected=connected,
        )

    @property
    def channel(self) -> Channel:
        assert self._channel is not None
        return self._channel

    def ask(self, do: str, **fields: Any) -> Any:
        return self.channel.ask(do, **fields)

    def wait_live(self) -> None:
        wait_until(lambda: "live" in self.ask("look")["links"][-1:], "the relay link is live")

    def sell(self, amount: int, phone: str) -> Any:
        return self.ask("sell", amount=amount, phone=phone)

    def kill(self) -> None:
        os.kill(self.channel.pid, signal.SIGKILL)
        wait_until(lambda: self.channel.is_dead, "the till is dead")
        self.forget()

    def forget(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def quit(self) -> None:
        if self._channel is not None:
            self.ask("quit")
            wait_until(lambda: self.channel.is_dead, "the till has ended")
            self.forget()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def attempts(self, phone: str = "%") -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM attempt WHERE msisdn LIKE ? ORDER BY id", phone)

    def attempt(self, phone: str) -> dict[str, Any]:
        (found,) = self.attempts(phone)
        return found

    def payments(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM payment WHERE superseded_by IS NULL")

    def becomes(self, phone: str, *states: str, patience: float = PATIENCE) -> dict[str, Any]:
        return wait_until(  # type: ignore[no-any-return]
            lambda: next((found for found in self.attempts(phone) if found["state"] in states), None),
            f"{states}, not {[found['state'] for found in self.attempts(phone)]}",
            patience,
        )

    def has_heard_all(self) -> None:
        """Waits until every callback that was answered with 200 is applied: a query would hide that one was skipped."""
        key = self.pairing["callback_base"].rpartition("/")[2]
        callbacks = self.world.simulator.ask("callbacks")
        answered = {told["body"] for told in callbacks if key in told["url"] and told["status"] == 200}
        sql = "SELECT 1 FROM evidence WHERE event_key IS NOT NULL"
        wait_until(lambda: len(self.rows(sql)) >= len(answered), "all that was answered is applied")

    def judge(self, patience: float = PATIENCE, strangers: dict[str, int] | None = None) -> None:
        """`strangers` are receipts and shillings that came without a charge of this till.

        Waits for what may still come; money that is lost or counted twice stays so however long one waits."""
        end = time.monotonic() + patience
        while True:
            try:
                return self._judge(strangers or {})
            except AssertionError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _judge(self, strangers: dict[str, int]) -> None:
        """The simulator's ledger says who paid; the till's records must say the same, once (money-safety I7)."""
        simulator = self.world.simulator
        mine = f"{self.code}-"
        pushes = [push for push in simulator.ask("pushes") if push["reference"].startswith(mine)]
        paid = [payment for payment in simulator.ask("ledger")["payments"] if payment["reference"].startswith(mine)]
        by_reference = {push["reference"]: push for push in pushes}
        assert len(by_reference) == len(pushes), "a second prompt"
        attempts = {attempt["account_reference"]: attempt for attempt in self.attempts()}
        assert by_reference.keys() <= attempts.keys(), "a prompt without an intent"
        for reference, attempt in attempts.items():
            _judge_state(attempt, by_reference.get(reference))
        charged = [payment for payment in self.payments() if payment["attempt_id"] is not None]
        unclaimed = [payment for payment in self.payments() if payment["attempt_id"] is None]
        held = {payment["attempt_id"]: payment for payment in charged}
        for truth in paid:
            payment = held.pop(attempts[truth["reference"]]["id"], None)
            assert payment is not None, "a payment was lost"
            assert payment["amount_cents"] == 100 * truth["amount"]
            assert payment["receipt"] in {"", truth["receipt"]}
            assert payment["sale_id"] == attempts[truth["reference"]]["sale_id"]
        assert not held, "a payment that nobody made"
        assert len(charged) == len(paid), "a payment was counted twice"
        found = sorted((payment["receipt"], payment["amount_cents"]) for payment in unclaimed)
        assert found == sorted((receipt, 100 * amount) for receipt, amount in strangers.items())
        assert self.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def _judge_state(attempt: dict[str, Any], push: dict[str, Any] | None) -> None:
    """Its true state. A request that never arrived can only be unknown, or known not to have left."""
    if push is None:
        allowed = {"UNKNOWN", "CREATED", "FAILED"}
    elif push["code"] == "0":
        allowed = {"PAID", "PAID_LATE"}
    else:
        allowed = {"FAILED"} if push["code"] else {"PENDING", "UNKNOWN"}
    assert attempt["state"] in allowed, (attempt["state"], push)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits
