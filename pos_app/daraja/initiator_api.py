"""The operator's side of Daraja: pays refunds out, reverses payments, asks what became of them and what is left.

It must not know what becomes of an outcome. A request is sent again in one case only: its token was refused.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from pos_app.daraja import initiator, refund_outcome
from pos_app.daraja.initiator import Addresses
from pos_app.daraja.outcome import Answer
from pos_app.daraja.refund_outcome import Acknowledged
from pos_app.daraja.wire import Endpoint
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refund_evidence import RefundEvidence
from pos_app.domain.shop import Initiator

Ask = Callable[[Endpoint, dict[str, object]], Awaitable[Answer]]


class InitiatorApi:
    """All methods raise RequestError or AmountError before anything is sent; cancelled, a request may have left."""

    def __init__(self, ask: Ask, operator: Initiator, clock: Callable[[], datetime]) -> None:
        self._ask = ask
        self._operator = operator
        self._clock = clock

    async def b2c(
        self, to: Addresses, *, originator_id: str, amount: Money, payee: Msisdn, remarks: str
    ) -> RefundEvidence:
        """ACCEPTED, REJECTED, NOT_SENT or REPLY_LOST. `originator_id` was on disk before; nothing undoes this."""
        fields = initiator.b2c_request(
            self._operator, to, originator_id=originator_id, amount=amount, payee=payee, remarks=remarks
        )
        return refund_outcome.submitted_evidence(await self._ask(initiator.B2C, fields), self._clock())

    async def reverse(
        self, to: Addresses, *, receipt: str, amount: Money, receiver: str, remarks: str
    ) -> RefundEvidence:
        """ACCEPTED, REJECTED, NOT_SENT or REPLY_LOST, with the id by which it can be asked about."""
        fields = initiator.reversal_request(
            self._operator, to, receipt=receipt, amount=amount, receiver=receiver, remarks=remarks
        )
        return refund_outcome.submitted_evidence(await self._ask(initiator.REVERSAL, fields), self._clock())

    async def transaction_status(
        self, to: Addresses, *, originator_id: str = "", receipt: str = ""
    ) -> RefundEvidence | None:
        """None once the question is accepted: its answer comes to `to`. Else NO_ANSWER, with why."""
        fields = initiator.status_request(self._operator, to, originator_id=originator_id, receipt=receipt)
        return refund_outcome.query_evidence(await self._ask(initiator.TRANSACTION_STATUS, fields), self._clock())

    async def account_balance(self, to: Addresses) -> Acknowledged:
        fields = initiator.balance_request(self._operator, to)
        return refund_outcome.acknowledged(await self._ask(initiator.ACCOUNT_BALANCE, fields))
