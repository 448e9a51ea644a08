"""The part of the demo in which money goes back: prepared by the cashier, released with a PIN, and never paid twice."""

from dataclasses import dataclass

import httpx
from PySide6.QtCore import Qt

from pos_app.commands.driving import PHONE, DemoError, Driver
from pos_app.commands.refunding import Refunding
from pos_app.domain.refund import Refund
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_states import RefundState
from pos_app.domain.refused import Refused
from pos_app.ui.office.record import RecordPart

_NUMBER = PHONE.replace(" ", "")
_SEEN_ON_ITS_WAY = {"preset": "usual", "answer_after": 3.0}
"""So long that the window can be pictured meanwhile."""
_LOST = "reply_lost+result_lost"


@dataclass(frozen=True)
class Refunds:
    driver: Driver
    customer: httpx.AsyncClient

    @property
    def _hands(self) -> Refunding:
        return Refunding(self.driver, self.customer)

    async def everything(self, code: str) -> None:
        """`code` is of a payment that can be given back whole."""
        await self._whole(code)
        await self._part_over_lost_answers()
        await self._over_a_limit()

    async def _whole(self, code: str) -> None:
        hands = self._hands
        page = await hands.begin(code)
        await self.driver.picture("refund-prepared")
        await hands.prepare(page, RefundReason.RETURNED)
        await self.driver.picture("refund-to-be-released")
        await hands.plays(_SEEN_ON_ITS_WAY)
        await hands.release("Otieno")
        await hands.becomes(RefundState.PENDING)
        await self.driver.picture("refund-on-its-way")
        done = await hands.becomes(RefundState.COMPLETED)
        await self.driver.picture("refund-given-back")
        await self.driver.type("", Qt.Key.Key_F10)
        await self.driver.settled()
        await self.driver.picture("refund-receipt")
        await self._keep_receipt(done)

    async def _keep_receipt(self, refund: Refund) -> None:
        saved = await self.driver.desk.till.receipts.save_refund_pdf(refund.id)
        if isinstance(saved, Refused):
            raise DemoError(saved.sentence)
        pdf = self.driver.out / "refund-receipt.pdf"
        pdf.write_bytes(saved.read_bytes())
        self.driver.files.append(pdf)

    async def _part_over_lost_answers(self) -> None:
        """Neither the reply nor the result comes, so nobody knows; then Safaricom is asked by the refund's own id."""
        hands = self._hands
        page = await hands.begin(await hands.sold("900"))
        await hands.part_of_it(page, "250", _NUMBER)
        await self.driver.picture("refund-of-a-part")
        await hands.prepare(page, RefundReason.WRONG_PRICE)
        await hands.plays(_LOST)
        await hands.release("Kamau")
        await hands.becomes(RefundState.UNKNOWN)
        await self.driver.picture("refund-not-known")
        await self.driver.type("", Qt.Key.Key_F11)
        await hands.becomes(RefundState.COMPLETED)
        await self.driver.picture("refund-found-out")

    async def _over_a_limit(self) -> None:
        hands = self._hands
        page = await hands.begin(await hands.sold("2400"))
        await hands.prepare(page, RefundReason.FAULTY)
        await hands.release("Kamau")
        await hands.refused()
        await self.driver.picture("refund-over-the-limit")

    async def record(self) -> None:
        """The manager signs in and looks whether the record is whole."""
        hands = self._hands
        await hands.lock()
        await self.driver.picture("locked")
        await hands.sign_in("Otieno")
        record = await hands.show(RecordPart)
        record.verify.click()
        await self.driver.until(lambda: bool(record.note.text()), "the record is whole")
        await self.driver.settled()
        await self.driver.picture("record")
