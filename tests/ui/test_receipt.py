"""The receipt screen: what is shown, what Enter does, and where the file is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from pos_app.domain.money import ZERO, Money
from pos_app.domain.receipt import Heading, Receipt, ReceiptTender
from pos_app.domain.refused import Refused
from pos_app.domain.sale import SaleLine
from pos_app.domain.tender import TenderKind
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.receipt.view import ReceiptView
from pos_app.ui.receipt.view_model import ReceiptViewModel
from pos_app.ui.tasks import Tasks

BREAD = SaleLine("Bread", Money.shillings(65))
RECEIPT = Receipt(
    Heading("Duka la Wanjiru", "1", "PayBill 600966"),
    sale_number=142,
    at=datetime(2026, 11, 23, 11, 4, tzinfo=UTC),
    lines=(BREAD,),
    subtotal=BREAD.total,
    rounding=ZERO,
    total=BREAD.total,
    tenders=(ReceiptTender(TenderKind.MPESA, BREAD.total, BREAD.total, ZERO, "UKN7K2M9QX", "0712 ••• 678"),),
    remaining=ZERO,
    overpaid=ZERO,
)


class FakeReceipts:
    def __init__(self) -> None:
        self.receipt = RECEIPT
        self.answer: Path | Refused | Exception = Path("/data/receipts/sale-142.pdf")
        self.saves = 0
        self.release = asyncio.Event()
        self.release.set()

    async def of_sale(self, sale_id: int) -> Receipt:
        await asyncio.sleep(0)
        return replace(self.receipt, sale_number=sale_id)

    async def save_pdf(self, sale_id: int) -> Path | Refused:
        self.saves += 1
        await self.release.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def receipts() -> FakeReceipts:
    return FakeReceipts()


@pytest.fixture
def opened() -> list[Path]:
    return []


@pytest.fixture
def make(qtbot: QtBot, aloop: TillLoop, receipts: FakeReceipts, opened: list[Path]) -> Callable[[], ReceiptView]:
    def build() -> ReceiptView:
        view_model = ReceiptViewModel(receipts, Tasks(), lambda path: bool(opened.append(path)) or len(opened) > 1)  # type: ignore[arg-type]
        view = ReceiptView(view_model)
        qtbot.addWidget(view)
        view.resize(1280, 660)
        view.show()
        qtbot.waitExposed(view)
        view.activateWindow()
        view.show_sale(142)
        qtbot.waitUntil(view.save.isEnabled)
        return view

    return build


def test_the_slip_is_shown_and_read_out(make: Callable[[], ReceiptView]) -> None:
    view = make()
    assert view.title.text() == "Receipt of sale 142"
    assert view.paper.isVisible()
    assert "UKN7K2M9QX   0712 ••• 678" in view.paper.accessibleDescription()
    assert not view.kind.isVisible()


def test_enter_saves_and_says_where_the_file_is_and_the_next_enter_leaves(
    make: Callable[[], ReceiptView], qtbot: QtBot, receipts: FakeReceipts
) -> None:
    view = make()
    qtbot.waitUntil(view.save.hasFocus)
    qtbot.keyClick(view.save, Qt.Key.Key_Return)
    qtbot.waitUntil(view.saved.isVisible)
    assert view.saved.text() == "✓ Saved as sale-142.pdf"
    assert view.folder.text() == f"in {Path('/data/receipts')}"
    assert view.save.text().startswith("Save a copy")
    with qtbot.waitSignal(view.closed):
        qtbot.keyClick(view.focusWidget(), Qt.Key.Key_Return)
    assert receipts.saves == 1


def test_f10_saves_and_escape_leaves(make: Callable[[], ReceiptView], qtbot: QtBot, receipts: FakeReceipts) -> None:
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.saved.isVisible)
    with qtbot.waitSignal(view.closed):
        qtbot.keyClick(view, Qt.Key.Key_Escape)


def test_a_second_press_while_saving_saves_no_second_file(
    make: Callable[[], ReceiptView], qtbot: QtBot, receipts: FakeReceipts
) -> None:
    receipts.release.clear()
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    assert view.save.text() == "Saving …"
    qtbot.keyClick(view, Qt.Key.Key_F10)
    receipts.release.set()
    qtbot.waitUntil(view.saved.isVisible)
    assert receipts.saves == 1


def test_a_refusal_is_a_sentence_and_saving_can_be_tried_again(
    make: Callable[[], ReceiptView], qtbot: QtBot, receipts: FakeReceipts
) -> None:
    receipts.answer = Refused("The disk is full. The sale is safe.")
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.problem.isVisible)
    assert view.problem.text() == "The disk is full. The sale is safe."
    assert view.save.hasFocus()
    receipts.answer = Path("/data/receipts/sale-142.pdf")
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.saved.isVisible)
    assert not view.problem.isVisible()
    qtbot.waitUntil(view.done.hasFocus)


def test_an_unexpected_failure_frees_the_button_and_says_that_the_money_is_safe(
    make: Callable[[], ReceiptView], qtbot: QtBot, receipts: FakeReceipts, caplog: pytest.LogCaptureFixture
) -> None:
    receipts.answer = RuntimeError("broken")
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.problem.isVisible)
    assert "payments are safe" in view.problem.text()
    assert view.save.isEnabled()
    qtbot.waitUntil(lambda: "broken" in caplog.text)


def test_a_copy_and_a_training_slip_are_called_so(make: Callable[[], ReceiptView], receipts: FakeReceipts) -> None:
    receipts.receipt = replace(RECEIPT, copy=True)
    view = make()
    assert "marked COPY" in view.kind.text()
    assert view.save.text().startswith("Save a copy")
    receipts.receipt = replace(RECEIPT, copy=True, heading=replace(RECEIPT.heading, training=True))
    assert "not a receipt" in make().kind.text()


def test_the_pdf_is_opened_or_it_is_said_that_nothing_can(
    make: Callable[[], ReceiptView], qtbot: QtBot, opened: list[Path]
) -> None:
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.open.isVisible)
    qtbot.mouseClick(view.open, Qt.MouseButton.LeftButton)
    assert view.problem.text() == "No program on this computer opens PDF files. The file is saved."
    qtbot.mouseClick(view.open, Qt.MouseButton.LeftButton)
    assert opened == [Path("/data/receipts/sale-142.pdf")] * 2


def test_an_answer_for_another_sale_is_not_shown(make: Callable[[], ReceiptView], qtbot: QtBot) -> None:
    view = make()
    view.show_sale(1)
    view.show_sale(2)
    qtbot.waitUntil(view.save.isEnabled)
    assert view.title.text() == "Receipt of sale 2"


def test_nothing_is_saved_before_there_is_a_receipt(aloop: TillLoop, receipts: FakeReceipts) -> None:
    view_model = ReceiptViewModel(receipts, Tasks())  # type: ignore[arg-type]
    view_model.save()
    view_model.open_saved()
    assert receipts.saves == 0


def test_every_control_has_a_name_and_a_target_of_48_pixels(make: Callable[[], ReceiptView], qtbot: QtBot) -> None:
    view = make()
    qtbot.keyClick(view, Qt.Key.Key_F10)
    qtbot.waitUntil(view.open.isVisible)
    for button in (view.save, view.open, view.done):
        assert button.accessibleName()
        assert button.height() >= 48
