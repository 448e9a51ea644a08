"""Who works at the till and what each may do: denied unless the matrix says so. It must not know PINs or screens.

The roles and what is split between them: features §4, money-safety §5 row 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    SUPERVISOR = "supervisor"
    CASHIER = "cashier"
    AUDITOR = "auditor"
    """Sees everything and moves nothing."""


class Action(StrEnum):
    SELL = "sell"
    """Rings up, charges, takes cash, accepts what a customer pays for a sale."""
    CANCEL_SALE = "cancel_sale"
    SEE_HISTORY = "see_history"
    SEE_UNCLAIMED = "see_unclaimed"
    RELEASE_PAYMENT = "release_payment"
    """Gives a payment that a sale has back, for another sale."""
    SETTLE_DOUBT = "settle_doubt"
    """Says what a jump of the balance, a message that was held back or a hole in the records was."""
    PREPARE_REFUND = "prepare_refund"
    APPROVE_REFUND = "approve_refund"
    DECLINE_REFUND = "decline_refund"
    ATTEST_REFUND = "attest_refund"
    """Says from the statement what became of a refund that is not known."""
    SWITCH_REFUNDS_ON = "switch_refunds_on"
    SEE_ACCOUNTS = "see_accounts"
    ASK_BALANCE = "ask_balance"
    CLOSE_DAY = "close_day"
    SEE_AUDIT = "see_audit"
    EXPORT_AUDIT = "export_audit"
    CHANGE_SETTINGS = "change_settings"
    CHANGE_CREDENTIALS = "change_credentials"
    MANAGE_STAFF = "manage_staff"
    MANAGE_OWNERS = "manage_owners"
    """Adds, changes or unlocks an owner or a manager."""
    UNLOCK_STAFF = "unlock_staff"


_COUNTER = frozenset({Action.SELL, Action.SEE_HISTORY, Action.PREPARE_REFUND})
_SUPERVISING = _COUNTER | {
    Action.CANCEL_SALE,
    Action.SEE_UNCLAIMED,
    Action.RELEASE_PAYMENT,
    Action.SETTLE_DOUBT,
    Action.APPROVE_REFUND,
    Action.DECLINE_REFUND,
    Action.CLOSE_DAY,
}
_MANAGING = _SUPERVISING | {
    Action.ATTEST_REFUND,
    Action.SEE_ACCOUNTS,
    Action.ASK_BALANCE,
    Action.SEE_AUDIT,
    Action.EXPORT_AUDIT,
    Action.CHANGE_SETTINGS,
    Action.MANAGE_STAFF,
    Action.UNLOCK_STAFF,
}
PERMITTED: Mapping[Role, frozenset[Action]] = {
    Role.OWNER: frozenset(Action),
    Role.MANAGER: _MANAGING,
    Role.SUPERVISOR: _SUPERVISING,
    Role.CASHIER: _COUNTER,
    Role.AUDITOR: frozenset(
        {Action.SEE_HISTORY, Action.SEE_UNCLAIMED, Action.SEE_ACCOUNTS, Action.SEE_AUDIT, Action.EXPORT_AUDIT}
    ),
}
STRONG = frozenset({Role.OWNER, Role.MANAGER})
"""Whose PIN is longer, and whom only an owner adds, changes or unlocks."""


def may(role: Role, action: Action) -> bool:
    return action in PERMITTED.get(role, frozenset())


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    role: Role
    active: bool = True

    def may(self, action: Action) -> bool:
        return self.active and may(self.role, action)


@dataclass(frozen=True, slots=True)
class Session:
    """One person at this till, from the PIN to the lock."""

    person: Person
    since: datetime


@dataclass(frozen=True, slots=True)
class Permit:
    """Somebody who may allows one action of somebody who may not, once, in place."""

    action: Action
    by: Person
