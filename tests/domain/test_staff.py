"""Who may do what: the whole matrix in one place, so that nothing is permitted by an oversight."""

import pytest

from pos_app.domain.staff import PERMITTED, Action, Person, Role, may

O, M, S, C, A = Role.OWNER, Role.MANAGER, Role.SUPERVISOR, Role.CASHIER, Role.AUDITOR  # noqa: E741 — the columns
MATRIX = {
    Action.SELL: {O, M, S, C},
    Action.CANCEL_SALE: {O, M, S},
    Action.SEE_HISTORY: {O, M, S, C, A},
    Action.SEE_UNCLAIMED: {O, M, S, A},
    Action.RELEASE_PAYMENT: {O, M, S},
    Action.SETTLE_DOUBT: {O, M, S},
    Action.PREPARE_REFUND: {O, M, S, C},
    Action.APPROVE_REFUND: {O, M, S},
    Action.DECLINE_REFUND: {O, M, S},
    Action.ATTEST_REFUND: {O, M},
    Action.SWITCH_REFUNDS_ON: {O},
    Action.SEE_ACCOUNTS: {O, M, A},
    Action.ASK_BALANCE: {O, M},
    Action.CLOSE_DAY: {O, M, S},
    Action.SEE_AUDIT: {O, M, A},
    Action.EXPORT_AUDIT: {O, M, A},
    Action.CHANGE_SETTINGS: {O, M},
    Action.CHANGE_CREDENTIALS: {O},
    Action.MANAGE_STAFF: {O, M},
    Action.MANAGE_OWNERS: {O},
    Action.UNLOCK_STAFF: {O, M},
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_authz_matrix_every_role_and_every_action(role: Role, action: Action) -> None:
    assert may(role, action) is (role in MATRIX[action])
    assert Person(1, "Akinyi", role).may(action) is may(role, action)


def test_nothing_is_unlisted() -> None:
    assert set(MATRIX) == set(Action)
    assert set(PERMITTED) == set(Role)


@pytest.mark.parametrize("action", Action)
def test_who_left_may_do_nothing(action: Action) -> None:
    assert not Person(1, "Akinyi", Role.OWNER, active=False).may(action)
