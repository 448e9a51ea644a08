"""What a till process does with refunds when it is told: staff at the till, prepared, released, sent on.

It must not judge anything.
"""

import json
from pathlib import Path
from typing import Any

from staffing import KeyBox

from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refund import Refund, Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action
from pos_app.services import refund_reconciliation, training_staff
from pos_app.services.refunds import Draft
from pos_app.services.till import Till
from pos_app.services.training_staff import PRACTICE_PINS


class KeyFile(KeyBox):
    """A key store that outlives the process, as the computer's own does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            dict.__init__(self, json.loads(path.read_bytes()))
        else:
            super().__init__()

    def set(self, name: str, value: str) -> None:
        """Whole or not at all."""
        super().set(name, value)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(self))
        beside.replace(self._path)


class RefundCommands:
    """Of a `Session`."""

    till: Till

    async def do_hire(self) -> bool:
        """The practice staff; their cashier is signed in."""
        await training_staff.hire(self.till.staff, self.till.authority)
        return True

    async def do_refund(self, *, sale: int, amount: int, route: str, phone: str = "") -> dict[str, Any]:
        """The whole way, in one breath."""
        prepared = await self.do_prepare(sale=sale, amount=amount, route=route, phone=phone)
        return prepared if "refused" in prepared else await self.do_release(refund=prepared["refund"])

    async def do_prepare(self, *, sale: int, amount: int, route: str, phone: str = "") -> dict[str, Any]:
        refunds = (await self.till.office()).refunds
        (paid, *_) = (await refunds.options(sale)).payments
        payee = Msisdn.parse(phone) if phone else None
        draft = Draft(sale, paid.payment.id, Money.shillings(amount), Route(route), RefundReason.RETURNED, payee=payee)
        return _told(await refunds.prepare(draft))

    async def do_release(self, *, refund: int, by: str = "Wanjiru") -> dict[str, Any]:
        person = next(one for one in await self.till.staff.people() if one.name == by)
        return _told(await (await self.till.office()).refunds.approve(refund, person.id, PRACTICE_PINS[by]))

    async def do_send_refund(self, *, refund: int) -> dict[str, Any]:
        return _told(await (await self.till.office()).refunds.send(refund))

    async def do_guess(self, *, by: str, pin: str) -> str:
        """Somebody tries a PIN."""
        person = next(one for one in await self.till.staff.people() if one.name == by)
        answer = await self.till.proving.proved(person.id, pin)
        return answer.sentence if isinstance(answer, Refused) else answer.name

    async def do_export_record(self) -> bool:
        """By its owner, into the till's folder."""
        await self.till.staff.allow(Action.EXPORT_AUDIT, 1, PRACTICE_PINS["Wanjiru"])
        told = await (await self.till.office()).record_export.export()
        assert isinstance(told, str), told
        self.till.database.path.with_name("record.csv").write_text(told)
        return True

    async def do_record_fault(self) -> str:
        """Of the sealed record, held against nothing but itself; empty where it is whole."""
        fault = await self.till.record.verify(await self.till.record.head())
        return "" if fault is None else fault.sentence


def hurry_refunds(factor: float) -> None:
    vars(refund_reconciliation).update(
        RUNGS=tuple(rung / factor for rung in refund_reconciliation.RUNGS),
        EVERY=refund_reconciliation.EVERY / factor,
        SILENCE_SECONDS=refund_reconciliation.SILENCE_SECONDS / factor,
    )


def _told(answer: Refund | Refused) -> dict[str, Any]:
    if isinstance(answer, Refused):
        return {"refused": answer.sentence}
    return {"refund": answer.id, "state": answer.state.value}
