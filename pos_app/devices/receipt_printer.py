"""Writes a receipt as a PDF as wide as the roll and as long as the sale; it decides neither name nor words."""

from pathlib import Path

from PySide6.QtCore import QIODevice, QMarginsF, QSaveFile, QSizeF
from PySide6.QtGui import QPageLayout, QPageSize, QPainter, QPdfWriter

from pos_app.devices.receipt_paper import WIDTH, height_of, paint_receipt
from pos_app.domain.receipt import Slip

_ROLL_MM = 80.0
_DOTS_PER_INCH = 600


def write_pdf(receipt: Slip, path: Path) -> None:
    """The whole file or none, safe on disk on return. Needs a QGuiApplication. Raises OSError."""
    file = QSaveFile(str(path))
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        raise OSError(f"{path.name}: {file.errorString()}")
    _paint(receipt, file)
    if not file.commit():
        raise OSError(f"{path.name}: {file.errorString()}")


def _paint(receipt: Slip, device: QIODevice) -> None:
    millimetres = _ROLL_MM / WIDTH
    writer = QPdfWriter(device)
    writer.setResolution(_DOTS_PER_INCH)
    writer.setTitle(receipt.title)
    writer.setCreator("M-Pesa till")
    size = QSizeF(_ROLL_MM, height_of(receipt) * millimetres)
    # Without ExactMatch a slip of 81 × 114 mm would become an envelope.
    page = QPageSize(size, QPageSize.Unit.Millimeter, "Receipt", QPageSize.SizeMatchPolicy.ExactMatch)
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
    painter = QPainter(writer)
    painter.scale(writer.width() / WIDTH, writer.width() / WIDTH)
    paint_receipt(painter, receipt)
    painter.end()
