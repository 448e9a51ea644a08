"""The real window on a computer without a key store: the passphrase, the wrong one, and cash without any."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keyring
import pytest
from counter import Counter
from keyring.backends import fail
from PySide6.QtCore import Qt
from staffing import signed_in

from pos_app.domain.shop import AccountKind, Pairing, TillIdentity
from pos_app.settings import (
    FileSecrets,
    MemorySecrets,
    SecretName,
    SecretsError,
    Settings,
    SettingsFile,
    keep_pairing,
)
from pos_app.ui.message_page import UnlockPage
from pos_app.ui.payment.stage import Stage
from pos_app.ui.payment.state import Page
from pos_app.ui.widgets.buttons import Button

pytest_plugins = ("window_fixtures",)
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True)

Made = Callable[..., Counter]
PASSPHRASE = "correct horse battery"


@pytest.fixture
def locked(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop that was set up on a computer without a key store: its keys lie in the encrypted file."""
    none = fail.Keyring()  # type: ignore[no-untyped-call]  # keyring has few types
    monkeypatch.setattr(keyring, "get_keyring", lambda: none)
    account = shop.account
    settings = Settings(
        shop_name="Mama Njeri",
        kind=AccountKind(account["kind"]),
        short_code=account["short_code"],
        till_number=account["till_number"],
        base_url=shop.daraja_url,
    )
    file = SettingsFile(shop.folder / "settings.json", {})
    file.save(settings)
    kept = FileSecrets.open(shop.folder / "keys.box", PASSPHRASE)
    assert isinstance(kept, FileSecrets)
    for name in SecretName:
        kept.set(name, shop.credentials[name])
    keep_pairing(file, kept, TillIdentity("ab" * 16, "Counter 1"), Pairing(**shop.pairing))
    return shop


def asked(counter: Made, shop: Any) -> tuple[Counter, UnlockPage, "asyncio.Task[None]"]:
    desk = counter(shop.folder, training=False)
    opening = asyncio.ensure_future(desk.desk.open())
    desk.until(lambda: desk.reads("Type the passphrase that protects the M-Pesa keys."), "the passphrase is asked for")
    page = desk.window.findChild(UnlockPage)
    assert isinstance(page, UnlockPage)
    desk.until(page.field.hasFocus, "the passphrase can be typed at once")
    return desk, page, opening


def test_locked_keys_open_with_their_passphrase_only(world: Any, locked: Any, counter: Made) -> None:
    desk, page, opening = asked(counter, locked)
    desk.keys("wrong horse battery")
    desk.enter()
    desk.until(lambda: desk.reads("That passphrase does not open the M-Pesa keys."), "the wrong one is refused")
    assert page.field.text() == ""
    assert not opening.done()
    desk.keys(PASSPHRASE)
    desk.enter()
    desk.until(opening.done, "the till opens")
    signed_in(desk.desk.till)
    desk.take_clock()
    desk.until(desk.is_live, "the relay is followed")
    assert not desk.reads("TRAINING")
    phone = world.phone()
    desk.charge("190", phone)
    desk.stage(Stage.PAID)
    desk.judge(locked)


def test_locked_keys_leave_a_till_that_takes_cash(locked: Any, counter: Made) -> None:
    desk, page, opening = asked(counter, locked)
    next(button for button in page.findChildren(Button) if "cash only" in button.text()).click()
    desk.until(opening.done, "the till opens")
    desk.take_clock()
    desk.ring_up("200")
    desk.key(Qt.Key.Key_F1)
    desk.page(Page.PHONE)
    desk.keys("0712345678")
    desk.enter()
    desk.until(lambda: desk.reads("M-Pesa is not set up on this till. Nothing was sent."), "the charge is refused")
    desk.key(Qt.Key.Key_F2)
    desk.page(Page.CASH)
    desk.enter()
    desk.page(Page.CHANGE)
    assert locked.attempts() == []
    assert desk.desk._keys.secrets.where == "memory, only until this window closes"


def test_keys_that_can_not_be_read_just_now_leave_a_till_that_takes_cash_and_says_so(
    locked: Any, counter: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Locked(MemorySecrets):
        def get(self, name: SecretName) -> str:
            raise SecretsError("The computer’s key store could not be read.")

    monkeypatch.setattr("pos_app.ui.desk_keys.open_secrets", lambda _folder: Locked())
    desk = counter(locked.folder, training=False)
    desk.open()
    assert desk.reads("The computer’s key store could not be read. Until then this till takes cash only.")
    desk.ring_up("200")


def test_settings_that_are_saved_are_in_force_on_the_sale_page_at_once(locked: Any, counter: Made) -> None:
    desk, _page, opening = asked(counter, locked)
    desk.keys(PASSPHRASE)
    desk.enter()
    desk.until(opening.done, "the till opens")
    signed_in(desk.desk.till)
    assert desk.reads("Customers pay Till 5512345")
    changed = replace(desk.desk.settings, kind=AccountKind.PAYBILL, short_code="174379", till_number="", sounds=False)
    desk.desk._take_up(changed)
    desk.until(lambda: desk.reads("174379") and not desk.reads("5512345"), "the new number is what customers are told")
    desk.until(desk.is_live, "the relay is followed again")
