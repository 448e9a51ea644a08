"""Draws the rows of a receipt on 80 mm paper with any painter, so that screen and PDF show the same slip."""

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QPainter, QPainterPath, QPen

from pos_app.domain.barcode import bars
from pos_app.domain.receipt import TRAINING, Row, RowStyle, Slip, rows_of
from pos_app.paths import resource_path

WIDTH = 302.0
"""80 mm at 96 dots to the inch; the painter's own scale makes it any size."""
MARGIN = 15.0
_INNER = WIDTH - 2 * MARGIN
_GAP = 10.0
_INDENT = 12.0
_INK = QColor("#16202A")
_WATERMARK = QColor("#DADFE4")
_FAMILY = "Inter"
_FILES = ("Inter_400Regular.ttf", "Inter_600SemiBold.ttf", "Inter_700Bold.ttf")


@dataclass(frozen=True, slots=True)
class _Type:
    pixels: int
    weight: QFont.Weight
    space: float
    """Above the row."""


_TYPES = {
    RowStyle.TITLE: _Type(19, QFont.Weight.Bold, 6),
    RowStyle.BANNER: _Type(13, QFont.Weight.Bold, 4),
    RowStyle.CENTRED: _Type(12, QFont.Weight.Normal, 3),
    RowStyle.PAIR: _Type(13, QFont.Weight.Normal, 4),
    RowStyle.TOTAL: _Type(19, QFont.Weight.Bold, 5),
    RowStyle.SMALL: _Type(12, QFont.Weight.Normal, 0),
    RowStyle.BARS: _Type(12, QFont.Weight.Normal, 8),
}
_RULE_HEIGHT = 13.0
_BANNER_PADDING = 5.0
_BARS_HEIGHT = 42.0
_MODULE, _QUIET = 2.0, 10
"""Half a millimetre, which every scanner reads from an arm's length, and so many of them white on both sides."""
_FLAGS = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere


def height_of(receipt: Slip) -> float:
    return 2 * MARGIN + sum(_row_height(row) for row in rows_of(receipt))


def paint_receipt(painter: QPainter, receipt: Slip) -> None:
    """On white, from the painter's origin, `WIDTH` × `height_of(receipt)` of its units."""
    height = height_of(receipt)
    painter.fillRect(QRectF(0, 0, WIDTH, height), Qt.GlobalColor.white)
    if receipt.training:
        _paint_across(painter, height)
    top = MARGIN
    for row in rows_of(receipt):
        _paint_row(painter, row, top)
        top += _row_height(row)


def _paint_across(painter: QPainter, height: float) -> None:
    """Grey across the slip, often enough that no torn-off piece is without it."""
    words = QPainterPath()  # outlines, so that the text under them can still be searched and copied
    words.setFillRule(Qt.FillRule.WindingFill)
    words.addText(0, 0, _font(24, QFont.Weight.Bold), TRAINING)
    words.translate(-words.boundingRect().center())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipRect(QRectF(0, 0, WIDTH, height))
    for middle in range(110, int(height), 190):
        painter.save()
        painter.translate(WIDTH / 2, middle)
        painter.rotate(-24)
        painter.fillPath(words, _WATERMARK)
        painter.restore()
    painter.restore()


def _paint_row(painter: QPainter, row: Row, top: float) -> None:
    if row.style is RowStyle.RULE:
        painter.setPen(QPen(_INK, 0.8, Qt.PenStyle.DashLine))
        middle = top + _RULE_HEIGHT / 2 + 1
        painter.drawLine(QPointF(MARGIN, middle), QPointF(WIDTH - MARGIN, middle))
        return
    kind = _TYPES[row.style]
    box = QRectF(MARGIN, top + kind.space, _INNER, _row_height(row) - kind.space)
    painter.setPen(_INK)
    painter.setFont(_font_of(row))
    if row.style is RowStyle.BANNER:
        _paint_banner(painter, row, box)
    elif row.style is RowStyle.BARS:
        _paint_bars(painter, row, box)
    elif row.style in {RowStyle.TITLE, RowStyle.CENTRED}:
        painter.drawText(box, _FLAGS | Qt.AlignmentFlag.AlignHCenter, row.left)
    else:
        _paint_pair(painter, row, box)


def _paint_banner(painter: QPainter, row: Row, box: QRectF) -> None:
    painter.fillRect(box, _INK)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, row.left)


def _paint_bars(painter: QPainter, row: Row, box: QRectF) -> None:
    """On white of their own, or the words across a training slip would join them."""
    widths = bars(row.left)
    module = min(_MODULE, WIDTH / (sum(widths) + 2 * _QUIET))
    left = (WIDTH - sum(widths) * module) / 2
    painter.fillRect(QRectF(0, box.top(), WIDTH, _BARS_HEIGHT), Qt.GlobalColor.white)
    for position, width in enumerate(widths):
        if position % 2 == 0:
            painter.fillRect(QRectF(left, box.top(), width * module, _BARS_HEIGHT), _INK)
        left += width * module
    painter.drawText(box.adjusted(0, _BARS_HEIGHT, 0, 0), _FLAGS | Qt.AlignmentFlag.AlignHCenter, row.left)


def _paint_pair(painter: QPainter, row: Row, box: QRectF) -> None:
    left = box.adjusted(_indent(row), 0, 0, 0)
    left.setWidth(_left_width(row))
    painter.drawText(left, _FLAGS, row.left)
    painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom, row.right)


def _row_height(row: Row) -> float:
    if row.style is RowStyle.RULE:
        return _RULE_HEIGHT
    kind = _TYPES[row.style]
    width = _left_width(row) if row.right or row.style is RowStyle.SMALL else _INNER
    text = QFontMetricsF(_font_of(row)).boundingRect(QRectF(0, 0, width, 10_000), _FLAGS, row.left)
    padding = {RowStyle.BANNER: 2 * _BANNER_PADDING, RowStyle.BARS: _BARS_HEIGHT}.get(row.style, 0.0)
    return kind.space + max(text.height(), QFontMetricsF(_font_of(row)).height()) + padding


def _left_width(row: Row) -> float:
    right = QFontMetricsF(_font_of(row)).horizontalAdvance(row.right)
    return _INNER - _indent(row) - (right + _GAP if row.right else 0.0)


def _indent(row: Row) -> float:
    return _INDENT if row.style is RowStyle.SMALL else 0.0


def _font_of(row: Row) -> QFont:
    kind = _TYPES[row.style]
    return _font(kind.pixels, kind.weight)


@lru_cache(maxsize=16)
def _font(pixels: int, weight: QFont.Weight) -> QFont:
    _load_fonts()
    font = QFont(_FAMILY, weight=weight)
    font.setPixelSize(pixels)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    # Substituted glyphs (tabular figures, contextual dashes) lose their letters in a PDF: nobody could search it.
    font.setFeature(QFont.Tag.fromString("calt"), 0)
    return font


def _load_fonts() -> None:
    if _FAMILY not in QFontDatabase.families():
        for file in _FILES:
            QFontDatabase.addApplicationFont(str(resource_path("fonts", file)))
