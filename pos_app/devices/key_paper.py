"""Writes the recovery key on one small page, to be printed and put away; it decides no words of the key."""

from pathlib import Path

from PySide6.QtCore import QMarginsF, QRectF, Qt
from PySide6.QtGui import QFont, QPageLayout, QPageSize, QPainter, QPdfWriter

_ABOUT = (
    "M-Pesa till: recovery key.\n\nWhoever has this paper can become the owner of the till. Keep it locked away, not "
    "beside the till. It is used under “I forgot my PIN”."
)


def write_key_paper(key: str, path: Path) -> None:
    """A6. Needs a QGuiApplication. Raises OSError."""
    path.touch(mode=0o600)
    writer = QPdfWriter(str(path))
    writer.setPageLayout(
        QPageLayout(QPageSize(QPageSize.PageSizeId.A6), QPageLayout.Orientation.Landscape, QMarginsF(8, 8, 8, 8))
    )
    writer.setTitle("Recovery key")
    painter = QPainter()
    if not painter.begin(writer):
        raise OSError(f"{path.name} cannot be written")
    page = QRectF(0, 0, writer.width(), writer.height())
    wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop
    painter.setFont(QFont(painter.font().family(), 10))
    painter.drawText(page, wrap, _ABOUT)
    painter.setFont(QFont(painter.font().family(), 15, QFont.Weight.Bold))
    painter.drawText(page, Qt.AlignmentFlag.AlignCenter, key)
    painter.end()
