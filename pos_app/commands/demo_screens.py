"""Every other screen of staff and refunds, for whoever looks at them: what a good day does not show."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from PySide6.QtCore import Qt

from pos_app.commands.driving import PHONE, Driver
from pos_app.commands.refunding import Refunding
from pos_app.domain.audit import Event
from pos_app.domain.lockout import FREE_TRIES
from pos_app.domain.money import Money
from pos_app.domain.refund import Route
from pos_app.domain.refund_reason import RefundReason
from pos_app.domain.refund_route import Means, RouteOffer, routes
from pos_app.domain.refund_states import RefundState
from pos_app.services.clock import utc_now
from pos_app.services.training_staff import PRACTICE_PINS
from pos_app.ui.office.accounts import AccountsPart
from pos_app.ui.office.people import PeoplePart
from pos_app.ui.office.record import RecordPart
from pos_app.ui.refund.part import RefundsPart
from pos_app.ui.refund.prepare_model import PrepareViewModel
from pos_app.ui.refund.prepare_view import PrepareView
from pos_app.ui.staff.allow import AllowBar
from pos_app.ui.staff.entrance import ForgottenPage, SignInPage

if TYPE_CHECKING:
    from pos_app.services.refund_options import RefundOptions

_NUMBER, _OTHER = PHONE.replace(" ", ""), "0722000126"
_WRONG = "000000"
_IN_EIGHT_DAYS = timedelta(days=8)


class _InEightDays:
    """The ways of a refund as this till will offer them then."""

    def __init__(self, refunds: Any) -> None:
        self.options = refunds.options

    async def routes(self, options: "RefundOptions", amount: Money, payment_id: str) -> tuple[RouteOffer, ...]:
        return routes(options.sought(amount, payment_id), Means(is_set_up=True), utc_now() + _IN_EIGHT_DAYS)


@dataclass(frozen=True)
class Screens:
    driver: Driver
    customer: httpx.AsyncClient

    @property
    def _hands(self) -> Refunding:
        return Refunding(self.driver, self.customer)

    async def everything(self) -> None:
        """From whoever is signed in back to a manager, with no refund left in doubt."""
        await self._hands.sign_in("Akinyi")
        await self._allowed_in_place()
        await self._ways()
        await self._ends()
        await self._operator_refused()
        await self._office()
        await self._door()

    async def _allowed_in_place(self) -> None:
        self.driver.desk.window.show_page(0)
        await self.driver.type("", Qt.Key.Key_F10)
        bar = self.driver.desk.window.findChild(AllowBar)
        if not isinstance(bar, AllowBar):
            raise TypeError("the window has no bar for what is allowed in place")
        await self.driver.until(bar.pin.isVisible, "somebody is asked to allow it")
        await self.driver.settled()
        await self.driver.picture("allow-in-place")
        await self.driver.type(_WRONG, Qt.Key.Key_Return)
        await self.driver.until(lambda: bool(bar.problem.text()), "the PIN is wrong")
        await self.driver.picture("allow-in-place-wrong-pin")
        bar.people.setCurrentIndex(bar.people.findData((await self._hands.person("Kamau")).id))
        await self.driver.type(PRACTICE_PINS["Kamau"], Qt.Key.Key_Return)
        await self.driver.until(lambda: "allows you" in bar.sentence.text(), "it is allowed")
        await self.driver.picture("allowed-once")
        await self.driver.type("", Qt.Key.Key_F10)
        await self.driver.settled()
        bar.close_button.click()

    # --- preparing ----------------------------------------------------------------------------------------

    async def _ways(self) -> None:
        hands = self._hands
        page = await hands.begin(await hands.sold("25000"))
        await self._typed(page, "5", "or more")
        await self.driver.picture("prepare-below-the-least")
        await self._typed(page, "24000", "Top it up")
        await self.driver.picture("prepare-no-float")
        await self._typed(page, "26000", "Only")
        await self.driver.picture("prepare-too-much")
        await hands.part_of_it(page, "300", _OTHER)
        await self.driver.picture("prepare-another-number")
        page.ways[Route.CREDIT_NOTE].button.click()
        await self.driver.picture("prepare-credit-note")
        await self.driver.type("", Qt.Key.Key_F10)
        await self.driver.until(lambda: bool(page.problem.text()), "a reason is asked for")
        await self.driver.picture("prepare-without-a-reason")
        await self._not_set_up(page)
        await self._older()
        await self._masked()

    async def _typed(self, page: PrepareView, amount: str, refusal: str) -> None:
        page.amount.selectAll()
        page.amount.setFocus()
        await self.driver.type(amount, Qt.Key.Key_Right)
        await self.driver.until(lambda: refusal in page.ways[Route.B2C].hint.text(), f"{amount} is refused by M-Pesa")

    async def _not_set_up(self, page: PrepareView) -> None:
        refunds = (await self.driver.desk.till.office()).refunds
        paying, refunds.paying = refunds.paying, None
        await self._typed(page, "301", "not set up")
        await self.driver.picture("prepare-not-set-up")
        refunds.paying = paying

    async def _older(self) -> None:
        desk = self.driver.desk
        (newest,) = await desk.till.sales.history("25000", limit=1)
        later: Any = _InEightDays((await desk.till.office()).refunds)
        page = PrepareView(PrepareViewModel(later, desk.tasks))
        desk.window.show_page(desk.window.add(page))
        page.show_sale(newest.sale_id)
        await self.driver.until(lambda: "older" in page.ways[Route.REVERSAL].hint.text(), "it is too old")
        await self.driver.picture("prepare-older-than-the-window")

    async def _masked(self) -> None:
        """Of a payment that the customer made without being asked."""
        own = next(one for one in await self.driver.desk.till.payments.recent(20) if one.amount == Money.shillings(320))
        page = await self._hands.begin(own.receipt)
        await self._hands.part_of_it(page, "100", _OTHER)
        await self.driver.picture("prepare-masked-number")
        await self._hands.part_of_it(page, "100", _NUMBER)
        await self.driver.picture("prepare-not-the-number-that-paid")
        await self._hands.part_of_it(page, "100", _NUMBER, _OTHER)
        await self.driver.picture("prepare-two-numbers")

    # --- what becomes of it ---------------------------------------------------------------------------------

    async def _ends(self) -> None:
        await self._of_two_people()
        await self._told("510", "unregistered", RefundState.FAILED, "refund-failed")
        await self._told("520", "other_amount", RefundState.DISPUTED, "refund-disputed")
        await self._attested()
        await self._declined()
        await self.driver.type("", Qt.Key.Key_Escape)
        await self.driver.settled()
        await self.driver.picture("refunds-list")

    async def _prepared(self, amount: str, part: str = "", number: str = _NUMBER) -> None:
        page = await self._hands.begin(await self._hands.sold(amount))
        if part:
            await self._hands.part_of_it(page, part, number)
        await self._hands.prepare(page, RefundReason.FAULTY)

    async def _of_two_people(self) -> None:
        await self._prepared("6200")
        await self.driver.picture("refund-of-two-people")
        await self._hands.release("Otieno")
        await self.driver.until(lambda: self._approvals() == 1, "one has released it")
        await self.driver.settled()
        await self.driver.picture("refund-one-more-person")
        await self._hands.release("Wanjiru")
        await self._hands.becomes(RefundState.COMPLETED)

    def _approvals(self) -> int:
        refund = self._hands.part.refund
        return len(refund.approvals) if refund else 0

    async def _told(self, amount: str, scenario: str, state: RefundState, picture: str) -> None:
        """Each of another amount: the same from the same phone is refused for two minutes."""
        await self._prepared(amount, "100")
        await self._hands.plays(scenario)
        await self._hands.release("Kamau")
        await self._hands.becomes(state)
        await self.driver.picture(picture)

    async def _attested(self) -> None:
        detail = self._hands.part.detail
        for prover, name in ((detail.attesting.first, "Otieno"), (detail.attesting.second, "Wanjiru")):
            prover.people.setCurrentIndex(prover.people.findData((await self._hands.person(name)).id))
            prover.pin.setFocus()
            await self.driver.type(PRACTICE_PINS[name], Qt.Key.Key_Tab)
        await self.driver.picture("refund-attesting")
        detail.attesting.paid.click()
        await self._hands.becomes(RefundState.COMPLETED)
        await self.driver.picture("refund-attested")

    async def _declined(self) -> None:
        await self._prepared("700")
        detail = self._hands.part.detail
        await self.driver.type(_WRONG, Qt.Key.Key_Return)
        await self._hands.refused()
        await self.driver.picture("refund-wrong-pin")
        detail.decline.click()
        await self.driver.until(lambda: "may not" in detail.problem.text(), "a cashier may not")
        await self.driver.settled()
        await self.driver.picture("refund-refused-by-permission")
        await self.driver.type(PRACTICE_PINS["Kamau"], Qt.Key.Key_Return)
        await self.driver.settled()
        detail.decline.click()
        await self._hands.becomes(RefundState.DECLINED)
        await self.driver.picture("refund-declined")

    async def _operator_refused(self) -> None:
        await self._told("530", "bad_initiator", RefundState.FAILED, "refund-operator-refused")
        await self._hands.begin(await self._hands.sold("400"))
        await self.driver.picture("prepare-switched-off")

    # --- the office and the door ----------------------------------------------------------------------------

    async def _office(self) -> None:
        hands = self._hands
        await hands.show(AccountsPart)
        await self.driver.picture("office-refused-by-permission")
        await hands.sign_in("Wanjiru")
        accounts = await hands.show(AccountsPart)
        await self.driver.picture("accounts-switched-off")
        accounts.switch.click()
        await self.driver.until(lambda: "are on" in accounts.note.text(), "refunds are on")
        await self.driver.settled()
        accounts.ask.click()
        await self.driver.until(lambda: "Asked" in accounts.note.text(), "Safaricom is asked")
        await self.driver.until(lambda: not accounts.note.text(), "Safaricom has answered")
        await self.driver.picture("accounts")
        people = await hands.show(PeoplePart)
        await self.driver.picture("staff-new-person")
        people.list.setCurrentRow(1)
        people.pin.setFocus()
        await self.driver.type("1234", Qt.Key.Key_Tab)
        await self.driver.type("1234", Qt.Key.Key_Return)
        await self.driver.until(lambda: bool(people.problem.text()), "the PIN is too short")
        await self.driver.picture("staff-person-and-a-poor-pin")
        record = await hands.show(RecordPart)
        record.kind.setCurrentIndex(record.kind.findData(Event.REFUND_ENDED))
        await self.driver.settled()
        record.verify.click()
        await self.driver.until(lambda: bool(record.note.text()), "the record is checked")
        await self.driver.picture("record-filtered-and-whole")
        await hands.show(RefundsPart)

    async def _door(self) -> None:
        hands = self._hands
        page = await hands.lock()
        page.tiles[(await hands.person("Kamau")).id].click()
        await self.driver.picture("door")
        await self._wrong(page)
        await self.driver.picture("door-wrong-pin")
        for _ in range(FREE_TRIES - 1):
            await self._wrong(page)
        await self.driver.picture("door-wait")
        page.forgot.click()
        window = self.driver.desk.window
        await self.driver.until(lambda: isinstance(window.locked_by, ForgottenPage), "a PIN is forgotten")
        await self.driver.settled()
        await self.driver.picture("door-forgotten-pin")
        if isinstance(window.locked_by, ForgottenPage):
            window.locked_by.left.emit()
        await hands.sign_in("Otieno")

    async def _wrong(self, page: SignInPage) -> None:
        before = page.problem.text()
        await self.driver.type(_WRONG, Qt.Key.Key_Return)
        await self.driver.until(lambda: page.problem.text() not in {"", before}, "the PIN is wrong")
        await self.driver.settled()
