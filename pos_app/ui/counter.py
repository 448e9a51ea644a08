"""The selling page of one till with all that stands behind it: sale, payment, offers, rail, scanner.

It must not know settings or keys.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pos_app.devices.scanner import Scanner
from pos_app.services.changes import Changes
from pos_app.services.clock import utc_now
from pos_app.ui.main_window import MainWindow, native_window
from pos_app.ui.offers.arrivals import Arrivals
from pos_app.ui.offers.rail_model import RailViewModel
from pos_app.ui.offers.view_model import OfferViewModel
from pos_app.ui.payment.view_model import PaymentViewModel
from pos_app.ui.sale.view import SalePage
from pos_app.ui.sale.view_model import SaleViewModel
from pos_app.ui.sounds import Sounds
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.pulling import Swept
    from pos_app.services.till import Till


@dataclass(frozen=True)
class Means:
    """What the window lends to its selling page."""

    window: MainWindow
    changes: Changes
    tasks: Tasks
    sounds: Sounds


class Counter:
    def __init__(
        self,
        till: "Till",
        means: Means,
        *,
        number_label: str,
        cashier: Callable[[], str],
        ask_safaricom: "Callable[[], Awaitable[Swept]]",
    ) -> None:
        window, changes, tasks = means.window, means.changes, means.tasks
        self.payment = PaymentViewModel(
            till.payments,
            till.sales,
            changes,
            tasks,
            sounds=means.sounds,
            clock=utc_now,
            number_label=number_label,
            parent=window,
        )
        self.sale = SaleViewModel(till.sales, till.catalogue, changes, tasks, payment=self.payment, parent=window)
        self.scanner = Scanner(parent=window)
        self.scanner.watch(native_window(window))
        self.offers = OfferViewModel(
            till.matching,
            till.sales,
            changes,
            tasks,
            sale=self.sale,
            payment=self.payment,
            ask_safaricom=ask_safaricom,
            cashier=cashier,
            clock=utc_now,
            parent=window,
        )
        self.rail = RailViewModel(
            till.payments,
            till.matching.offers,
            changes,
            tasks,
            offered=self.offers,
            number_label=number_label,
            parent=window,
        )
        arrivals = Arrivals(changes, sounds=means.sounds, clock=utc_now, parent=window)
        self.page = SalePage(
            self.sale, self.payment, self.offers, self.rail, arrivals, clock=utc_now, scanner=self.scanner
        )
