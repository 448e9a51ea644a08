"""Roles and actions in words, and how a role is said of a person; pure."""

from pos_app.domain.staff import Action, Person, Role

ROLES = {
    Role.OWNER: "Owner",
    Role.MANAGER: "Manager",
    Role.SUPERVISOR: "Supervisor",
    Role.CASHIER: "Cashier",
    Role.AUDITOR: "Auditor",
}
ROLE_HINTS = {
    Role.OWNER: "Everything, and who owns and manages the till.",
    Role.MANAGER: "Refunds up to a limit, accounts, settings, staff.",
    Role.SUPERVISOR: "Cancels sales, releases payments and small refunds.",
    Role.CASHIER: "Sells, and prepares refunds.",
    Role.AUDITOR: "Sees everything and moves nothing.",
}
_ACTIONS = {
    Action.SELL: "sell",
    Action.CANCEL_SALE: "cancel this sale",
    Action.SEE_HISTORY: "see the history",
    Action.SEE_UNCLAIMED: "see all unclaimed payments",
    Action.RELEASE_PAYMENT: "give this payment back",
    Action.SETTLE_DOUBT: "settle this",
    Action.PREPARE_REFUND: "prepare this refund",
    Action.APPROVE_REFUND: "release this refund",
    Action.DECLINE_REFUND: "decline this refund",
    Action.ATTEST_REFUND: "say what became of this refund",
    Action.SWITCH_REFUNDS_ON: "switch refunds on",
    Action.SEE_ACCOUNTS: "see the shop’s accounts",
    Action.ASK_BALANCE: "ask for balances",
    Action.CLOSE_DAY: "close the day",
    Action.SEE_AUDIT: "see the record of who did what",
    Action.EXPORT_AUDIT: "take the record along",
    Action.CHANGE_SETTINGS: "change the settings",
    Action.CHANGE_CREDENTIALS: "change the M-Pesa keys",
    Action.MANAGE_STAFF: "change who works here",
    Action.MANAGE_OWNERS: "change owners and managers",
    Action.UNLOCK_STAFF: "unlock somebody",
}


def action_words(action: Action) -> str:
    return _ACTIONS[action]


def allowed_words(action: str) -> str:
    """Of the record, where it may have a name that is no longer known."""
    return next((words for known, words in _ACTIONS.items() if known.value == action), action)


def named(person: Person) -> str:
    return f"{person.name} · {ROLES[person.role]}"
