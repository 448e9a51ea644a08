"""How much room a page needs at its width; pages that would not fit leave out what they can do without."""

from PySide6.QtWidgets import QWidget


def fits(page: QWidget) -> bool:
    layout = page.layout()
    if layout is None:
        return True
    layout.activate()
    wraps = layout.hasHeightForWidth()
    needed = layout.totalHeightForWidth(page.width()) if wraps else layout.totalSizeHint().height()
    return needed <= page.height()
