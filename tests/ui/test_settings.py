"""The settings screen: edits are kept and marked, errors stand beside their field, secrets are never shown back."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from staffing import OWNER

from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.shop import AccountKind, Credentials, Pairing, ShopAccount, TillIdentity
from pos_app.domain.staff import Action
from pos_app.services.authority import Authorised
from pos_app.services.connections import Check
from pos_app.settings import (
    DisplayChoice,
    Environment,
    MemorySecrets,
    SecretName,
    SecretsError,
    Settings,
    SettingsFile,
    SpokenChoice,
    ThemeChoice,
    keep_pairing,
    pairing_from,
)
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.settings.section import Section
from pos_app.ui.settings.state import Probe, Standing
from pos_app.ui.settings.view import SettingsPage
from pos_app.ui.settings.view_model import SettingsViewModel
from pos_app.ui.tasks import Tasks

CANARY = "canary-51c0-secret"
SHOP = Settings(shop_name="Duka", kind=AccountKind.PAYBILL, short_code="600966")
PAIRED = replace(
    SHOP,
    relay_url="https://relay.example.co.ke",
    relay_shop="Duka",
    relay_stream="s1",
    relay_till_id="t1",
    relay_till_name="Counter 1",
    relay_till_code="A2",
    relay_device="ab" * 16,
    relay_generation="1f",
)
PAIRING = Pairing(
    "https://relay.example.co.ke", "Duka la Wanjiru", "s2", "t2", "7", "token", "https://relay/h/key", "nonce"
)
LEFT = Qt.MouseButton.LeftButton


class FakeConnections:
    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.check = Check(ok=True, sentence="The consumer key and secret are right.")
        self.paired: Pairing | Refused | Exception = PAIRING
        self.release = asyncio.Event()
        self.release.set()

    async def test_access(self, base_url: str, account: ShopAccount, credentials: Credentials) -> Check:
        self.asked.append(("access", base_url, account, credentials))
        await self.release.wait()
        return self.check

    async def test_passkey(self, base_url: str, account: ShopAccount, credentials: Credentials) -> Check:
        self.asked.append(("passkey", base_url, account, credentials))
        return self.check

    async def test_relay(self, pairing: Pairing) -> Check:
        self.asked.append(("relay", pairing))
        return self.check

    async def pair(self, relay_url: str, code: str, till: TillIdentity) -> Pairing | Refused:
        self.asked.append(("pair", relay_url, code, till.name, till.till_code))
        await self.release.wait()
        if isinstance(self.paired, Exception):
            raise self.paired
        return self.paired


class LockedSecrets(MemorySecrets):
    def get(self, name: str) -> str:
        raise SecretsError("The computer’s key store is locked.")

    def set(self, name: str, value: str) -> None:
        raise SecretsError("The computer’s key store is locked.")


class Desk:
    """One settings screen with everything around it."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.path = folder / "settings.json"
        self.environ: dict[str, str] = {}
        self.secrets = MemorySecrets()
        self.connections = FakeConnections()
        self.saved: list[Settings] = []
        self.training = False
        self.practice_code = ""
        self.asked_for: list[Action] = []
        self.refusal: Refused | None = None
        self.recorded: list[tuple[Event, str, str, str]] = []

    def check(self, action: Action) -> Authorised | Refused:
        self.asked_for.append(action)
        return self.refusal or Authorised(OWNER)

    async def told(self, event: Event, by: Authorised, subject: str, detail: str) -> None:
        self.recorded.append((event, by.actor.name, subject, detail))

    def open(self, *more: Section, settings: Settings | None = SHOP) -> SettingsPage:
        if settings is not None:
            SettingsFile(self.path, {}).save(settings)
        self.file = SettingsFile(self.path, self.environ)
        self.model = SettingsViewModel(
            self.file,
            self.secrets,
            self.connections,
            Tasks(),
            training=self.training,
            practice_code=self.practice_code,
            guard=self,
            on_saved=self.saved.append,
        )
        page = SettingsPage(self.model, *more)
        self.qtbot.addWidget(page)
        page.resize(1366, 720)
        page.show()
        self.qtbot.waitExposed(page)
        page.activateWindow()
        self.qtbot.waitUntil(page.isActiveWindow)
        return page

    def write(self, line: QLineEdit, text: str) -> None:
        line.clear()
        line.setFocus()
        self.qtbot.keyClicks(line, text)

    def on_disk(self) -> Settings:
        return SettingsFile(self.path, {}).load()

    def settled(self) -> None:
        self.qtbot.waitUntil(lambda: not self.model.state.saving and not self.model.state.pairing)

    def tested(self, probe: Probe) -> tuple[Standing, str]:
        def is_told() -> bool:
            result = self.model.state.results.get(probe)
            return result is not None and result.standing is not Standing.RUNNING

        self.qtbot.waitUntil(is_told)
        result = self.model.state.results[probe]
        return result.standing, result.sentence


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop, tmp_path: Path) -> Desk:
    return Desk(qtbot, tmp_path)


def test_an_edit_is_marked_saved_on_ctrl_s_and_told(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    assert page.standing.text() == ""
    assert not page.save.isEnabled()
    desk.write(page.shop.shop_name.line, "Duka la Wanjiru")
    assert page.standing.text() == "● Unsaved changes"
    qtbot.keyClick(page, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.standing.text() == "✓ Saved and in force.")
    assert desk.on_disk().shop_name == "Duka la Wanjiru"
    assert desk.saved == [desk.on_disk()]
    assert not page.save.isEnabled()


def test_parts_that_act_by_themselves_show_no_save_but_where_another_part_waits_for_it(desk: Desk) -> None:
    acting = Section()
    page = desk.open(acting)
    page.show_part(acting)
    assert not page.save.isVisible()
    page.show_part(page.shop)
    assert page.save.isVisible()
    desk.write(page.shop.shop_name.line, "Duka la Wanjiru")
    page.show_part(acting)
    assert page.save.isVisible()
    assert page.undo.isVisible()


def test_unsaved_changes_outlive_leaving_the_page(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.write(page.shop.shop_name.line, "Akinyi")
    with qtbot.waitSignal(page.closed):
        qtbot.keyClick(page, Qt.Key.Key_Escape)
    page.hide()
    page.show()
    assert page.shop.shop_name.line.text() == "Akinyi"
    assert page.standing.text() == "● Unsaved changes"
    assert desk.on_disk().shop_name == SHOP.shop_name


def test_undo_puts_everything_back(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    desk.write(page.shop.shop_name.line, "Akinyi")
    desk.write(page.mpesa.keys[SecretName.PASSKEY].line, CANARY)
    qtbot.mouseClick(page.undo, LEFT)
    assert page.shop.shop_name.line.text() == SHOP.shop_name
    assert page.mpesa.keys[SecretName.PASSKEY].line.text() == ""
    assert page.standing.text() == ""


def test_every_choice_reaches_the_file(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    qtbot.mouseClick(page.shop.theme.buttons["dark"], LEFT)
    qtbot.mouseClick(page.shop.spoken.buttons["en"], LEFT)
    qtbot.mouseClick(page.shop.customer_display.buttons["off"], LEFT)
    page.shop.sounds.click()
    assert not page.shop.spoken.editor.isEnabled(), "a till without sounds says nothing"
    page.show_part(page.mpesa)
    qtbot.mouseClick(page.mpesa.kind.buttons["buy_goods"], LEFT)
    qtbot.mouseClick(page.mpesa.environment.buttons["production"], LEFT)
    desk.write(page.mpesa.till_number.line, "5500123")
    desk.write(page.mpesa.base_url.line, "http://127.0.0.1:9000")
    desk.write(page.shop.till_code.line, "A2")
    page.save.click()
    desk.settled()
    assert desk.on_disk() == replace(
        SHOP,
        theme=ThemeChoice.DARK,
        sounds=False,
        spoken=SpokenChoice.ENGLISH,
        customer_display=DisplayChoice.OFF,
        kind=AccountKind.BUY_GOODS,
        environment=Environment.PRODUCTION,
        till_number="5500123",
        base_url="http://127.0.0.1:9000",
        till_code="A2",
    )


def test_a_paybill_has_one_number_and_a_till_has_two_named_ones(desk: Desk) -> None:
    page = desk.open()
    page.show_part(page.mpesa)
    assert page.mpesa.short_code.caption.text() == "PayBill number"
    assert not page.mpesa.till_number.isVisible()
    page.mpesa.kind.buttons["buy_goods"].click()
    assert page.mpesa.short_code.caption.text() == "Store number"
    assert page.mpesa.short_code.line.accessibleName() == "Store number"
    assert "passkey belongs to it" in page.mpesa.short_code.hint.text()
    assert page.mpesa.till_number.isVisible()
    assert "customers type" in page.mpesa.till_number.hint.text()


def test_an_error_stands_beside_its_field_and_nothing_is_saved(desk: Desk) -> None:
    page = desk.open()
    page.mpesa.kind.buttons["buy_goods"].click()
    desk.write(page.mpesa.short_code.line, "12")
    page.save.click()
    assert page.stack.currentIndex() == 1
    assert page.mpesa.short_code.line.hasFocus()
    assert page.mpesa.short_code.error.text() == "! The PayBill or store number has 5 to 7 digits."
    assert "number customers type" in page.mpesa.till_number.error.text()
    assert page.mpesa.short_code.line.property("invalid") == "true"
    assert page.parts.item(1).text() == "M-Pesa   ! 2"
    assert desk.on_disk() == SHOP
    desk.write(page.mpesa.short_code.line, "600000")
    assert not page.mpesa.short_code.error.isVisible()
    assert page.parts.item(1).text() == "M-Pesa   ! 1"


@pytest.mark.parametrize(("name", "text"), [("till_code", ""), ("base_url", "http://shop.example")])
def test_other_fields_are_checked_too(desk: Desk, name: str, text: str) -> None:
    page = desk.open()
    desk.model.edit(name, text)
    page.save.click()
    assert name in desk.model.state.errors
    assert desk.saved == []


def test_a_shop_without_mpesa_numbers_can_be_saved(desk: Desk) -> None:
    page = desk.open(settings=Settings())
    desk.write(page.shop.shop_name.line, "Duka")
    page.save.click()
    desk.settled()
    assert desk.on_disk().shop_name == "Duka"


def test_a_key_is_kept_and_never_shown_back(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    field = page.mpesa.keys[SecretName.CONSUMER_SECRET]
    assert field.line.echoMode() is QLineEdit.EchoMode.Password
    qtbot.waitUntil(lambda: field.line.placeholderText() == "Not set yet")
    desk.write(field.line, f" {CANARY} ")
    page.save.click()
    desk.settled()
    assert desk.secrets.get(SecretName.CONSUMER_SECRET) == CANARY
    assert field.line.text() == ""
    assert field.line.placeholderText() == f"Stored in {desk.secrets.where}"
    assert CANARY not in repr(desk.model.state)
    shown = [widget.text() for widget in page.findChildren(QLabel)]
    shown += [widget.text() for widget in page.findChildren(QLineEdit)]
    assert not any(CANARY in text for text in shown)
    assert CANARY not in desk.path.read_text()


def test_a_stored_key_is_recognised_on_opening(desk: Desk, qtbot: QtBot) -> None:
    desk.secrets.set(SecretName.PASSKEY, CANARY)
    page = desk.open()
    line = page.mpesa.keys[SecretName.PASSKEY].line
    qtbot.waitUntil(lambda: line.placeholderText() == f"Stored in {desk.secrets.where}")
    assert line.text() == ""


def test_a_locked_key_store_is_said_and_the_edits_stay(desk: Desk, qtbot: QtBot) -> None:
    desk.secrets = LockedSecrets()
    page = desk.open()
    qtbot.waitUntil(lambda: "locked" in page.problem.text())
    desk.write(page.mpesa.keys[SecretName.PASSKEY].line, CANARY)
    page.save.click()
    desk.settled()
    assert "locked" in page.problem.text()
    assert page.standing.text() == "● Unsaved changes"
    assert desk.saved == []


def test_a_full_disk_is_said_and_the_edits_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = desk.open()
    desk.write(page.shop.shop_name.line, "Akinyi")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    page.save.click()
    desk.settled()
    assert "No space left on device" in page.problem.text()
    assert page.standing.text() == "● Unsaved changes"
    assert desk.saved == []


def test_what_is_typed_while_saving_stays_unsaved(desk: Desk) -> None:
    page = desk.open()
    desk.model.type_key(SecretName.PASSKEY, "first")
    page.save.click()
    assert page.save.text() == "Saving …"
    desk.model.type_key(SecretName.PASSKEY, "second")
    desk.model.edit("shop_name", "Akinyi")
    desk.model.save()
    desk.settled()
    assert desk.secrets.get(SecretName.PASSKEY) == "first"
    assert page.standing.text() == "● Unsaved changes"
    assert desk.model.state.typed == {SecretName.PASSKEY}


def test_colours_switched_elsewhere_are_not_switched_back(desk: Desk) -> None:
    page = desk.open()
    desk.write(page.shop.shop_name.line, "Akinyi")
    desk.file.save(replace(SHOP, theme=ThemeChoice.DARK))
    page.save.click()
    desk.settled()
    assert desk.on_disk() == replace(SHOP, theme=ThemeChoice.DARK, shop_name="Akinyi")
    page.hide()
    desk.file.save(replace(desk.on_disk(), theme=ThemeChoice.LIGHT))
    page.show()
    assert page.shop.theme.buttons["light"].isChecked()
    assert not desk.model.state.has_unsaved


def test_a_page_that_is_given_the_focus_passes_it_on(desk: Desk) -> None:
    page = desk.open()
    page.shop.shop_name.line.setFocus()
    page.setFocus()
    assert page.parts.hasFocus()


def test_a_damaged_file_is_said_at_the_foot(desk: Desk) -> None:
    desk.path.write_text("{")
    page = desk.open(settings=None)
    assert "damaged" in page.problem.text()


def test_what_the_environment_decides_cannot_be_edited(desk: Desk) -> None:
    desk.environ["TILL_SHOP_NAME"] = "Akinyi"
    page = desk.open()
    assert not page.shop.shop_name.line.isEnabled()
    assert "TILL_SHOP_NAME" in page.shop.shop_name.hint.text()


def test_a_test_asks_with_what_is_typed_before_it_is_saved(desk: Desk, qtbot: QtBot) -> None:
    desk.secrets.set(SecretName.CONSUMER_KEY, "stored key")
    desk.secrets.set(SecretName.PASSKEY, "stored passkey")
    page = desk.open()
    page.show_part(page.mpesa)
    desk.write(page.mpesa.keys[SecretName.CONSUMER_SECRET].line, CANARY)
    desk.write(page.mpesa.short_code.line, "600999")
    qtbot.mouseClick(page.mpesa.passkey.button, LEFT)
    assert desk.tested(Probe.PASSKEY) == (Standing.WORKS, desk.connections.check.sentence)
    account = ShopAccount(AccountKind.PAYBILL, "600999")
    keys = Credentials("stored key", CANARY, "stored passkey")
    assert desk.connections.asked == [("passkey", "https://sandbox.safaricom.co.ke", account, keys)]
    assert page.mpesa.passkey.word.text() == "Works"
    assert page.mpesa.passkey.sentence.text() == desk.connections.check.sentence


def test_a_failed_test_shows_exactly_its_sentence_and_code(desk: Desk, qtbot: QtBot) -> None:
    for name in SecretName:
        desk.secrets.set(name, "x")
    desk.connections.check = Check(ok=False, sentence="The consumer secret is <b>wrong</b>.", code="400.008.01")
    page = desk.open()
    page.show_part(page.mpesa)
    qtbot.mouseClick(page.mpesa.access.button, LEFT)
    assert desk.tested(Probe.ACCESS)[0] is Standing.PROBLEM
    line = page.mpesa.access
    assert (line.word.text(), line.sentence.text(), line.code.text()) == (
        "Problem",
        "The consumer secret is <b>wrong</b>.",
        "400.008.01",
    )
    assert line.sentence.textFormat() is Qt.TextFormat.PlainText
    desk.write(page.mpesa.short_code.line, "600999")
    assert not line.sentence.isVisible()


def test_a_test_is_not_started_twice(desk: Desk, qtbot: QtBot) -> None:
    for name in SecretName:
        desk.secrets.set(name, "x")
    desk.connections.release.clear()
    page = desk.open()
    desk.model.test(Probe.ACCESS)
    desk.model.test(Probe.ACCESS)
    assert page.mpesa.access.word.text() == "Testing …"
    assert not page.mpesa.access.button.isEnabled()
    desk.connections.release.set()
    desk.tested(Probe.ACCESS)
    assert len(desk.connections.asked) == 1


@pytest.mark.parametrize(
    ("probe", "keys", "short_code", "sentence"),
    [
        (Probe.ACCESS, [], "600966", "Type the consumer key and the consumer secret first."),
        (Probe.PASSKEY, [SecretName.CONSUMER_KEY, SecretName.CONSUMER_SECRET], "600966", "Type the passkey first."),
        (Probe.PASSKEY, list(SecretName), "", "Type the PayBill or store number first."),
        (Probe.ACCESS, list(SecretName), "12", "The PayBill or store number has 5 to 7 digits."),
        (Probe.RELAY, [], "600966", "This till is not paired with a relay yet."),
    ],
)
def test_a_test_that_cannot_be_made_says_what_is_missing(
    desk: Desk, probe: Probe, keys: list[SecretName], short_code: str, sentence: str
) -> None:
    for name in keys:
        desk.secrets.set(name, "x")
    desk.open()
    desk.model.edit("short_code", short_code)
    desk.model.test(probe)
    standing, said = desk.tested(probe)
    assert standing is Standing.PROBLEM
    assert said.startswith(sentence)
    assert desk.connections.asked == []


def test_key_and_secret_can_be_tested_before_there_is_a_number(desk: Desk) -> None:
    for name in SecretName:
        desk.secrets.set(name, "x")
    desk.open(settings=Settings())
    desk.model.test(Probe.ACCESS)
    assert desk.tested(Probe.ACCESS)[0] is Standing.WORKS


def test_a_test_with_a_locked_key_store_says_so(desk: Desk) -> None:
    desk.secrets = LockedSecrets()
    desk.open()
    desk.model.test(Probe.ACCESS)
    assert "locked" in desk.tested(Probe.ACCESS)[1]


def test_the_relay_is_tested_with_the_pairing_in_force(desk: Desk) -> None:
    keep_pairing(SettingsFile(desk.path, {}), desk.secrets, TillIdentity("ab" * 16, "Counter 1"), PAIRING)
    page = desk.open(settings=None)
    page.relay.test.button.click()
    assert desk.tested(Probe.RELAY)[0] is Standing.WORKS
    assert desk.connections.asked == [("relay", PAIRING)]


def pair(desk: Desk, page: SettingsPage, code: str = "k7qm2x9d") -> None:
    page.show_part(page.relay)
    desk.write(page.relay.relay_url.line, "https://relay.example.co.ke")
    desk.write(page.relay.code.line, code)
    desk.write(page.relay.till_name.line, "Counter 2")


def test_pairing_by_code_is_kept_at_once_and_without_the_other_edits(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    assert "Not paired yet" in page.relay.standing.text()
    desk.write(page.shop.shop_name.line, "Akinyi")
    pair(desk, page)
    qtbot.keyClick(page.relay.code.line, Qt.Key.Key_Return)
    desk.settled()
    assert desk.connections.asked == [("pair", "https://relay.example.co.ke", "K7QM-2X9D", "Counter 2", "1")]
    kept = desk.on_disk()
    assert pairing_from(kept, desk.secrets) == PAIRING
    assert (kept.shop_name, kept.relay_till_name) == ("Duka", "Counter 2")
    assert page.relay.standing.text().startswith("✓ Paired with Duka la Wanjiru as Counter 2")
    assert page.relay.pair.text() == "Pair again"
    assert page.relay.code.line.text() == ""
    assert page.shop.shop_name.line.text() == "Akinyi"
    assert page.standing.text() == "● Unsaved changes"
    assert desk.saved == [desk.on_disk()]


def test_the_till_code_that_the_relay_gave_is_shown_and_can_be_changed_by_nobody(desk: Desk) -> None:
    desk.environ["TILL_CODE"] = "9"
    page = desk.open()
    assert page.shop.till_code.line.text() == "9"
    pair(desk, page)
    page.relay.pair.click()
    desk.settled()
    assert desk.connections.asked[-1][-1] == "9"
    assert page.standing.text() == "✓ Paired with Duka la Wanjiru as Counter 2. The code of this till is 7."
    for shown in (page, desk.open(settings=None)):
        assert (shown.shop.till_code.line.text(), shown.shop.till_code.line.isEnabled()) == ("7", False)
        assert "no other of the shop" in shown.shop.till_code.hint.text()
        assert "till code 7" in shown.relay.standing.text()


def test_a_save_on_its_way_while_the_till_is_paired_undoes_no_pairing(
    desk: Desk,
) -> None:
    page = desk.open()
    pair(desk, page)
    desk.write(page.shop.shop_name.line, "Akinyi")
    page.relay.pair.click()
    page.save.click()
    desk.settled()
    assert pairing_from(desk.on_disk(), desk.secrets) == PAIRING
    assert desk.on_disk().shop_name == "Akinyi"


def test_a_refused_code_is_said_and_the_old_pairing_stays(desk: Desk) -> None:
    desk.connections.paired = Refused("That code was used. Ask for a new one.")
    page = desk.open(settings=PAIRED)
    pair(desk, page)
    page.relay.pair.click()
    desk.settled()
    assert page.problem.text() == "! That code was used. Ask for a new one."
    assert desk.on_disk() == PAIRED
    assert page.relay.code.line.text() == "k7qm2x9d"


def test_what_cannot_be_a_pairing_is_refused_beside_its_field(desk: Desk) -> None:
    page = desk.open()
    page.relay.pair.click()
    assert "whole address" in page.relay.relay_url.error.text()
    assert "K7QM-2X9D" in page.relay.code.error.text()
    assert "Counter 1" in page.relay.till_name.error.text()
    assert desk.connections.asked == []


def test_two_presses_use_one_code_once(desk: Desk) -> None:
    desk.connections.release.clear()
    page = desk.open()
    pair(desk, page)
    page.relay.pair.click()
    assert page.relay.pair.text() == "Pairing …"
    desk.model.pair("https://relay.example.co.ke", "K7QM-2X9D", "Counter 2")
    desk.connections.release.set()
    desk.settled()
    assert len(desk.connections.asked) == 1


def test_a_pairing_whose_keys_cannot_be_kept_asks_for_a_new_code(desk: Desk) -> None:
    desk.secrets = LockedSecrets()
    page = desk.open()
    pair(desk, page)
    page.relay.pair.click()
    desk.settled()
    assert "Ask for a new code" in page.problem.text()
    assert desk.saved == []


def test_a_pairing_on_a_full_disk_asks_for_a_new_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = desk.open()
    pair(desk, page)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    page.relay.pair.click()
    desk.settled()
    assert "No space left on device" in page.problem.text()
    assert "Ask for a new code" in page.problem.text()


def test_an_unexpected_failure_to_pair_frees_the_button(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.connections.paired = RuntimeError("broken")
    page = desk.open()
    pair(desk, page)
    page.relay.pair.click()
    desk.settled()
    assert page.relay.pair.isEnabled()
    assert "could not be paired" in page.problem.text()


def test_in_training_the_mpesa_and_relay_fields_cannot_be_changed(desk: Desk) -> None:
    desk.training = True
    desk.practice_code = "1"
    page = desk.open()
    page.show_part(page.mpesa)
    assert "TRAINING" in page.mpesa.note.text()
    assert page.mpesa.note.isVisible()
    for field in (*page.mpesa.fields.values(), *page.mpesa.keys.values()):
        assert not field.editor.isEnabled()
    page.show_part(page.relay)
    assert not page.relay.form.isVisible()
    assert page.relay.standing.text() == "✓ Paired with the practice relay, till code 1"
    page.show_part(page.shop)
    assert page.shop.shop_name.line.isEnabled()
    assert (page.shop.till_code.line.text(), page.shop.till_code.line.isEnabled()) == ("1", False)


def test_every_control_has_a_name_and_a_target_of_48_pixels(desk: Desk) -> None:
    page = desk.open()
    page.mpesa.kind.buttons["buy_goods"].click()
    for section in page.sections:
        page.show_part(section)
        desk.qtbot.wait(0)
        controls: list[QWidget] = [*section.findChildren(QAbstractButton), *section.findChildren(QLineEdit)]
        for control in controls:
            assert control.accessibleName(), control
            assert control.height() >= 48, (control.accessibleName(), control.height())


def test_the_whole_page_is_reached_by_tab(desk: Desk, qtbot: QtBot) -> None:
    page = desk.open()
    names = set()
    for _ in range(20):
        focused = page.focusWidget()
        if focused is not None:
            names.add(focused.accessibleName())
        qtbot.keyClick(focused or page, Qt.Key.Key_Tab)
    assert {"Shop name", "Till code", "Back", "Parts of the settings"} <= names


def test_who_may_not_change_settings_is_told_so_and_nothing_is_written(desk: Desk) -> None:
    page = desk.open()
    desk.refusal = Refused("Akinyi (cashier) may not do that.")
    desk.write(page.shop.shop_name.line, "Queens shop")
    page.save.click()
    assert page.problem.text() == "! Akinyi (cashier) may not do that."
    assert desk.on_disk() == SHOP
    assert page.shop.shop_name.line.text() == "Queens shop", "what was typed is kept for who may"


def test_who_changed_which_settings_is_recorded_and_never_into_what(desk: Desk) -> None:
    page = desk.open()
    desk.write(page.shop.shop_name.line, "Queens shop")
    desk.model.type_key(SecretName.PASSKEY, "a new passkey")
    page.save.click()
    desk.qtbot.waitUntil(lambda: bool(desk.saved))
    assert desk.recorded == [(Event.CREDENTIALS_CHANGED, OWNER.name, "settings", "shop_name, passkey")]


def test_where_the_money_goes_and_the_keys_are_the_owners_the_rest_a_managers(desk: Desk) -> None:
    page = desk.open()
    desk.refusal = Refused("no")
    desk.model.edit("theme", ThemeChoice.DARK)
    page.save.click()
    desk.model.edit("short_code", "600977")
    page.save.click()
    desk.model.undo()
    desk.model.type_key(SecretName.PASSKEY, "another")
    page.save.click()
    assert desk.asked_for == [Action.CHANGE_SETTINGS, Action.CHANGE_CREDENTIALS, Action.CHANGE_CREDENTIALS]
