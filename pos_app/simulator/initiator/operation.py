"""One thing that the operator asked for: what it was, and how it stands.

It must not know what moves it on.
"""

from dataclasses import dataclass
from typing import Any

from pos_app.simulator.initiator.operator import Role
from pos_app.simulator.initiator.scenarios import OperationScenario

COMPLETED, DECLINED, PENDING, NEVER_DONE = "Completed", "Declined", "Initiated", "Expired"


@dataclass
class Operation:
    """`fields` are the request as it came. `code` is empty until it is decided; `receipt` only of one that was paid."""

    kind: Role
    fields: dict[str, Any]
    originator_id: str
    conversation_id: str
    scenario: OperationScenario
    accepted_at: float
    code: str = ""
    receipt: str = ""
    finished_at: float = 0.0
    dropped: bool = False
    """It waited too long in the queue and is not carried out."""
    repeats: int = 0
    """How often the same id came again, and was refused."""

    @property
    def moves_money(self) -> bool:
        return self.kind in ("b2c", "reversal")

    @property
    def shortcode(self) -> str:
        return str(self.fields["ReceiverParty" if self.kind == "reversal" else "PartyA"])

    @property
    def amount(self) -> int:
        return int(self.fields.get("Amount", 0))

    @property
    def initiator(self) -> str:
        return str(self.fields.get("InitiatorName") or self.fields.get("Initiator"))

    @property
    def status(self) -> str:
        """As Transaction Status says it (§2.9)."""
        if self.dropped:
            return NEVER_DONE
        if not self.code:
            return PENDING
        return COMPLETED if self.receipt else DECLINED
