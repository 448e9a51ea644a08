"""What screens ask about refunds: what of a sale can be given back and how, which there are, and one with its story.

It changes nothing.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pos_app.domain.money import Money
from pos_app.domain.refund import Refund
from pos_app.domain.refund_policy import RefundPolicy
from pos_app.domain.refund_route import Means, RouteOffer, routes
from pos_app.domain.refund_states import RefundState
from pos_app.services.ages import Ages
from pos_app.services.refund_hold import standing_approvals
from pos_app.services.refund_options import RefundOptions, options_of
from pos_app.services.refund_paying import Paying
from pos_app.store import accounts, refund_evidence, refunds, sales
from pos_app.store.database import Database
from pos_app.store.refund_evidence import RefundEvidenceRow

FLOAT_HOLDS = timedelta(minutes=15)
ATTEST_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RefundDetail:
    """`approvals_needed` says how many more people must release it."""

    refund: Refund
    sale_number: int
    told: tuple[RefundEvidenceRow, ...]
    approvals_needed: int


class RefundViews:
    def __init__(
        self,
        database: Database,
        policy: RefundPolicy,
        clock: Callable[[], datetime],
        elapsed: Callable[[], float],
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._left: Ages[int] = Ages(elapsed)
        """Since when each refund is on its way."""
        self.paying: Paying | None = None

    async def options(self, sale_id: int) -> RefundOptions:
        return await self._database.read(lambda connection: options_of(connection, sale_id))

    async def routes(self, options: RefundOptions, amount: Money, payment_id: str) -> tuple[RouteOffer, ...]:
        means = await self._database.read(self._means)
        return routes(options.sought(amount, payment_id), means, self._clock())

    def _means(self, connection: sqlite3.Connection) -> Means:
        stop = refunds.stop(connection)
        return Means(self.paying is not None, stop.refusal if stop else "", self._float(connection))

    def _float(self, connection: sqlite3.Connection) -> Money | None:
        """None where Safaricom was not asked of late: an old figure must not stand in the way."""
        told = accounts.newest(connection)
        return told.utility_available if told is not None and self._clock() - told.at < FLOAT_HOLDS else None

    async def newest(self, before: int = 0, limit: int = 100) -> tuple[Refund, ...]:
        """Those that are still open stay in sight, however many came after."""

        def read(connection: sqlite3.Connection) -> tuple[Refund, ...]:
            page = refunds.newest(connection, before=before, limit=limit)
            oldest = page[-1].id if page and not before else 0
            return (*page, *(one for one in reversed(refunds.open_ones(connection)) if one.id < oldest))

        return await self._database.read(read)

    async def on_their_way(self) -> tuple[Refund, ...]:
        """Of these Safaricom may still say something."""
        found = await self._database.read(refunds.open_ones)
        return tuple(one for one in found if one.route.is_by_mpesa and one.state.may_be_paid)

    async def for_people(self) -> tuple[Refund, ...]:
        """Those that only two people can settle any more."""
        found, now = await self._database.read(refunds.open_ones), self._clock()
        return tuple(one for one in found if one.state is RefundState.DISPUTED or self._is_old_doubt(one, now))

    def _is_old_doubt(self, refund: Refund, now: datetime) -> bool:
        return refund.in_doubt and self._age(refund, now) >= ATTEST_AFTER

    def _age(self, refund: Refund, now: datetime) -> timedelta:
        return self._left.of(refund.id, refund.submitted_at or refund.requested_at, now)

    async def of_sale(self, sale_id: int) -> tuple[Refund, ...]:
        return await self._database.read(lambda connection: refunds.of_sale(connection, sale_id))

    async def detail(self, refund_id: int) -> RefundDetail | None:
        def read(connection: sqlite3.Connection) -> RefundDetail | None:
            refund = refunds.by_id(connection, refund_id)
            if refund is None:
                return None
            needed = self._policy.approvals_needed(refund, refunds.given_back_before(connection, refund))
            told = refund_evidence.of_refund(connection, refund_id)
            missing = needed - standing_approvals(connection, refund)
            return RefundDetail(refund, sales.by_id(connection, refund.sale_id).number, told, missing)

        return await self._database.read(read)
