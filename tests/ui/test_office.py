"""The office: who sees what, the record of who did what, and that nobody sees what somebody else was allowed to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from pos_app.domain.audit import AuditEntry, Event, Fault, Head
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Person, Role, Session
from pos_app.services.changes import Changes, SessionChanged
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.office.part import Part
from pos_app.ui.office.record import COLUMNS, EVENTS, RecordModel, RecordPart
from pos_app.ui.office.view import OfficePage
from pos_app.ui.tasks import Tasks

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LONG = "KES 6,200 by reversal, UKO7K2M9QX → UKO9R8F7ND, COMPLETED, faulty, " + "and more to say, " * 9 + "to its end"


def entry(seq: int, event: Event, **told: str) -> AuditEntry:
    texts = {"actor": "Akinyi", "approver": "", "subject": "refund 3", "detail": "KES 100", **told}
    return AuditEntry(seq, NOW, event, **texts, previous="")


@dataclass
class FakeRecord:
    entries: tuple[AuditEntry, ...]
    asked: list[tuple[Event | None, str]] = field(default_factory=list)
    fault: Fault | None = None
    anchors: list[Head] = field(default_factory=list)

    async def newest(self, *, event: Event | None, text: str, limit: int) -> Sequence[AuditEntry]:
        self.asked.append((event, text))
        return [one for one in self.entries[:limit] if event in {None, one.event} and text in one.actor]

    async def head(self) -> Head:
        return Head(len(self.entries))

    async def verify(self, anchor: Head) -> Fault | None:
        self.anchors.append(anchor)
        return self.fault


@dataclass
class FakeOffice:
    record: FakeRecord
    told: str | Refused = "seq,at\n"
    held: Head = field(default_factory=Head)

    @property
    def record_export(self) -> "FakeOffice":
        return self

    @property
    def anchoring(self) -> "FakeOffice":
        return self

    async def export(self) -> str | Refused:
        return self.told


class Desk:
    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot, self.tasks = qtbot, Tasks()
        allowed = entry(2, Event.ALLOWED, approver="Otieno", subject="", detail=Action.CANCEL_SALE.value)
        self.record = FakeRecord((entry(3, Event.REFUND_ENDED, actor="M-Pesa", detail=LONG), allowed))
        self.office = FakeOffice(self.record)

    def open(self) -> RecordPart:
        office: Any = self.office
        part = RecordPart(RecordModel(office, self.tasks, clock=lambda: NOW))
        self.qtbot.addWidget(part)
        part.resize(1080, 640)
        part.show()
        part.enter()
        self.quiet()
        return part

    def quiet(self) -> None:
        self.qtbot.waitUntil(lambda: not self.tasks.live)


@pytest.fixture
def desk(qtbot: QtBot, aloop: TillLoop) -> Desk:
    return Desk(qtbot)


def test_the_newest_entry_is_whole_below_the_table_and_every_other_once_it_is_chosen(desk: Desk) -> None:
    part = desk.open()
    assert part.whole.text().startswith("3 · 12:00:00 · Refund ended · M-Pesa · refund 3 · KES 6,200 by reversal")
    assert part.whole.text().endswith("to its end")
    part.table.selectRow(1)
    assert part.whole.text() == "2 · 12:00:00 · Allowed in place · Akinyi · Otieno · cancel this sale"


def test_the_record_is_filtered_by_kind_and_back(desk: Desk) -> None:
    part = desk.open()
    for kind, rows in ((Event.REFUND_ENDED, 1), (Event.SIGNED_IN, 0), (None, 2)):
        part.kind.setCurrentIndex(part.kind.findData(kind))
        desk.quiet()
        assert desk.record.asked[-1] == (kind, "")
        assert part.table.model().rowCount() == rows
        assert part.table.isVisible() == bool(rows)
        assert part.empty.isVisible() == (not rows)
    assert part.empty.text() == ""


def test_a_search_is_asked_once_the_typing_rests(desk: Desk, qtbot: QtBot) -> None:
    part = desk.open()
    qtbot.keyClicks(part.search, "Akinyi")
    qtbot.waitUntil(lambda: desk.record.asked[-1] == (None, "Akinyi"))
    desk.quiet()
    assert part.table.model().rowCount() == 1
    assert part.whole.text().startswith("2 ")


def test_whether_it_is_whole_is_said_by_a_sign_and_a_sentence(desk: Desk) -> None:
    part = desk.open()
    part.verify.click()
    desk.quiet()
    whole = "✓ The record is whole: 2 entries, none of them changed, none missing in between."
    assert part.note.text() == f"{whole} The relay could not be asked yet whether its end was cut."
    desk.office.held = Head(1, "mac")
    part.verify.click()
    desk.quiet()
    assert part.note.text() == f"{whole} It holds entry 1, as the relay was told of it."
    assert desk.record.anchors == [Head(), Head(1, "mac")]
    desk.record.fault = Fault(2, "Entry 2 was changed.")
    part.verify.click()
    desk.quiet()
    assert part.problem.text() == "! Entry 2 was changed."
    assert part.note.text() == ""


def test_the_record_is_written_to_a_file_or_says_why_not(desk: Desk, tmp_path: Path) -> None:
    part = desk.open()
    part._model.export(tmp_path / "record.csv")
    desk.quiet()
    assert (tmp_path / "record.csv").read_text() == "seq,at\n"
    assert part.note.text() == "✓ Written to record.csv."
    part._model.export(tmp_path / "nowhere" / "record.csv")
    desk.quiet()
    assert part.problem.text().endswith("It is safe in the till.")
    desk.office.told = Refused("Akinyi (cashier) may not do that. Nothing was done.")
    part._model.export(tmp_path / "record.csv")
    desk.quiet()
    assert part.problem.text().startswith("! Akinyi (cashier) may not do that.")


def test_every_kind_of_entry_has_words_and_every_column_a_name() -> None:
    assert set(EVENTS) == set(Event)
    assert len(set(COLUMNS)) == len(COLUMNS)


class Shown(Part):
    def __init__(self, title: str, sees: Action) -> None:
        super().__init__()
        self.title, self.sees = title, sees
        self.log: list[str] = []
        QLabel("What only some may see", self)

    def enter(self) -> None:
        self.log.append("enter")

    def leave(self) -> None:
        self.log.append("leave")


class Page:
    """Two parts: everybody sees the first, whoever `may` the second."""

    def __init__(self, qtbot: QtBot) -> None:
        self.changes, self.may = Changes(), False
        self.parts = Shown("Refunds", Action.SEE_HISTORY), Shown("Accounts", Action.SEE_ACCOUNTS)
        self.page = OfficePage(self.changes, self._refused, *self.parts)
        qtbot.addWidget(self.page)
        self.page.show()
        self.page.activateWindow()
        qtbot.waitUntil(self.page.list.hasFocus)

    def _refused(self, action: Action) -> Refused | None:
        denied = action is Action.SEE_ACCOUNTS and not self.may
        return Refused("Akinyi (cashier) may not do that.") if denied else None

    def comes(self, *, may: bool) -> None:
        self.may = may
        self.changes.publish(SessionChanged(Session(Person(1, "Somebody", Role.CASHIER), NOW)))


@pytest.fixture
def office(qtbot: QtBot) -> Page:
    return Page(qtbot)


def test_a_part_that_may_not_be_seen_says_so_and_enter_looks_again(office: Page, qtbot: QtBot) -> None:
    qtbot.keyClick(office.page.list, Qt.Key.Key_Down)
    assert office.page.denied.isVisible()
    assert office.page.denied.text() == "Akinyi (cashier) may not do that."
    office.may = True
    qtbot.keyClick(office.page.list, Qt.Key.Key_Return)
    assert office.parts[1].isVisible()
    assert office.parts[1].log == ["enter"]


def test_whoever_signs_in_at_the_office_sees_what_they_may_and_not_what_the_last_one_might(office: Page) -> None:
    office.page.show_part(office.parts[1])
    assert office.page.denied.isVisible()
    office.comes(may=True)
    assert office.parts[1].isVisible()
    office.changes.publish(SessionChanged(None))
    assert not office.parts[1].isVisible(), "nobody is signed in"
    office.comes(may=False)
    assert office.page.denied.isVisible()
    assert office.parts[1].log == ["enter", "leave"]


def test_a_part_is_left_when_the_page_is(office: Page) -> None:
    office.page.hide()
    assert office.parts[0].log == ["enter", "leave"]
    office.page.show()
    assert office.parts[0].log == ["enter", "leave", "enter"]


def test_escape_leaves_the_office_where_its_part_has_no_step_back(office: Page, qtbot: QtBot) -> None:
    with qtbot.waitSignal(office.page.closed):
        qtbot.keyClick(office.page.list, Qt.Key.Key_Escape)
