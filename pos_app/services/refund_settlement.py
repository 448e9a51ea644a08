"""Applies evidence to a refund inside one transaction, whoever brings it; told to the screens after the commit."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pos_app.domain.account import AccountBalances
from pos_app.domain.evidence import Disposition
from pos_app.domain.refund import Refund
from pos_app.domain.refund_evidence import RefundEvidence
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refund_stop import Stop, records_lack
from pos_app.services.changes import AccountsChanged, Changes, Notice, RefundChanged, RefundsSwitched
from pos_app.store import accounts, refund_evidence, refunds
from pos_app.store.database import Database

T = TypeVar("T")
_DISPUTED = (
    "Refund {number} of {amount}: Safaricom says something else than what was asked for. Do not pay it again. "
    "Compare it with the M-Pesa statement and call the owner."
)
_NOT_BELIEVED = (
    "A message about refund {number} of {amount} does not fit it or is of unknown origin. It counts for nothing; "
    "Safaricom is asked what became of the refund."
)


@dataclass
class RefundSettlement:
    connection: sqlite3.Connection
    now: datetime
    changed: dict[int, Refund] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    switched: bool = False
    balances_told: bool = False

    def record(self, refund: Refund, told: RefundEvidence, event_key: str | None = None) -> Refund:
        """Appends the evidence and everything that follows from it."""
        after, disposition = refund.apply(told)
        refund_evidence.append(self.connection, refund.id, told, disposition, at=self.now, event_key=event_key)
        if after != refund:
            refunds.save(self.connection, after)
        self.changed[after.id] = after
        self._follow_up(refund, after, told, disposition)
        return after

    def _follow_up(self, before: Refund, after: Refund, told: RefundEvidence, disposition: Disposition) -> None:
        self.hear_operator(told)
        is_disputed = after.state is RefundState.DISPUTED and before.state is not RefundState.DISPUTED
        if is_disputed or disposition is Disposition.CONFLICT:
            self.notices.append(_DISPUTED.format(number=after.number, amount=after.amount))
        elif disposition is Disposition.QUARANTINED:
            self.notices.append(_NOT_BELIEVED.format(number=after.number, amount=after.amount))

    def hear_operator(self, told: RefundEvidence) -> None:
        """One refusal of the operator itself is enough: more tries would lock it (trap 37)."""
        if told.switches_refunds_off and refunds.switch_off(self.connection, told.code, self.now):
            self.switched = True
            self.notices.append(Stop(self.now, told.code).notice)

    def lack(self, what: str) -> None:
        """These records do not hold what was done. What the owner has settled once stops nothing again."""
        code = records_lack(what)
        if not refunds.was_off(self.connection, code) and refunds.switch_off(self.connection, code, self.now):
            self.switched = True
            self.notices.append(Stop(self.now, code).notice)

    def keep_balances(self, told: AccountBalances) -> None:
        accounts.keep(self.connection, told)
        self.balances_told = True

    def publish(self, changes: Changes) -> None:
        for refund in self.changed.values():
            changes.publish(RefundChanged(refund))
        if self.switched:
            changes.publish(RefundsSwitched())
        if self.balances_told:
            changes.publish(AccountsChanged())
        for sentence in self.notices:
            changes.publish(Notice(sentence, urgent=True))


async def settle_refunds(
    database: Database,
    changes: Changes,
    now: datetime,
    work: Callable[[RefundSettlement], T],
    *,
    may_use_reserve: bool = True,
) -> T:
    """`work` in one durable transaction; what it changed is told after the commit. Raises what `work` raises."""

    def transact(connection: sqlite3.Connection) -> tuple[T, RefundSettlement]:
        settlement = RefundSettlement(connection, now)
        return work(settlement), settlement

    result, settlement = await database.run(transact, may_use_reserve=may_use_reserve)
    settlement.publish(changes)
    return result
