"""The registration page: what it says before anything is sent, the second press, and each answer as what it is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pos_app.domain.msisdn import Msisdn
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, MpesaAccess, Pairing, ShopAccount
from pos_app.services.changes import Changes, HealthChanged, Light
from pos_app.services.registration import (
    DefaultAction,
    MsisdnStyle,
    Product,
    Registered,
    RegistrationRecord,
    Standing,
)
from pos_app.settings import Settings
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.settings.registration import words
from pos_app.ui.settings.registration.section import RegistrationSection
from pos_app.ui.settings.registration.view_model import RegistrationViewModel
from pos_app.ui.tasks import Tasks

NOW = datetime(2026, 10, 14, 13, 5, tzinfo=UTC)
LEFT = Qt.MouseButton.LeftButton
BASE = "https://pay.example.co.ke/h/7f3a"
PAIRING = Pairing("https://pay.example.co.ke", "Duka", "s1", "t1", "T1", "token", BASE, "nonce")
ACCESS = MpesaAccess(
    "https://api.safaricom.co.ke", ShopAccount(AccountKind.PAYBILL, "600966"), Credentials("k", "s", "p"), PAIRING
)
SHOP = Settings(short_code="600966")


def record(state: Registered = Registered.REGISTERED, **changes: str) -> RegistrationRecord:
    told = RegistrationRecord(
        "c2b", "600966", "v2", "https://pay.example.co.ke/h/•••/c2b/confirm", "f", state.value, "Said.", "500.1", NOW
    )
    return replace(told, **changes)  # type: ignore[arg-type]  # texts only


class FakeRegistrations:
    """With the service's own signatures."""

    def __init__(self) -> None:
        self.final = True
        self.refused: Refused | None = None
        self.answer: RegistrationRecord | Refused | Exception = record()
        self.asked: list[tuple[object, ...]] = []
        self.known: dict[Product, Standing] = {}
        self.release = asyncio.Event()
        self.release.set()

    def is_final(self, access: MpesaAccess) -> bool:
        return self.final

    def address(self, access: MpesaAccess) -> str:
        return "https://pay.example.co.ke/h/•••/c2b/confirm"

    def check(self, access: MpesaAccess) -> Refused | None:
        return self.refused

    async def register_urls(
        self, access: MpesaAccess, *, style: MsisdnStyle, default_action: DefaultAction
    ) -> RegistrationRecord | Refused:
        return await self._asked("urls", style, default_action)

    async def register_pull(self, access: MpesaAccess, nominated: Msisdn) -> RegistrationRecord | Refused:
        return await self._asked("pull", nominated.digits)

    async def _asked(self, *what: object) -> RegistrationRecord | Refused:
        self.asked.append(what)
        await self.release.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def standing(self, product: Product, account: ShopAccount, callback_base: str) -> Standing:
        return self.known.get(product, Standing(None, None, is_for_this_relay=False))


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.registrations = FakeRegistrations()
        self.access: MpesaAccess | None = ACCESS
        self.settings = SHOP
        self.changes = Changes()
        self.tasks = Tasks()

    def open(self) -> RegistrationSection:
        self.model = RegistrationViewModel(
            self.registrations,  # type: ignore[arg-type]  # stands in for the service
            self.changes,
            self.tasks,
            access=lambda: self.access,
            settings=lambda: self.settings,
            clock=lambda: NOW,
        )
        self.page = RegistrationSection(self.model)
        self.qtbot.addWidget(self.page)
        self.page.resize(940, 900)
        self.page.show()
        self.qtbot.waitExposed(self.page)
        self.page.activateWindow()
        self.qtbot.waitUntil(self.page.isActiveWindow)
        self.page.enter()
        self.settled()
        return self.page

    def settled(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)

    def press(self, product: Product = Product.C2B) -> None:
        self.qtbot.mouseClick(self.page.register[product].button, LEFT)

    def told(self, product: Product = Product.C2B) -> tuple[str, str, str]:
        self.settled()
        line = self.page.register[product]
        return line.word.text(), line.sentence.text(), line.code.text()


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_it_shows_the_address_without_the_shops_key_and_what_each_choice_means(desk: Desk) -> None:
    page = desk.open()
    assert page.address.text() == "https://pay.example.co.ke/h/•••/c2b/confirm"
    assert "7f3a" not in "".join(label.text() for label in page.findChildren(QLabel))
    assert page.check.text().startswith("✓")
    assert page.style_field.buttons["v2"].isChecked()
    assert "2547 ***** 126" in page.style_field.hint.text()
    assert page.default.buttons["Completed"].isChecked()
    assert "never stops a customer from paying" in page.default.hint.text()
    assert "two operators" in page.once.text()
    assert page.once.isVisible()
    page.style_field.buttons["v1"].click()
    page.default.buttons["Cancelled"].click()
    assert "nobody can read the number" in page.style_field.hint.text()
    assert "nobody can pay" in page.default.hint.text()


def test_production_is_asked_for_twice_and_enter_alone_registers_nothing(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    page.register[Product.C2B].button.setFocus()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Return)
    assert "PayBill 600966" in page.confirm[Product.C2B].sentence.text()
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Return)
    assert page.confirm[Product.C2B].isHidden()
    assert page.focusWidget() is page.register[Product.C2B].button
    assert desk.registrations.asked == []
    desk.press()
    qtbot.mouseClick(page.confirm[Product.C2B].yes, LEFT)
    assert desk.told()[0] == "Registered"
    assert desk.registrations.asked == [("urls", MsisdnStyle.MASKED, DefaultAction.COMPLETED)]


@pytest.mark.parametrize("leave", ["edit", "enter"])
def test_what_was_asked_about_must_be_what_is_registered(desk: Desk, leave: str) -> None:
    page = desk.open()
    desk.press()
    if leave == "edit":
        page.style_field.buttons["v1"].click()
    else:
        page.enter()
    desk.settled()
    assert page.confirm[Product.C2B].isHidden()
    desk.model.confirm()
    assert desk.registrations.asked == []


def test_the_sandbox_and_training_register_at_once(desk: Desk) -> None:
    desk.registrations.final = False
    page = desk.open()
    assert page.once.isHidden()
    desk.press()
    assert desk.told() == ("Registered", "Said.", "")


def test_a_second_press_while_safaricom_is_asked_is_no_second_question(desk: Desk) -> None:
    desk.registrations.final = False
    page = desk.open()
    desk.registrations.release.clear()
    desk.press()
    assert not page.register[Product.C2B].button.isEnabled()
    assert page.register[Product.C2B].word.text() == "Asking …"
    desk.model.register(Product.C2B)
    desk.qtbot.waitUntil(lambda: len(desk.registrations.asked) == 1)
    desk.registrations.release.set()
    desk.settled()
    assert len(desk.registrations.asked) == 1
    assert page.register[Product.C2B].button.isEnabled()


@pytest.mark.parametrize(
    ("state", "word", "sign"),
    [
        (Registered.ALREADY_REGISTERED, "Registered before", "question"),
        (Registered.ELSEWHERE, "Registered on the old platform", "exclamation"),
        (Registered.ALREADY_IN_SANDBOX, "Registered before in the sandbox", "question"),
        (Registered.REFUSED, "Refused", "exclamation"),
        (Registered.UNREACHABLE, "Not reached", "exclamation"),
        (Registered.UNCLEAR, "Not certain", "question"),
    ],
)
def test_each_answer_is_read_as_what_it_is(desk: Desk, state: Registered, word: str, sign: str) -> None:
    desk.registrations.final = False
    page = desk.open()
    desk.registrations.answer = record(state)
    desk.press()
    assert desk.told() == (word, "Said.", "500.1")
    assert page.register[Product.C2B].sign.sign == sign


def test_every_answer_has_its_word() -> None:
    for state in Registered:
        for product in Product:
            assert words.answer(product, record(state)).word


def test_what_was_not_sent_and_what_failed_is_said_so(desk: Desk) -> None:
    desk.registrations.final = False
    desk.open()
    desk.registrations.answer = Refused("M-Pesa refuses addresses with “sql” in them.")
    desk.press()
    assert desk.told()[:2] == ("Nothing was sent", "M-Pesa refuses addresses with “sql” in them.")
    desk.registrations.answer = ZeroDivisionError()
    desk.press()
    assert "could not be made" in desk.told()[1]


def test_an_address_that_m_pesa_would_refuse_is_said_before_anything_is_sent(desk: Desk) -> None:
    desk.registrations.refused = Refused("Safaricom delivers to addresses that begin with https:// only.")
    page = desk.open()
    assert page.check.text() == "! Safaricom delivers to addresses that begin with https:// only."
    for product in Product:
        assert not page.register[product].button.isEnabled()
        desk.model.register(product)
    assert desk.registrations.asked == []


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (Settings(), "under M-Pesa"),
        (SHOP, "under Relay"),
        (replace(SHOP, relay_url="https://r", relay_till_code="T1", relay_generation="1"), "keys are missing"),
    ],
)
def test_without_m_pesa_or_relay_everything_is_off_and_says_why(desk: Desk, settings: Settings, part: str) -> None:
    desk.access, desk.settings = None, settings
    page = desk.open()
    assert part in page.blocked.text()
    assert page.blocked.isVisible()
    assert not page.form.isEnabled()
    desk.access = ACCESS
    desk.changes.publish(HealthChanged(Light.OK, Light.OK, Light.OK))
    desk.settled()
    assert page.blocked.isHidden()
    assert page.form.isEnabled()


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (lambda told: Standing(told, told, is_for_this_relay=True), "✓ Registered for this relay (16:05, v2: numbers"),
        (lambda told: Standing(told, told, is_for_this_relay=False), "! Registered (16:05, v2: numbers masked), but"),
        (lambda told: Standing(told, None, is_for_this_relay=False), "? Not registered from this till. Last try 16:05"),
    ],
)
def test_when_it_was_registered_and_for_which_relay(
    desk: Desk, known: Callable[[RegistrationRecord], Standing], said: str
) -> None:
    desk.registrations.known = {Product.C2B: known(record())}
    page = desk.open()
    assert page.standings[Product.C2B].text().startswith(said)
    assert page.standings[Product.PULL].text() == words.NOTHING_YET


def test_pull_wants_the_phone_number_of_the_shops_papers(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.keyClicks(page.nominated.line, "0712")
    desk.press(Product.PULL)
    assert "not a Kenyan mobile number" in page.nominated.error.text()
    qtbot.keyClicks(page.nominated.line, " 345 678")
    assert page.nominated.error.isHidden()
    desk.press(Product.PULL)
    assert "0712 345 678" in page.confirm[Product.PULL].sentence.text()
    desk.registrations.answer = record(Registered.ALREADY_REGISTERED)
    qtbot.mouseClick(page.confirm[Product.PULL].yes, LEFT)
    assert desk.told(Product.PULL)[0] == "Registered before"
    assert page.register[Product.PULL].sign.sign == "tick"
    assert desk.registrations.asked == [("pull", "254712345678")]


def test_every_control_is_large_enough_and_named(desk: Desk) -> None:
    page = desk.open()
    desk.press()
    for button in (*page.confirm[Product.C2B].findChildren(type(page.confirm[Product.C2B].yes)), page.nominated.line):
        assert button.height() >= 46
        assert button.accessibleName()
