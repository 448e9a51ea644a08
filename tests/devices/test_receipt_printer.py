"""The PDF is one slip as wide as the roll, with text that can be searched, and is written whole or not at all."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QFontDatabase, QImage, QPainter

from pos_app.devices.receipt_paper import WIDTH, height_of, paint_receipt
from pos_app.devices.receipt_printer import write_pdf
from pos_app.domain.barcode import bars
from pos_app.domain.money import ZERO, Money
from pos_app.domain.receipt import Heading, Receipt, ReceiptTender
from pos_app.domain.reference import printed_reference
from pos_app.domain.sale import SaleLine
from pos_app.domain.tender import TenderKind

pytestmark = pytest.mark.usefixtures("qapp")

MILK = SaleLine("Milk 500 ml", Money.shillings(65), 2)
RECEIPT = Receipt(
    Heading("Duka la Wanjiru", "1", "PayBill 600966", "Akinyi"),
    sale_number=142,
    at=datetime(2026, 11, 23, 11, 4, tzinfo=UTC),
    lines=(MILK,),
    subtotal=MILK.total,
    rounding=ZERO,
    total=MILK.total,
    tenders=(ReceiptTender(TenderKind.MPESA, MILK.total, MILK.total, ZERO, "UKN7K2M9QX", "0712 ••• 678"),),
    remaining=ZERO,
    overpaid=ZERO,
)
QUIET_MODULES = 10
"""As Code 128 demands."""
TRAINING_RECEIPT = replace(RECEIPT, heading=replace(RECEIPT.heading, training=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sale-142.pdf"


def page_of(path: Path) -> tuple[float, float]:
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", path.read_bytes())
    assert len(boxes) == 1, "one page"
    return float(boxes[0][0]), float(boxes[0][1])


def letters_of(path: Path) -> set[str]:
    """Every letter that a PDF reader can copy, from the fonts' maps to Unicode."""
    streams = re.findall(rb"begincmap(.*?)endcmap", path.read_bytes(), re.DOTALL)
    return {chr(int(code, 16)) for code in re.findall(rb"<([0-9A-Fa-f]{4})>", b"".join(streams))}


def painted(receipt: Receipt) -> QImage:
    image = QImage(int(WIDTH), int(height_of(receipt)), QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    painter = QPainter(image)
    paint_receipt(painter, receipt)
    painter.end()
    return image


def inked(image: QImage, colour: str) -> int:
    wanted = QColor(colour).rgb()
    return sum(image.pixel(x, y) == wanted for x in range(image.width()) for y in range(image.height()))


def _is_dark(image: QImage, x: int, y: int) -> bool:
    return image.pixelColor(x, y).lightness() < 128


def test_the_page_is_80_mm_wide_and_as_long_as_the_sale(path: Path) -> None:
    write_pdf(RECEIPT, path)
    width, height = page_of(path)
    assert width == pytest.approx(80 / 25.4 * 72, abs=1)
    write_pdf(replace(RECEIPT, lines=(MILK,) * 40), path)
    assert page_of(path)[1] > 3 * height
    assert page_of(path)[0] == width


@pytest.mark.parametrize("lines", range(1, 12))
def test_no_length_of_slip_is_taken_for_another_kind_of_paper(path: Path, lines: int) -> None:
    receipt = replace(RECEIPT, lines=(MILK,) * lines)
    write_pdf(receipt, path)
    assert page_of(path)[1] / page_of(path)[0] == pytest.approx(height_of(receipt) / WIDTH, rel=0.01)


def test_figures_and_codes_can_be_searched_in_the_pdf(path: Path) -> None:
    write_pdf(TRAINING_RECEIPT, path)
    assert set("Milk500mlUKN7K2M9QX23Nov2026,14:04EAT–•×-") <= letters_of(path)


def test_a_second_pdf_replaces_the_first(path: Path) -> None:
    path.write_text("old")
    write_pdf(RECEIPT, path)
    assert path.read_bytes().startswith(b"%PDF-")
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error_with_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"sale-142\.pdf"):
        write_pdf(RECEIPT, tmp_path / "nowhere" / "sale-142.pdf")


def test_a_file_that_cannot_be_finished_is_an_error_and_the_old_one_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("old")
    monkeypatch.setattr("PySide6.QtCore.QSaveFile.commit", lambda _file: False)
    with pytest.raises(OSError, match=r"sale-142\.pdf"):
        write_pdf(RECEIPT, path)
    assert path.read_text() == "old"


def test_the_paper_is_white_to_its_edges() -> None:
    assert inked(painted(RECEIPT), "red") == 0


def test_only_a_training_slip_has_the_words_across() -> None:
    assert inked(painted(RECEIPT), "#DADFE4") == 0
    assert inked(painted(TRAINING_RECEIPT), "#DADFE4") > 1_000


@pytest.mark.parametrize("receipt", [RECEIPT, TRAINING_RECEIPT])
def test_the_bars_are_on_the_slip_one_module_two_wide_and_with_white_beside_them(receipt: Receipt) -> None:
    image = painted(receipt)
    drawn = [index % 2 == 0 for index, width in enumerate(bars("1-000142")) for _ in range(2 * width)]
    beside = (image.width() - len(drawn)) // 2
    assert beside >= QUIET_MODULES * 2
    wanted = [*[False] * beside, *drawn, *[False] * beside]
    rows = ([_is_dark(image, x, y) for x in range(image.width())] for y in range(image.height()))
    assert sum(row == wanted for row in rows) > 30


def test_a_longer_code_is_drawn_finer_and_keeps_the_white_that_a_scanner_needs() -> None:
    image = painted(replace(RECEIPT, heading=replace(RECEIPT.heading, till="ZZ9"), sale_number=999_999_999))
    modules = sum(bars(printed_reference("ZZ9", 999_999_999))) + 2 * QUIET_MODULES
    across = image.height() - 60  # through the bars, which stand last
    dark = [x for x in range(image.width()) if _is_dark(image, x, across)]
    quiet = QUIET_MODULES * image.width() / modules
    assert dark[0] == pytest.approx(quiet, abs=1)
    assert image.width() - 1 - dark[-1] == pytest.approx(quiet, abs=1)


def test_the_fonts_come_with_the_program() -> None:
    height_of(RECEIPT)
    assert "Inter" in QFontDatabase.families()
