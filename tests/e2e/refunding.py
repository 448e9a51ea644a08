"""A till that gives money back, and the judge who holds its refunds to the simulator's ledger (B1, I2, I5).

The records are read from the till's SQLite file: a dead till is judged like a living one.
"""

import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from processes import PATIENCE, SimulatorProcess
from till_process import TillProcess

from pos_app.commands.training import practice_operator

HURRY = 250
"""First rung of the refunds' ladder after 0.24 s."""
FINAL = {"COMPLETED", "FAILED", "DECLINED"}


class RefundingTill:
    """One shop's till with an API operator; `plays` says what Safaricom does with the next payments."""

    def __init__(self, till: TillProcess, simulator: SimulatorProcess | None = None) -> None:
        """`simulator` where it is not the one of all tests."""
        self.till, self.simulator = till, simulator or till.world.simulator
        till.daraja_url = self.simulator.url
        till.hurry = HURRY
        till.initiator = asdict(practice_operator(self.simulator.url))
        self._before = len(self._all_payouts())
        self._judged: set[int] = set()

    def start(self) -> None:
        self.till.start(connected=False)
        self.till.ask("hire")
        self.till.ask("connect")
        self.till.wait_live()

    def plays(self, spec: Any, of: str = "payments") -> None:
        self.simulator.tell("operator/scenario", of=of, scenario=spec)

    def sold(self, amount: int, phone: str) -> int:
        """The id of a sale that is paid by M-Pesa."""
        sale = int(self.till.sell(amount, phone)["sale"])
        self.till.becomes(phone, "PAID")
        self.till.world.until(lambda: any(one["receipt"] for one in self._paid(sale)), "its receipt is known")
        return sale

    def _paid(self, sale: int) -> list[dict[str, Any]]:
        return [one for one in self.till.payments() if one["sale_id"] == sale]

    def refunds(self) -> list[dict[str, Any]]:
        return self.till.rows("SELECT * FROM refund ORDER BY id")

    def newest(self) -> dict[str, Any]:
        return self.refunds()[-1]

    def _all_payouts(self) -> list[dict[str, Any]]:
        return list(self.simulator.ask("ledger")["payouts"])

    def go_on(self) -> None:
        """What a person does after a restart: releases what waits, sends what certainly did not leave, no more."""
        for refund in self.refunds():
            if refund["state"] == "REQUESTED":
                self.till.ask("release", refund=refund["id"])
            elif refund["state"] == "APPROVED":
                self.till.ask("send_refund", refund=refund["id"])

    # --- the judge ----------------------------------------------------------------------------------------

    def judge(self, patience: float = PATIENCE) -> None:
        """Waits for what may still come; what is paid twice or forgotten stays so however long one waits."""
        end = time.monotonic() + patience
        while True:
            try:
                return self._judge()
            except AssertionError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.01)

    def _judge(self) -> None:
        refunds, payouts = self.refunds(), self._all_payouts()[self._before :]
        paid = Counter(_identity(payout) for payout in payouts)
        assert not {key: count for key, count in paid.items() if count > 1}, "a refund was paid twice"
        by_identity = {_key(refund): refund for refund in refunds if refund["route"] in {"b2c", "reversal"}}
        assert paid.keys() <= by_identity.keys(), "money went out that no refund on disk knows of"
        self._judge_sums(payouts, by_identity)
        asked = [one for one in self.simulator.ask("operations") if one["kind"] in {"b2c", "reversal"}]
        operations = {_asked(one): one for one in asked}
        assert len(operations) == len(asked), "a second request to reverse one payment"
        assert not any(one["repeats"] for one in asked), "a second request with one id"
        for key, refund in by_identity.items():
            if refund["id"] not in self._judged:
                _judge_state(refund, key in paid, operations.get(key))
        assert self.till.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        self._judged |= {refund["id"] for refund in refunds if refund["state"] in FINAL}

    def _judge_sums(self, payouts: list[dict[str, Any]], refunds: dict[str, dict[str, Any]]) -> None:
        """What left Safaricom, and what the till counts as given back, never exceed what was captured (I2)."""
        captured = {one["id"]: one["amount_cents"] for one in self.till.payments()}
        left, counted = Counter[str](), Counter[str]()
        for payout in payouts:
            left[refunds[_identity(payout)]["payment_id"]] += 100 * payout["amount"]
        for refund in refunds.values():
            if refund["state"] not in {"FAILED", "DECLINED"}:
                counted[refund["payment_id"]] += refund["amount_cents"]
        for payment, cents in captured.items():
            assert left[payment] <= counted[payment] <= cents, (payment, left[payment], counted[payment], cents)


def _identity(payout: dict[str, Any]) -> str:
    """A reversal is known by what it undoes, a B2C payment by our own id."""
    return str(payout["original"] or payout["originator_id"])


def _asked(operation: dict[str, Any]) -> str:
    return str(operation["original"] if operation["kind"] == "reversal" else operation["originator_id"])


def _key(refund: dict[str, Any]) -> str:
    return str(refund["original_receipt"] if refund["route"] == "reversal" else refund["originator_id"])


def _judge_state(refund: dict[str, Any], is_paid: bool, operation: dict[str, Any] | None) -> None:
    """Its true state. FAILED is for a certain failure alone: it frees the money for another refund."""
    state = refund["state"]
    if is_paid:
        # A reversal whose reply and result are both lost has no id to ask by (contract §2.8): it stays unknown.
        lost = refund["route"] == "reversal" and not refund["originator_id"]
        allowed = {"COMPLETED", *(["UNKNOWN"] if lost else [])}
    elif operation is None:
        allowed = {"REQUESTED", "APPROVED", "UNKNOWN"}
    else:
        allowed = {"FAILED"} if operation["status"] in {"Expired", "Declined"} else {"PENDING", "UNKNOWN"}
    assert state in allowed, (state, operation)
