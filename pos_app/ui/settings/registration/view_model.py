"""Registers the shop's addresses and Pull when the owner asks, twice where that is final; it knows no widget."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from PySide6.QtCore import QObject, Signal

from pos_app.domain.msisdn import Msisdn, MsisdnError
from pos_app.domain.refused import Refused
from pos_app.domain.shop import MpesaAccess
from pos_app.services.changes import Changes, HealthChanged
from pos_app.services.registration import DefaultAction, MsisdnStyle, Product, RegistrationRecord, Registrations
from pos_app.settings import Settings
from pos_app.ui.settings.registration import words
from pos_app.ui.settings.registration.state import RegistrationState
from pos_app.ui.settings.state import ProbeResult, Standing
from pos_app.ui.tasks import Tasks


class RegistrationViewModel(QObject):
    changed = Signal()

    def __init__(
        self,
        registrations: Registrations,
        changes: Changes,
        tasks: Tasks,
        *,
        access: Callable[[], MpesaAccess | None],
        settings: Callable[[], Settings],
        clock: Callable[[], datetime],
    ) -> None:
        """`access` is None until the till has all that it needs; `settings` say what is missing then."""
        super().__init__()
        self._registrations = registrations
        self._tasks = tasks
        self._access = access
        self._settings = settings
        self._clock = clock
        self.state = RegistrationState(words.blocked(settings()))
        changes.subscribe(HealthChanged, lambda _health: self.refresh())

    def refresh(self) -> None:
        """What is set up may have changed, and what is registered is read again."""
        access = self._access()
        if access is None:
            blank = RegistrationState(words.blocked(self._settings()), nominated=self.state.nominated)
            self._show(blank)
            return
        refused = self._registrations.check(access)
        shown = replace(
            self.state,
            blocked="",
            customer_label=access.account.customer_label,
            address=self._registrations.address(access),
            obstacle=refused.sentence if refused else "",
            is_final=self._registrations.is_final(access),
        )
        self._show(shown)
        self._tasks.start(self._look_up(access), "look up registrations")

    def choose_style(self, style: MsisdnStyle) -> None:
        self._change(style=style, confirming=None)

    def choose_default(self, action: DefaultAction) -> None:
        self._change(default_action=action, confirming=None)

    def type_nominated(self, text: str) -> None:
        self._change(nominated=text, nominated_error="", confirming=None)

    def register(self, product: Product) -> None:
        """The first press: where the answer is final, it only asks."""
        if not self.state.may_register(product) or (product is Product.PULL and self._nominated() is None):
            return
        if self.state.is_final:
            self._change(confirming=product)
        else:
            self._start(product)

    def confirm(self) -> None:
        product = self.state.confirming
        self.cancel()
        if product is not None:
            self._start(product)

    def cancel(self) -> None:
        self._change(confirming=None)

    def _nominated(self) -> Msisdn | None:
        try:
            return Msisdn.parse(self.state.nominated)
        except MsisdnError as error:
            self._change(nominated_error=str(error))
            return None

    def _start(self, product: Product) -> None:
        access = self._access()
        if access is not None and product not in self.state.asking:
            self._tell(product, ProbeResult(Standing.RUNNING, word="Asking …"), asking=self.state.asking | {product})
            self._tasks.start(self._register(product, access), f"register {product}")

    async def _register(self, product: Product, access: MpesaAccess) -> None:
        result = words.CANNOT_ASK
        try:
            result = words.answer(product, await self._asked(product, access))
        finally:
            self._tell(product, result, asking=self.state.asking - {product})
        await self._look_up(access)

    def _asked(self, product: Product, access: MpesaAccess) -> Awaitable[RegistrationRecord | Refused]:
        state = self.state
        if product is Product.PULL:
            return self._registrations.register_pull(access, Msisdn.parse(state.nominated))
        return self._registrations.register_urls(access, style=state.style, default_action=state.default_action)

    async def _look_up(self, access: MpesaAccess) -> None:
        base, now = access.pairing.callback_base, self._clock()
        standings = {
            product: words.standing(await self._registrations.standing(product, access.account, base), now)
            for product in Product
        }
        self._change(standings=MappingProxyType(standings))

    def _tell(self, product: Product, result: ProbeResult, asking: frozenset[Product]) -> None:
        self._change(results=MappingProxyType({**self.state.results, product: result}), asking=asking)

    def _change(self, **changes: Any) -> None:
        self._show(replace(self.state, **changes))

    def _show(self, state: RegistrationState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit()
