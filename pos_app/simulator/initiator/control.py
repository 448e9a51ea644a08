"""The control API under /simulator/operator: what a test or a demonstration asks and tells of the operator.

It must not know HTTP.
"""

from collections.abc import Callable
from typing import Any, get_args

from pos_app.simulator.choosing import boolean, choose, phone, text
from pos_app.simulator.clock import stamp
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.initiator.operation import Operation
from pos_app.simulator.initiator.operator import Role
from pos_app.simulator.initiator.scenarios import OperationScenario, describe, operation_scenario

_MOST = 1_000_000
SHOWN = 50


class InitiatorControl:
    """A command gives what is answered besides `done`."""

    def __init__(self, core: Daraja) -> None:
        self._core = core

    def commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "operator/scenario": self._scenario,
            "operator/deposit": self._deposit,
            "operator/unlock": self._unlock,
            "operator/roles": self._roles,
            "operator/unregistered": self._unregistered,
        }

    def state(self) -> dict[str, Any]:
        apis = self._core.initiator
        return {
            "name": apis.operator.name,
            "locked": apis.operator.locked,
            "wrong_tries": apis.operator.wrong_tries,
            "roles": sorted(apis.operator.roles),
            "scenarios": {
                "payments": describe(apis.payments.default),
                "questions": describe(apis.questions.default),
            },
            "operations": [operation_view(one) for one in apis.operations.all[-SHOWN:]],
            "payouts": [
                {"receipt": one.receipt, "amount": one.amount, "payee": one.payee, "original": one.original}
                for one in self._core.ledger.payouts[-SHOWN:]
            ],
        }

    def _scenario(self, fields: dict[str, Any]) -> None:
        """`of` is payments or questions; then as for pushes."""
        scripts = {"payments": self._core.initiator.payments, "questions": self._core.initiator.questions}
        if fields["of"] not in scripts:
            raise ValueError("payments or questions")
        choose(scripts[fields["of"]], fields, operation_scenario, OperationScenario())

    def _deposit(self, fields: dict[str, Any]) -> None:
        amount, shortcode = fields["amount"], self._core.shop.either(str(fields["shortcode"]))
        if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < abs(amount) <= _MOST:
            raise ValueError(f"whole shillings, up to {_MOST}")
        if shortcode is None:
            raise ValueError(f"the shop has no shortcode {fields['shortcode']!r}")
        self._core.initiator.deposit(shortcode.number, amount, self._core.clock.now())

    def _unlock(self, fields: dict[str, Any]) -> None:
        self._core.initiator.operator.unlock(text("password", fields.get("password", ""), 100))

    def _roles(self, fields: dict[str, Any]) -> None:
        wanted = set(fields["roles"])
        if not wanted <= set(get_args(Role)):
            raise ValueError(f"roles are {', '.join(get_args(Role))}")
        self._core.initiator.operator.roles = wanted

    def _unregistered(self, fields: dict[str, Any]) -> None:
        """A phone without M-PESA, or with it again."""
        phones = self._core.initiator.unregistered
        (phones.add if boolean(fields["on"]) else phones.discard)(phone(fields["phone"]))


def operation_view(operation: Operation) -> dict[str, Any]:
    """Without the credential."""
    return {
        "kind": operation.kind,
        "originator_id": operation.originator_id,
        "conversation_id": operation.conversation_id,
        "amount": operation.amount,
        "payee": str(operation.fields.get("PartyB", "")),
        "original": str(operation.fields.get("TransactionID", "")),
        "accepted_at": stamp(operation.accepted_at),
        "status": operation.status,
        "code": operation.code,
        "receipt": operation.receipt,
        "repeats": operation.repeats,
        "scenario": describe(operation.scenario),
    }
