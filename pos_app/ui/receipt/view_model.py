"""What the receipt screen shows: one receipt and where its PDF went; it knows no widget."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from pos_app.domain.day_slip import DaySlip
from pos_app.domain.receipt import Slip
from pos_app.domain.refused import Refused
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.receipts import Receipts


Shown = tuple[Callable[[int], Awaitable[Slip]], Callable[[int], Awaitable[Path | Refused]], int]
"""How it is read, how it is written, and of which sale, refund or entry of the record."""


@dataclass(frozen=True, slots=True)
class ReceiptState:
    receipt: Slip | None = None
    saving: bool = False
    saved: Path | None = None
    problem: str = ""


def open_on_desktop(path: Path) -> bool:
    """Whether a program for it was started."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class ReceiptViewModel(QObject):
    changed = Signal()

    def __init__(self, receipts: "Receipts", tasks: Tasks, open_file: Callable[[Path], bool] = open_on_desktop) -> None:
        super().__init__()
        self._receipts = receipts
        self._tasks = tasks
        self._open_file = open_file
        self._shown: Shown | None = None
        self.state = ReceiptState()

    def show_sale(self, sale_id: int) -> None:
        self._show((self._receipts.of_sale, self._receipts.save_pdf, sale_id))

    def show_refund(self, refund_id: int) -> None:
        self._show((self._receipts.of_refund, self._receipts.save_refund_pdf, refund_id))

    def show_day(self, slip: DaySlip) -> None:
        """It is not read again: what the accounts hold is told once."""

        async def told(_entry: int) -> Slip:
            return slip

        self._show((told, lambda _entry: self._receipts.save_day_pdf(slip), slip.head.seq))

    def _show(self, shown: "Shown") -> None:
        self._shown = shown
        self._set(ReceiptState())
        self._tasks.start(self._load(shown), "receipt")

    def save(self) -> None:
        """A second press while the first is at work does nothing: each PDF after the first is a copy."""
        if self._shown is not None and self.state.receipt and not self.state.saving:
            self._set(replace(self.state, saving=True, problem=""))
            self._tasks.start(self._save(self._shown), "save receipt")

    def open_saved(self) -> None:
        if self.state.saved and not self._open_file(self.state.saved):
            self._set(replace(self.state, problem="No program on this computer opens PDF files. The file is saved."))

    async def _load(self, shown: "Shown") -> None:
        read, _, of = shown
        receipt = await read(of)
        if shown == self._shown:
            self._set(replace(self.state, receipt=receipt))

    async def _save(self, shown: "Shown") -> None:
        _, write, of = shown
        saved: Path | Refused = Refused("The receipt could not be saved. The sale and its payments are safe.")
        try:
            saved = await write(of)
        finally:
            if shown == self._shown:
                self._set(_after_saving(self.state, saved))

    def _set(self, state: ReceiptState) -> None:
        self.state = state
        self.changed.emit()


def _after_saving(state: ReceiptState, saved: Path | Refused) -> ReceiptState:
    if isinstance(saved, Refused):
        return replace(state, saving=False, problem=saved.sentence)
    return replace(state, saving=False, saved=saved, problem="")
