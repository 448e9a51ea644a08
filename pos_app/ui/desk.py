"""One till with its window: builds every object once, in the order in which a person can use it."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QWidget

from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.receipt import Heading
from pos_app.domain.shop import MpesaAccess, ShopAccount
from pos_app.domain.staff import Action, Person
from pos_app.services.changes import Changes, Notice
from pos_app.services.clock import utc_now
from pos_app.settings import Secrets, Settings, SettingsFile, ThemeChoice
from pos_app.ui.desk_keys import Keys
from pos_app.ui.desk_pages import SALE, Pages
from pos_app.ui.main_window import NETWORK, OFFICE, MainWindow
from pos_app.ui.message_page import MessagePage
from pos_app.ui.shop_header import ShopHeader
from pos_app.ui.sounds import Sounds
from pos_app.ui.spoken import Spoken
from pos_app.ui.tasks import Tasks
from pos_app.ui.theme import apply_theme

if TYPE_CHECKING:
    from pos_app.services.pulling import Swept
    from pos_app.services.till import Till
    from pos_app.services.uplink import Uplink
    from pos_app.ui.customer_display.placing import Placing
    from pos_app.ui.customer_display.view_model import DisplayViewModel
    from pos_app.ui.offers.rail_model import RailViewModel
    from pos_app.ui.offers.view_model import OfferViewModel
    from pos_app.ui.office.view import OfficePage
    from pos_app.ui.payment.view_model import PaymentViewModel
    from pos_app.ui.receipt.view import ReceiptView
    from pos_app.ui.sale.view_model import SaleViewModel
    from pos_app.ui.settings.section import Section
    from pos_app.ui.staff.door import Door
    from pos_app.ui.unclaimed.view import UnclaimedPage

log = logging.getLogger(__name__)

_HISTORY, _SETTINGS = 1, 2
_LATE = ("pos_app.services.uplink", "httpcore", "anyio._backends._asyncio")
"""The last two are what httpx would load with its first client and its first request."""
_TRAINING_SHOP = "Duka la Mafunzo"


class Desk:
    """`open`, and at the end `close`; `window` goes where the caller shows it."""

    till: "Till"
    sale: "SaleViewModel"
    payment: "PaymentViewModel"
    offers: "OfferViewModel"
    rail: "RailViewModel"
    facing: "DisplayViewModel"
    placing: "Placing"
    door: "Door"
    sale_page: QWidget

    def __init__(
        self, app: QApplication, folder: Path, *, training: bool = False, secrets: Secrets | None = None
    ) -> None:
        """`secrets` in the place of the computer's own, for a till that is only looked at."""
        self._app = app
        self._folder = folder
        self._training = training
        self._settings_file = SettingsFile(folder / "settings.json", os.environ)
        self.settings = self._settings_file.load()
        self._keys = Keys(folder, secrets)
        self._person: Person | None = None
        self._office_page: OfficePage | None = None
        self.changes = Changes()
        self.tasks = Tasks()
        self.sounds = Sounds(self.settings.sounds)
        self.spoken = Spoken(folder, self.changes, self.tasks, clock=utc_now, language=self.settings.said_in)
        apply_theme(app, self.settings.theme)
        self.window = MainWindow(
            sale_page=MessagePage("Starting", "Looking for charges that are still open."),
            history_page=QWidget(),
            settings_page=QWidget(),
            shop=self._header(),
            training=training,
            changes=self.changes,
            clock=utc_now,
        )
        self.tasks.failed.connect(self._say_failed)
        self.window.theme_changed.connect(lambda name: self._keep(theme=ThemeChoice(name)))

    async def open(self, training: MpesaAccess | None = None) -> None:
        """All of it. Raises StoreError with a sentence."""
        await self.open_to_sell(training)
        await self.connect()

    async def open_to_sell(self, training: MpesaAccess | None = None) -> None:
        """The selling page comes as soon as no charge is unaccounted for. Raises StoreError with a sentence."""
        from pos_app.services.till import Till

        await (self._keys.open(self.window) if training is None else self._keys.open_for_practice(training))
        self.till = Till(self._folder, self.changes, self._heading, self._keys.secrets)
        self._pages = Pages(self.till, self.changes, self.tasks, self.window)
        await self.till.open()
        if training is not None:
            from pos_app.services.training_staff import hire

            await self._stock_training_shelf()
            await hire(self.till.staff, self.till.authority)
            self._offer_phone(training.phone_page)
        self.till.expect_connection()
        self._build_sale_page()
        self.payment.receipt_wanted.connect(self._show_receipt)
        self.window.promise(_HISTORY, self._make_history_page)
        self._build_customer_display()
        await self._open_door()

    def _make_history_page(self) -> QWidget:
        page = self._pages.history(till_code=lambda: self._till_code)
        self._scanner.scanned.connect(page.scan)
        page.refund_wanted.connect(lambda sale_id: self.tasks.start(self._refund(sale_id), "refund"))
        return page

    async def _refund(self, sale_id: int) -> None:
        page = await self._office()
        self.window.show_page(OFFICE)
        page.show_part(page.refunds)
        page.refunds.prepare_sale(sale_id)

    async def _office(self) -> "OfficePage":
        """Its services are there as soon as the till is connected, or when somebody wants it sooner."""
        if self._office_page is None:
            self._office_page = self._pages.office(await self.till.office(), self._practice)
            self.window.promise(OFFICE, lambda: self._office_page or QWidget())
        return self._office_page

    async def _open_door(self) -> None:
        """Nobody sells before somebody has signed in; the very first makes the owner."""
        from pos_app.ui.staff.door import Door

        self.door = Door(
            self.till,
            self.window,
            self.changes,
            self.tasks,
            folder=self._folder,
            seen=self._see_person,
            practice=self._practice,
        )
        if self._keys.are_locked:
            self.till.authority.begin_cash_only(utc_now())
        await self.door.open()
        self._see_person(self.till.authority.person)

    @property
    def _practice(self) -> Mapping[str, str] | None:
        """PINs that are shown."""
        from pos_app.services.training_staff import PRACTICE_PINS

        return PRACTICE_PINS if self._training else None

    def _see_person(self, person: Person | None) -> None:
        self._person = person
        self.window.show_shop(self._header())

    async def connect(self) -> None:
        """Safaricom and the relay, behind a till that sells; a charge that is asked for meanwhile waits."""
        # Its libraries take longer to load than all that came before, so not on the thread that paints.
        for module in _LATE:
            await asyncio.to_thread(import_module, module)
        if not self._training:
            await self._keys.find_access(self.settings, self.changes)
        await self._connect()
        self.placing.place()
        uplink = await self.till.network()
        self.window.promise(_SETTINGS, lambda: self._make_settings_page(uplink))
        self.window.promise(NETWORK, lambda: self._pages.network(uplink, account=lambda: self._account))
        await self._office()
        if self._settings_file.problem:
            self.changes.publish(Notice(self._settings_file.problem))

    def _offer_phone(self, address: str) -> None:
        def show() -> None:
            if not QDesktopServices.openUrl(QUrl(address)):
                self.changes.publish(Notice(f"No browser opened. The customer’s phone is at {address}"))

        self.window.status.offer_phone(address, show)

    async def _connect(self) -> None:
        shop_name = self._header().shop_name
        await self.till.connect(self._keys.access, shop_name)
        shop = self._header()
        self.window.show_shop(shop)
        self._show_number(shop.number_label)
        self.facing.follow_soon()

    def _build_sale_page(self) -> None:
        from pos_app.ui.counter import Counter, Means
        from pos_app.ui.motion import read_motion

        counter = Counter(
            self.till,
            Means(self.window, self.changes, self.tasks, self.sounds),
            number_label=self._header().number_label,
            cashier=lambda: self._header().cashier,
            ask_safaricom=self._ask_safaricom,
        )
        self.sale, self.payment, self.offers, self.rail = counter.sale, counter.payment, counter.offers, counter.rail
        self._scanner, self.sale_page = counter.scanner, counter.page
        counter.page.rail.list_wanted.connect(self._show_unclaimed)
        self.window.place(SALE, self.sale_page)
        self.sale.start()
        self.rail.start()
        self.tasks.start(asyncio.to_thread(read_motion), "read motion")

    def _show_unclaimed(self) -> None:
        if self.till.guard.refusal(Action.SEE_UNCLAIMED) is None:
            self.window.show_page(self.window.add(self._unclaimed_page))

    async def _ask_safaricom(self) -> "Swept":
        return await (await self.till.network()).pulling.look_now()

    def _build_customer_display(self) -> None:
        from pos_app.ui.customer_display.placing import Placing
        from pos_app.ui.customer_display.view_model import DisplayViewModel

        self.facing = DisplayViewModel(
            self.sale,
            self.payment,
            self.tasks,
            shop=self._header,
            till_code=lambda: self._till_code,
            ask_code=self._ask_code,
            parent=self.window,
        )
        self.placing = Placing(
            self._app,
            self.window,
            self._make_customer_display,
            choice=self.settings.customer_display,
            keep=lambda choice: self._keep(customer_display=choice),
        )
        self.window.display_wanted.connect(self.placing.switch)

    def _make_customer_display(self) -> QWidget:
        from pos_app.ui.customer_display.view import CustomerDisplay

        return CustomerDisplay(self.facing, training=self._training)

    async def _ask_code(self, amount: Money, reference: str) -> bytes | None:
        return await (await self.till.network()).qr_codes.code(amount, reference)

    @cached_property
    def _receipt_page(self) -> "ReceiptView":
        """The receipt of the sale that was just paid; the history shows the older ones."""
        return self._pages.receipt()

    @cached_property
    def _unclaimed_page(self) -> "UnclaimedPage":
        page = self._pages.unclaimed()
        page.chosen.connect(self._take_payment)
        return page

    def _take_payment(self, payment: Payment) -> None:
        """From the manager's list, for the sale at the counter."""
        self.window.show_page(SALE)
        self.offers.take(payment)

    def _show_receipt(self, sale_id: int) -> None:
        self._receipt_page.show_sale(sale_id)
        self.window.show_page(self.window.add(self._receipt_page))

    def _make_settings_page(self, network: "Uplink") -> QWidget:
        from pos_app.ui.settings.view import SettingsPage
        from pos_app.ui.settings.view_model import SettingsViewModel

        model = SettingsViewModel(
            self._settings_file,
            self._keys.secrets,
            network.connections,
            self.tasks,
            training=self._training,
            practice_code=self._till_code if self._training else "",
            guard=self.till.guard,
            on_saved=self._take_up,
        )
        model.setParent(self.window)
        sections = self._pages.customer_sections(
            network, access=lambda: self._keys.access, settings=lambda: self.settings
        )
        page = SettingsPage(model, *sections, *self._operator_section(network))
        page.closed.connect(self._pages.back_to_sale)
        return page

    def _operator_section(self, network: "Uplink") -> "tuple[Section, ...]":
        """Training has an operator of its own, whose password nobody types."""
        from pos_app.ui.settings.operator.section import OperatorSection
        from pos_app.ui.settings.operator.view_model import OperatorViewModel

        if self._training:
            return ()
        model = OperatorViewModel(
            network.office.operator_setup,
            self._settings_file,
            self._keys.secrets,
            self.tasks,
            clock=utc_now,
            on_saved=self._take_up,
        )
        model.setParent(self.window)
        return (OperatorSection(model),)

    def _take_up(self, settings: Settings) -> None:
        self.settings = settings
        self.sounds.enabled = settings.sounds
        self.spoken.language = settings.said_in
        apply_theme(self._app, settings.theme)
        self.placing.choose(settings.customer_display)
        self.window.show_shop(self._header())
        self.tasks.start(self._reconnect(), "take up settings")

    def _keep(self, **chosen: Any) -> None:
        """What a key changed; where it cannot be written it holds until the till closes."""
        self.settings = replace(self.settings, **chosen)
        try:
            self.settings = self._settings_file.change(**chosen)
        except OSError as error:
            log.warning("%s could not be saved: %s", ", ".join(chosen), error.strerror)

    async def _reconnect(self) -> None:
        if not self._training:
            await self._keys.find_access(self.settings, self.changes)
        await self._connect()
        self._show_number(self._header().number_label)

    def _show_number(self, label: str) -> None:
        self.payment.show_number(label)
        self.rail.show_number(label)

    def _header(self) -> ShopHeader:
        account = self._account or self.settings.account
        name = self.settings.shop_name or (_TRAINING_SHOP if self._training else "")
        cashier = self._person.name if self._person else ""
        return ShopHeader(name, cashier, account.customer_label if account else "")

    @property
    def _account(self) -> ShopAccount | None:
        """Of the M-Pesa that is in use; None for a till that takes cash only."""
        return self._keys.access.account if self._keys.access else None

    @property
    def _till_code(self) -> str:
        return self._keys.access.pairing.till_code if self._keys.access else self.settings.code_in_force

    def _heading(self) -> Heading:
        shop = self._header()
        return Heading(shop.shop_name, self._till_code, shop.number_label, shop.cashier, self._training)

    async def _stock_training_shelf(self) -> None:
        from pos_app.services.training_shelf import stock

        await stock(self.till.catalogue)

    def _say_failed(self, _name: str, _error: object) -> None:
        self.changes.publish(
            Notice("Something did not work and was written to the log. No money was lost. Try again.", urgent=True)
        )

    def refuse(self, sentence: str) -> None:
        """The till cannot sell at all; the window says why."""
        self.window.place(SALE, MessagePage("The till cannot open", sentence))

    async def close(self) -> None:
        await self.tasks.aclose()
        self.window.release()
        if hasattr(self, "till"):
            await self.till.close()
        if hasattr(self, "placing"):
            self.placing.close()
        self.window.close()
        self.window.deleteLater()
