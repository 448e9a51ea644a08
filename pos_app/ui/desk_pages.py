"""The pages beside the selling page, each made whole when it is first shown. They know no settings file and no key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pos_app.domain.shop import MpesaAccess, ShopAccount
from pos_app.services.changes import Changes
from pos_app.services.clock import utc_now
from pos_app.settings import Settings
from pos_app.ui.main_window import MainWindow
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.office import Office
    from pos_app.services.till import Till
    from pos_app.services.uplink import Uplink
    from pos_app.ui.history.view import HistoryPage
    from pos_app.ui.network.view import NetworkPage
    from pos_app.ui.office.view import OfficePage
    from pos_app.ui.receipt.view import ReceiptView
    from pos_app.ui.settings.section import Section
    from pos_app.ui.unclaimed.view import UnclaimedPage

SALE = 0
"""Where the window keeps the selling page."""


@dataclass(frozen=True)
class Pages:
    till: "Till"
    changes: Changes
    tasks: Tasks
    window: MainWindow

    def back_to_sale(self) -> None:
        self.window.show_page(SALE)

    def receipt(self) -> "ReceiptView":
        from pos_app.ui.receipt.view import ReceiptView
        from pos_app.ui.receipt.view_model import ReceiptViewModel

        model = ReceiptViewModel(self.till.receipts, self.tasks)
        model.setParent(self.window)
        page = ReceiptView(model)
        page.closed.connect(self.back_to_sale)
        return page

    def unclaimed(self) -> "UnclaimedPage":
        from pos_app.ui.unclaimed.view import UnclaimedPage
        from pos_app.ui.unclaimed.view_model import UnclaimedViewModel

        model = UnclaimedViewModel(self.till.matching, self.changes, self.tasks, clock=utc_now)
        model.setParent(self.window)
        page = UnclaimedPage(model)
        page.closed.connect(self.back_to_sale)
        return page

    def history(self, till_code: Callable[[], str]) -> "HistoryPage":
        from pos_app.ui.history.view import HistoryPage
        from pos_app.ui.history.view_model import HistoryViewModel

        till = self.till
        model = HistoryViewModel(
            till.sales, till.payments, till.receipts, self.changes, self.tasks, clock=utc_now, till_code=till_code
        )
        model.setParent(self.window)
        page = HistoryPage(model)
        page.closed.connect(self.back_to_sale)
        return page

    def network(self, uplink: "Uplink", account: Callable[[], ShopAccount | None]) -> "NetworkPage":
        from pos_app.ui.network.view import NetworkPage
        from pos_app.ui.network.view_model import NetworkViewModel

        model = NetworkViewModel(self.till.weather, uplink, self.changes, self.tasks, account=account, clock=utc_now)
        model.setParent(self.window)
        page = NetworkPage(model)
        page.closed.connect(self.back_to_sale)
        return page

    def office(self, office: "Office", practice: Mapping[str, str] | None = None) -> "OfficePage":
        from pos_app.ui.office.accounts import AccountsModel, AccountsPart
        from pos_app.ui.office.people import PeopleModel, PeoplePart
        from pos_app.ui.office.record import RecordModel, RecordPart
        from pos_app.ui.office.view import OfficePage
        from pos_app.ui.receipt.view_model import ReceiptViewModel
        from pos_app.ui.refund.part import RefundsPart
        from pos_app.ui.refund.prepare_model import PrepareViewModel
        from pos_app.ui.refund.view_model import RefundsViewModel

        till, changes, tasks = self.till, self.changes, self.tasks
        refunds = RefundsViewModel(office, till.staff, changes, tasks, clock=utc_now, practice=practice)
        preparing = PrepareViewModel(office.refunds, tasks)
        accounts = AccountsModel(office, changes, tasks, clock=utc_now)
        people, record = PeopleModel(till.staff, changes, tasks), RecordModel(office, tasks, clock=utc_now)
        for model in (refunds, preparing, accounts, people, record):
            model.setParent(self.window)
        receipt = ReceiptViewModel(till.receipts, tasks)
        receipt.setParent(self.window)
        parts = (
            RefundsPart(refunds, preparing, receipt),
            AccountsPart(accounts),
            PeoplePart(people),
            RecordPart(record),
        )
        page = OfficePage(changes, till.guard.refusal, *parts)
        page.closed.connect(self.back_to_sale)
        return page

    def customer_sections(
        self, uplink: "Uplink", *, access: Callable[[], MpesaAccess | None], settings: Callable[[], Settings]
    ) -> "tuple[Section, ...]":
        """The parts of the settings about payments that customers make by themselves."""
        from pos_app.ui.settings.registration.section import RegistrationSection
        from pos_app.ui.settings.registration.view_model import RegistrationViewModel
        from pos_app.ui.settings.rules.section import RulesSection
        from pos_app.ui.settings.rules.view_model import RulesViewModel

        registration = RegistrationViewModel(
            uplink.registrations, self.changes, self.tasks, access=access, settings=settings, clock=utc_now
        )
        rules = RulesViewModel(uplink.rule_book, self.changes, self.tasks, access=access, settings=settings)
        registration.setParent(self.window)
        rules.setParent(self.window)
        return RegistrationSection(registration), RulesSection(rules)
