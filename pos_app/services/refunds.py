"""Gives money back: prepared by one, released by who may, and by M-Pesa sent at most once.

The intent, with the id that Safaricom knows it by, is on disk before the request leaves. What is not known afterwards
stays unknown and is never sent again, not even with the same id (money-safety B1 to B3).
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pos_app.daraja.errors import RequestError
from pos_app.daraja.redaction import code_for_log
from pos_app.domain.audit import Event
from pos_app.domain.evidence import Disposition
from pos_app.domain.money import AmountError, Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.reason import Reason
from pos_app.domain.refund import Approval, Refund, Route
from pos_app.domain.refund_evidence import RefundEvidence, RefundFact, RefundSource
from pos_app.domain.refund_policy import RefundPolicy, Spent
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import routes
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person
from pos_app.services.ages import Ages, seconds_since_boot
from pos_app.services.audit_log import AuditLog
from pos_app.services.authority import Authorised, Authority
from pos_app.services.changes import Changes, RefundChanged, RefundsSwitched
from pos_app.services.clock import utc_now
from pos_app.services.proving import Proving
from pos_app.services.refund_hold import held_up, standing_approvals
from pos_app.services.refund_options import options_of
from pos_app.services.refund_paying import Paying
from pos_app.services.refund_record import refund_subject, refund_words
from pos_app.services.refund_settlement import RefundSettlement, settle_refunds
from pos_app.services.refund_views import ATTEST_AFTER, RefundDetail, RefundViews
from pos_app.store import refunds, staff
from pos_app.store.database import Database
from pos_app.store.refunds import OverRefundError

__all__ = ["ATTEST_AFTER", "Draft", "Paying", "RefundDetail", "Refunds"]

log = logging.getLogger(__name__)

REPLY_GRACE_SECONDS = 2.0
_HOUR_AND_DAY = timedelta(hours=1), timedelta(days=1)
_NO_SUCH = Refused("There is no such refund on this till.")
_OVER = Refused("More than was paid would be given back. Nothing was done.")
_NEEDS_NOTE = Refused("Write in a few words why the money is given back.")
_NO_PAYEE = Refused("Type the number that the money goes to.")
_NOT_WAITING = Refused("This refund is not waiting to be released. Nothing was done.")
_RELEASER_GONE = Refused(
    "Who released it may release no more. Nothing was sent. Decline it, prepare it anew and have it released again."
)
_NOT_SET_UP = Refused("Refunds by M-Pesa are not set up on this till. Nothing was sent.")
_NOT_HEARD = Refused(
    "The relay is out of reach, so this till would not hear what becomes of the refund. Nothing was sent. Send it "
    "again when the relay’s light is green."
)
_DISK_FULL = Refused("The disk is full. Nothing was sent and no money moved. Free some space, then try again.")
_TOO_SOON = Refused("Safaricom may still say what became of it. People settle it after 24 hours only.")
_TWO_PEOPLE = Refused("Two different people must say what the statement shows.")


@dataclass(frozen=True, slots=True)
class Draft:
    """`payment_id` is empty for the sale's cash; `lines` are positions of the sale, and how many of each."""

    sale_id: int
    payment_id: str
    amount: Money
    route: Route
    why: RefundReason
    note: str = ""
    payee: Msisdn | None = None
    lines: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Released:
    refund: Refund
    standing: str
    """How much this person had released before and after it, against the caps."""


class Refunds(RefundViews):
    def __init__(
        self,
        database: Database,
        changes: Changes,
        *,
        authority: Authority,
        proving: Proving,
        record: AuditLog,
        policy: RefundPolicy | None = None,
        clock: Callable[[], datetime] = utc_now,
        elapsed: Callable[[], float] = seconds_since_boot,
    ) -> None:
        """`elapsed` are seconds of a clock that never jumps."""
        super().__init__(database, policy or RefundPolicy(), clock, elapsed)
        self._changes = changes
        self._authority = authority
        self._proving = proving
        self._record = record
        self._released: Ages[tuple[int, int]] = Ages(elapsed)
        """Of each release: by whom, of which refund."""

    # --- from the wish to the release ---------------------------------------------------------------------

    async def prepare(self, draft: Draft) -> Refund | Refused:
        """On disk, and against what is left, before anybody releases it."""
        allowed = self._authority.check(Action.PREPARE_REFUND)
        if isinstance(allowed, Refused):
            return allowed
        if draft.why.needs_note and not draft.note.strip():
            return _NEEDS_NOTE
        paying = self.paying
        if draft.route.is_by_mpesa and paying is None:
            return _NOT_SET_UP

        def prepare(connection: sqlite3.Connection) -> Refund | Refused:
            return self._write(connection, draft, allowed.actor, paying)

        try:
            return await self._signed(Event.REFUND_REQUESTED, allowed, prepare)
        except OverRefundError:
            return _OVER

    def _write(
        self, connection: sqlite3.Connection, draft: Draft, by: Person, paying: Paying | None
    ) -> Refund | Refused:
        options, now = options_of(connection, draft.sale_id), self._clock()
        offered = routes(options.sought(draft.amount, draft.payment_id), self._means(connection), now)
        refusal = next(offer.refusal for offer in offered if offer.route is draft.route)
        if refused := options.problem(draft.payment_id, draft.lines) or refusal:
            return Refused(refused)
        payee = draft.payee if draft.route is Route.B2C else None
        if draft.route is Route.B2C and payee is None:
            return _NO_PAYEE
        by_mpesa = paying is not None and draft.route.is_by_mpesa
        refund = Refund(
            id=0,
            number=0,
            sale_id=draft.sale_id,
            payment_id=draft.payment_id,
            original_receipt=options.sought(draft.amount, draft.payment_id).receipt,
            route=draft.route,
            amount=draft.amount,
            payee=payee,
            other_number=payee is not None and options.is_other_number(draft.payment_id, payee),
            why=draft.why,
            note=" ".join(draft.note.split())[:200],
            requested_by=by.id,
            requested_at=now,
            nonce=paying.make_nonce() if paying is not None and by_mpesa else "",
            originator_id=paying.make_originator_id() if paying is not None and draft.route is Route.B2C else "",
        )
        return refunds.add(connection, refund, draft.lines)

    async def approve(self, refund_id: int, person_id: int, pin: str) -> Refund | Refused:
        """With the PIN of who releases it, also of who is signed in. The last approval that it needs sends it."""
        person = await self._proving.proved(person_id, pin)
        if isinstance(person, Refused):
            return person
        by = Authorised(self._authority.person or person, person)

        def approve(connection: sqlite3.Connection) -> _Released | Refused:
            # Who was demoted while the PIN was looked at may release no more.
            return self._approve(connection, refund_id, staff.by_id(connection, person_id) or person)

        released = await self._record.do_if(
            Event.REFUND_APPROVED,
            by,
            approve,
            subject=lambda released: refund_subject(released.refund),
            detail=lambda released: f"{refund_words(released.refund)}; {released.standing}",
        )
        if isinstance(released, Refused):
            return released
        self._released.begin((person_id, refund_id))
        self._changes.publish(RefundChanged(released.refund))
        return await self._send(refund_id) if released.refund.state is RefundState.APPROVED else released.refund

    def _approve(self, connection: sqlite3.Connection, refund_id: int, person: Person) -> _Released | Refused:
        refund, now = refunds.by_id(connection, refund_id), self._clock()
        if refund is None or refund.state is not RefundState.REQUESTED:
            return _NO_SUCH if refund is None else _NOT_WAITING
        if why_not := held_up(connection, refund):
            return Refused(why_not)
        spent = Spent(*(self._released_within(connection, person, span) for span in _HOUR_AND_DAY))
        before = refunds.given_back_before(connection, refund)
        refusal = self._policy.refusal(refund, person, spent, before)
        if refusal:
            self._authority.denied(person, Action.APPROVE_REFUND)
            return Refused(refusal)
        approval = Approval(person.id, now)
        refunds.approve(connection, refund_id, approval)
        held, standing = refund.approved_by(approval), self._policy.standing(refund.amount, person, spent)
        if standing_approvals(connection, held) < self._policy.approvals_needed(held, before):
            return _Released(held, standing)
        told = RefundEvidence(RefundFact.APPROVED, RefundSource.PERSON, now)
        return _Released(RefundSettlement(connection, now).record(held, told), standing)

    def _released_within(self, connection: sqlite3.Connection, person: Person, span: timedelta) -> Money:
        """By either clock: one that is set forward gives nobody a new hour."""
        here = [refund_id for by, refund_id in self._released.within(span) if by == person.id]
        return refunds.released_since(connection, person.id, self._clock() - span, here)

    async def decline(self, refund_id: int) -> Refund | Refused:
        allowed = self._authority.check(Action.DECLINE_REFUND)
        if isinstance(allowed, Refused):
            return allowed
        return await self._by_people(refund_id, Event.REFUND_DECLINED, allowed, RefundFact.DECLINED)

    # --- out of the till ----------------------------------------------------------------------------------

    async def send(self, refund_id: int) -> Refund | Refused:
        """One that was released and did not leave; whoever may prepare refunds tries it again."""
        allowed = self._authority.check(Action.PREPARE_REFUND)
        return allowed if isinstance(allowed, Refused) else await self._send(refund_id)

    async def _send(self, refund_id: int) -> Refund | Refused:
        """A released one, once: cash and credit notes are done with that; by M-Pesa its request leaves."""
        refund = await self._database.read(lambda connection: refunds.by_id(connection, refund_id))
        if refund is None or refund.state is not RefundState.APPROVED:
            return _NO_SUCH if refund is None else _NOT_WAITING
        if not refund.route.is_by_mpesa:
            return await self._let_go(refund_id, RefundFact.HANDED_OVER)
        paying = self.paying
        if paying is None:
            return _NOT_SET_UP
        if not (paying.is_heard() and await paying.anchor()):
            return _NOT_HEARD
        if not await self._database.has_room():
            return _DISK_FULL
        leaving = await self._let_go(refund_id, RefundFact.SUBMITTED)
        return leaving if isinstance(leaving, Refused) else await self._submit(leaving, paying)

    async def _submit(self, refund: Refund, paying: Paying) -> Refund:
        """Cancelled, it gives the reply a moment; what is not known then is found out after the next start."""
        self._left.begin(refund.id)
        submitting = asyncio.create_task(self._submit_now(refund, paying), name="refund on its way")
        try:
            return await asyncio.shield(submitting)
        except asyncio.CancelledError:
            await asyncio.wait({submitting}, timeout=REPLY_GRACE_SECONDS)
            submitting.cancel()
            await asyncio.wait({submitting})
            raise

    async def _submit_now(self, refund: Refund, paying: Paying) -> Refund:
        told = await self._request(refund, paying)
        log.info("refund %d: %s %s", refund.id, told.fact, code_for_log(told.code))
        return await self._apply(refund.id, told)

    async def _request(self, refund: Refund, paying: Paying) -> RefundEvidence:
        to, remarks = paying.addresses(refund.nonce), f"Refund {refund.number}"
        try:
            if refund.route is Route.B2C and refund.payee is not None:
                return await paying.api.b2c(
                    to, originator_id=refund.originator_id, amount=refund.amount, payee=refund.payee, remarks=remarks
                )
            return await paying.api.reverse(
                to,
                receipt=refund.original_receipt,
                amount=refund.amount,
                receiver=paying.short_code,
                remarks=remarks,
            )
        except (RequestError, AmountError) as error:
            # Raised before anything is sent; an unknown outcome would lock the money for nothing.
            log.exception("refund %d cannot be asked for", refund.id)
            reason, text = Reason.NOT_SENT, str(error)
            return RefundEvidence(RefundFact.NOT_SENT, RefundSource.REPLY, self._clock(), reason=reason, text=text)

    # --- when nobody knows --------------------------------------------------------------------------------

    async def attest(
        self, refund_id: int, first: tuple[int, str], second: tuple[int, str], *, paid: bool
    ) -> Refund | Refused:
        """Two people, each with a PIN, say what the statement shows of one not known for a day, or disputed."""
        refund = await self._database.read(lambda connection: refunds.by_id(connection, refund_id))
        if refund is None or refund.state not in {RefundState.UNKNOWN, RefundState.DISPUTED}:
            return _NO_SUCH if refund is None else _NOT_WAITING
        age = self._age(refund, self._clock())
        # What Safaricom said of a disputed one may be shown at once; that it did not pay takes as long to be sure.
        if age < ATTEST_AFTER and (refund.state is RefundState.UNKNOWN or not paid):
            return _TOO_SOON
        if first[0] == second[0]:
            return _TWO_PEOPLE
        by = await self._two(first, second)
        if isinstance(by, Refused):
            return by
        fact = RefundFact.ATTESTED_PAID if paid else RefundFact.ATTESTED_NOT_PAID
        return await self._by_people(refund_id, Event.REFUND_ATTESTED, by, fact)

    async def _two(self, first: tuple[int, str], second: tuple[int, str]) -> Authorised | Refused:
        people: list[Person] = []
        for person_id, pin in (first, second):
            person = await self._proving.proved(person_id, pin)
            if isinstance(person, Refused):
                return person
            if not person.may(Action.ATTEST_REFUND):
                self._authority.denied(person, Action.ATTEST_REFUND)
                return Refused(f"{person.name} ({person.role}) may not settle a refund.")
            people.append(person)
        return Authorised(people[0], people[1])

    async def switch_on(self) -> Refused | None:
        """The operator was mended; only an owner says so."""
        allowed = self._authority.check(Action.SWITCH_REFUNDS_ON)
        if isinstance(allowed, Refused):
            return allowed

        def switch(connection: sqlite3.Connection) -> None:
            refunds.switch_on(connection, allowed.actor.id, self._clock())

        done = await self._record.do(Event.REFUNDS_ON, allowed, switch)
        if isinstance(done, Refused):
            return done
        self._changes.publish(RefundsSwitched())
        return None

    # --- after a restart, and how --------------------------------------------------------------------------

    async def recover(self) -> tuple[Refund, ...]:
        """What was on its way when the till stopped is unknown now; finish this before the first refund is prepared."""
        now = self._clock()
        told = RefundEvidence(RefundFact.INTERRUPTED, RefundSource.RESTART, now, reason=Reason.UNKNOWN)

        def interrupt(settlement: RefundSettlement) -> tuple[Refund, ...]:
            found = refunds.open_ones(settlement.connection)
            for refund in found:
                if refund.state is RefundState.SUBMITTING:
                    settlement.record(refund, told)
            return found

        return await settle_refunds(self._database, self._changes, now, interrupt)

    async def _by_people(self, refund_id: int, event: Event, by: Authorised, fact: RefundFact) -> Refund | Refused:
        told = RefundEvidence(fact, RefundSource.PERSON, self._clock())

        def record(connection: sqlite3.Connection) -> Refund | Refused:
            refund = refunds.by_id(connection, refund_id)
            if refund is None:
                return _NO_SUCH
            if refund.apply(told)[1] is not Disposition.APPLIED:
                return _NOT_WAITING
            return RefundSettlement(connection, told.at).record(refund, told)

        return await self._signed(event, by, record)

    async def _signed(
        self, event: Event, by: Authorised, work: Callable[[sqlite3.Connection], Refund | Refused]
    ) -> Refund | Refused:
        """With its entry in the sealed record, or not at all."""
        done = await self._record.do_if(event, by, work, subject=refund_subject, detail=refund_words)
        if isinstance(done, Refund):
            self._changes.publish(RefundChanged(done))
        return done

    async def _let_go(self, refund_id: int, fact: RefundFact) -> Refund | Refused:
        """Once; and not if anything has come between since it was released."""
        told = RefundEvidence(fact, RefundSource.PERSON, self._clock())

        def let_go(settlement: RefundSettlement) -> Refund | Refused:
            refund = refunds.by_id(settlement.connection, refund_id)
            if refund is None or refund.state is not RefundState.APPROVED:
                return _NOT_WAITING
            needed = self._policy.approvals_needed(refund, refunds.given_back_before(settlement.connection, refund))
            if standing_approvals(settlement.connection, refund) < needed:
                return _RELEASER_GONE
            why_not = held_up(settlement.connection, refund)
            return Refused(why_not) if why_not else settlement.record(refund, told)

        leaves = fact is RefundFact.SUBMITTED
        return await settle_refunds(self._database, self._changes, told.at, let_go, may_use_reserve=not leaves)

    async def _apply(self, refund_id: int, told: RefundEvidence) -> Refund:
        def apply(settlement: RefundSettlement) -> Refund:
            refund = refunds.by_id(settlement.connection, refund_id)
            if refund is None:
                raise LookupError(f"no refund {refund_id}")
            return settlement.record(refund, told)

        return await settle_refunds(self._database, self._changes, self._clock(), apply)
