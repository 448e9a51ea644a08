"""What the claims of a receipt make of its payment, inside one transaction: which till has it, and which sale.

Claims come from the log, from the relay's answers and from this till's own disk; all of them end here.
"""

from dataclasses import dataclass
from datetime import datetime

from pos_app.domain.claim import Claim, Claimant, Claims, Release, Standing
from pos_app.domain.evidence import Disposition
from pos_app.domain.payment import Payment
from pos_app.services.settlement import Settlement
from pos_app.store import attempts, claims, sales

_CANCELLED = "the sale was cancelled"


@dataclass(frozen=True, slots=True)
class Holdings:
    settlement: Settlement
    till_id: str

    def learn(self, told: Claim | Release) -> None:
        """What the relay said, once or again."""
        known = self.settlement.ledger.claims(told.receipt)
        after, disposition = known.apply(told)
        if disposition is Disposition.CONFLICT:
            self.settlement.notices.append(
                f"The relay names two tills for payment {told.receipt}. The first stands; call your supervisor."
            )
            return
        if after != known:
            self._write(told)
            self.settlement.ledger.keep_claims(after)
        self._answer_releases(told)
        self.follow(told.receipt)

    def _write(self, told: Claim | Release) -> None:
        connection, now = self.settlement.connection, self.settlement.now
        if isinstance(told, Release):
            claims.release(connection, told, now)
        else:
            claims.hold(connection, told, now)

    def _answer_releases(self, told: Claim | Release) -> None:
        """A generation begins after the one before it was given back, so the relay knows of that one."""
        generation = told.generation if isinstance(told, Release) else told.generation - 1
        if generation > 0:
            claims.answer_releases(self.settlement.connection, told.receipt, generation, self.settlement.now)

    def ask(self, wish: Claim) -> None:
        """On disk before the relay hears of it."""
        claims.ask(self.settlement.connection, wish)
        self.settlement.ledger.keep_claims(self.settlement.ledger.claims(wish.receipt).ask(wish))

    def give_back(self, told: Release) -> None:
        """This till's own, on disk before the relay hears of it."""
        after, _ = self.settlement.ledger.claims(told.receipt).apply(told)
        claims.release(self.settlement.connection, told, None)
        self.settlement.ledger.keep_claims(after)
        self.follow(told.receipt)

    def arrived(self, receipt: str) -> None:
        """After a payment was received: it may be claimed already, or be the money of a charge of ours."""
        known, payment = self.settlement.ledger.claims(receipt), self.settlement.ledger.by_receipt(receipt)
        if known.holder is not None:
            self.follow(receipt)
        elif payment is not None and payment.attempt_id is not None and known.asked is None:
            self._ask_for_charge(payment, payment.attempt_id)

    def _ask_for_charge(self, payment: Payment, attempt_id: int) -> None:
        """The relay knows a charge by its callback alone, which may be lost: its money is claimed like any other."""
        attempt = attempts.by_id(self.settlement.connection, attempt_id)
        number = str(sales.bill(self.settlement.connection, attempt.sale_id).number)
        self.ask(Claim(payment.receipt, 0, self.till_id, "", number, "", self.settlement.now, nonce=attempt.nonce))

    def follow(self, receipt: str) -> None:
        """The payment goes to whom the claims say; a wish that is won or lost is done with."""
        known = self.settlement.ledger.claims(receipt)
        me = self.claimant(known)
        payment = self.settlement.ledger.by_receipt(receipt)
        if payment is not None:
            self._hand_over(payment, known, me)
        if known.asked is not None and known.standing(me) in {Standing.WON, Standing.LOST}:
            claims.answer_wish(self.settlement.connection, receipt, self.settlement.now)
            self.settlement.ledger.keep_claims(self.settlement.ledger.claims(receipt).answered())

    def claimant(self, known: Claims) -> Claimant:
        """A claim of this till that this file did not ask for is of a file that was lost, and of that one's sales."""
        connection, latest = self.settlement.connection, known.latest
        is_ours = latest is None or claims.was_wished(connection, known.receipt, latest.sale)
        charged = attempts.by_nonces(connection, [known.charged.nonce]) if known.charged else {}
        numbers = {nonce: str(sales.bill(connection, attempt.sale_id).number) for nonce, attempt in charged.items()}
        return Claimant(self.till_id if is_ours else "", numbers)

    def _hand_over(self, payment: Payment, known: Claims, me: Claimant) -> None:
        number = known.sale(me)
        sale_id = sales.id_of_number(self.settlement.connection, int(number)) if number else None
        after = payment.held_by(known.other(me))
        if sale_id is not None:
            after = after.matched_to(sale_id)
        if after != payment:
            self.settlement.reassign(payment, after)
            self._tell_loss(payment, after)
        if number and sale_id is None and payment.attempt_id is None:
            self._free_of_cancelled(known)

    def _free_of_cancelled(self, known: Claims) -> None:
        """Its sale was cancelled while the relay was asked: the next sale must be able to have it."""
        held = known.latest
        if held is not None and known.holder is held:
            self.give_back(Release(held.receipt, held.generation, self.till_id, _CANCELLED, self.settlement.now))

    def _tell_loss(self, before: Payment, after: Payment) -> None:
        if before.sale_id is None or after.is_free:
            return
        connection, now = self.settlement.connection, self.settlement.now
        sales.reopen(connection, before.sale_id)
        number = sales.bill(connection, before.sale_id).number
        self.settlement.notices.append(
            f"Sale {number} is unpaid again: {before.amount} with receipt {before.receipt} is not its money. "
            f"{self._who_has(after, now)} Call your supervisor."
        )

    def _who_has(self, payment: Payment, now: datetime) -> str:
        if payment.taken_by is not None:
            return f"{payment.taken_by.taken(now)}."
        charged = sales.bill(self.settlement.connection, payment.sale_id).number if payment.sale_id is not None else ""
        return f"It came for the charge of sale {charged}."
