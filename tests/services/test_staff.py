"""People and PINs on a real file: set-up, signing in, guessing, recovery, and what a stolen file is worth."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pos_app.domain.audit import Event, Fault, Head
from pos_app.domain.lockout import FREE_TRIES, MOST_TRIES
from pos_app.domain.refused import Refused
from pos_app.domain.staff import Action, Permit, Person, Role, Session
from pos_app.services import key_ring, pins
from pos_app.services.audit_log import LOST_KEYS, AuditLog
from pos_app.services.authority import LENT_SECONDS, NOBODY, Authorised, Authority
from pos_app.services.changes import ActionDenied, Changes, PermitUsed, SessionChanged
from pos_app.services.proving import Proving
from pos_app.services.staff import Staff
from pos_app.store import audit, staff
from pos_app.store.database import Database

pytestmark = pytest.mark.anyio

OWNER_PIN, MANAGER_PIN, CASHIER_PIN = "90736215", "maziwa na mkate", "482915"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Store(dict[str, str]):
    """A key store: what is kept outside the database."""

    def get(self, name: str) -> str:  # type: ignore[override]  # the till's key stores give "" for what is absent
        return super().get(name, "")

    def set(self, name: str, value: str) -> None:
        self[name] = value


class Till:
    recovery: str

    def __init__(self, folder: Path, keys: Store) -> None:
        self.path, self.keys, self.seconds = folder / "till.db", keys, 1000.0

    async def open(self) -> "Till":
        """Also after `close`: a restart, in which the monotonic clock begins anew."""
        self.changes = Changes()
        self.database = Database(self.path)
        await self.database.open()
        self.authority = Authority(self.changes, elapsed=lambda: self.seconds)
        self.denied: list[ActionDenied] = []
        self.changes.subscribe(ActionDenied, self.denied.append)
        self.record = AuditLog(self.database, self.keys, clock=lambda: NOW)
        self.proving = Proving(self.database, self.keys, self.record, elapsed=lambda: self.seconds)
        self.staff = Staff(
            self.database,
            self.keys,
            self.changes,
            authority=self.authority,
            proving=self.proving,
            record=self.record,
            clock=lambda: NOW,
        )
        return self

    async def restart(self) -> None:
        await self.database.close()
        await self.open()

    async def person(self, name: str) -> Person:
        return next(person for person in await self.staff.people() if person.name == name)

    async def signed_in(self, name: str, pin: str) -> None:
        session = await self.staff.sign_in((await self.person(name)).id, pin)
        assert isinstance(session, Session)

    async def events(self) -> list[tuple[Event, str, str]]:
        return [(entry.event, entry.actor, entry.approver) for entry in await self.record.newest()]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    made = await Till(tmp_path, Store()).open()
    yield made
    await made.database.close()


@pytest.fixture
async def staffed(till: Till) -> Till:
    """Wanjiru owns it, Otieno manages, Akinyi is at the counter; nobody is signed in."""
    recovery = await till.staff.set_up("Wanjiru", OWNER_PIN)
    assert isinstance(recovery, str)
    till.recovery = recovery
    assert isinstance(await till.staff.add("Otieno", Role.MANAGER, MANAGER_PIN), Person)
    assert isinstance(await till.staff.add("Akinyi", Role.CASHIER, CASHIER_PIN), Person)
    await till.staff.sign_out()
    return till


async def test_the_first_run_makes_an_owner_who_is_signed_in_and_gives_a_key_to_print(till: Till) -> None:
    recovery = await till.staff.set_up("  Wanjiru   Njeri ", OWNER_PIN)
    assert isinstance(recovery, str)
    assert len(recovery.replace("-", "")) == 30
    assert till.authority.person == Person(1, "Wanjiru Njeri", Role.OWNER)
    again = await till.staff.set_up("Mwizi", "73920184")
    assert isinstance(again, Refused)
    assert len(await till.staff.people()) == 1


@pytest.mark.parametrize(
    ("name", "pin"), [("", OWNER_PIN), ("x" * 41, OWNER_PIN), ("A\nB\x00", OWNER_PIN), ("A", "1234")]
)
async def test_a_weak_pin_or_no_name_sets_nothing_up(till: Till, name: str, pin: str) -> None:
    assert isinstance(await till.staff.set_up(name, pin), Refused)
    assert await till.staff.people() == ()
    assert till.keys == {}


async def test_the_right_pin_signs_in_and_says_so_to_the_screens(staffed: Till) -> None:
    told: list[Session | None] = []
    staffed.changes.subscribe(SessionChanged, lambda change: told.append(change.session))
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    await staffed.signed_in("Otieno", MANAGER_PIN)
    await staffed.staff.sign_out()
    assert [session and session.person.name for session in told] == ["Akinyi", "Otieno", None]
    events = [event for event, actor, _ in await staffed.events() if actor != "Wanjiru"]
    assert events == [Event.SIGNED_OUT, Event.SIGNED_IN, Event.SIGNED_IN]


async def test_a_wrong_pin_is_refused_counted_and_recorded(staffed: Till) -> None:
    akinyi = await staffed.person("Akinyi")
    refused = await staffed.staff.sign_in(akinyi.id, "482916")
    assert refused == Refused("That PIN is not right. 4 tries left before a wait.")
    assert staffed.authority.person is None
    assert (await staffed.events())[0] == (Event.WRONG_PIN, "Akinyi", "")
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    assert (await staffed.proving.lockout(akinyi.id)).tries == 0


async def guess(till: Till, person: Person, times: int) -> Refused:
    answer: object = None
    for _ in range(times):
        answer = await till.staff.sign_in(person.id, "000000")
    assert isinstance(answer, Refused)
    return answer


async def test_lockout_five_wrong_pins_wait_and_the_right_one_waits_too(staffed: Till) -> None:
    akinyi = await staffed.person("Akinyi")
    assert (await guess(staffed, akinyi, FREE_TRIES)).sentence.endswith("Wait 1 minute before the next try.")
    assert isinstance(await staffed.staff.sign_in(akinyi.id, CASHIER_PIN), Refused)
    staffed.seconds += 61
    await staffed.signed_in("Akinyi", CASHIER_PIN)


async def test_lockout_holds_over_a_restart_and_a_clock_that_is_set_forward(staffed: Till) -> None:
    akinyi = await staffed.person("Akinyi")
    await guess(staffed, akinyi, FREE_TRIES)
    staffed.seconds = 5_000_000.0  # another start of the computer: its clock says nothing of the time between
    await staffed.restart()
    assert isinstance(await staffed.staff.sign_in(akinyi.id, CASHIER_PIN), Refused)
    staffed.seconds += 30
    assert isinstance(await staffed.staff.sign_in(akinyi.id, CASHIER_PIN), Refused)
    staffed.seconds += 31
    await staffed.signed_in("Akinyi", CASHIER_PIN)


async def test_lockout_holds_when_an_old_copy_of_the_database_is_put_back(staffed: Till, tmp_path: Path) -> None:
    akinyi = await staffed.person("Akinyi")
    await staffed.database.close()
    shutil.copy(staffed.path, tmp_path / "copy.db")
    await staffed.open()
    await guess(staffed, akinyi, FREE_TRIES)
    await staffed.database.close()
    shutil.copy(tmp_path / "copy.db", staffed.path)
    await staffed.open()
    assert isinstance(await staffed.staff.sign_in(akinyi.id, CASHIER_PIN), Refused)
    assert (await staffed.proving.lockout(akinyi.id)).tries == FREE_TRIES


async def test_lockout_a_try_counts_before_its_pin_is_looked_at(staffed: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the till were killed while it hashes."""
    akinyi = await staffed.person("Akinyi")

    def killed(*_told: object) -> bool:
        raise OSError("killed")

    monkeypatch.setattr(pins, "is_right", killed)
    with pytest.raises(OSError, match="killed"):
        await staffed.staff.sign_in(akinyi.id, CASHIER_PIN)
    monkeypatch.undo()
    await staffed.restart()
    assert (await staffed.proving.lockout(akinyi.id)).tries == 1


async def test_the_tenth_wrong_pin_locks_until_a_manager_unlocks(staffed: Till) -> None:
    akinyi = await staffed.person("Akinyi")
    for _ in range(MOST_TRIES):
        await guess(staffed, akinyi, 1)
        staffed.seconds += 3600
    refused = await staffed.staff.sign_in(akinyi.id, CASHIER_PIN)
    assert refused == Refused("Too many wrong PINs: Akinyi is locked. Ask a manager.")
    await staffed.signed_in("Otieno", MANAGER_PIN)
    assert await staffed.staff.unlock(akinyi.id) == akinyi
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    assert [event for event, *_ in await staffed.events()][:4] == [
        Event.SIGNED_IN,
        Event.UNLOCKED,
        Event.SIGNED_IN,
        Event.LOCKED_OUT,
    ]


async def test_two_guesses_at_once_are_two_tries(staffed: Till) -> None:
    akinyi = await staffed.person("Akinyi")
    await asyncio.gather(*(staffed.staff.sign_in(akinyi.id, "111111") for _ in range(4)))
    assert (await staffed.proving.lockout(akinyi.id)).tries == 4


async def test_brute_force_on_a_stolen_database_finds_no_pin_without_the_key_store(staffed: Till) -> None:
    """Every PIN that is really used is among those tried, as an attacker with much time would come to it."""
    stolen = await staffed.database.read(staff.active_pins)
    tried = [OWNER_PIN, MANAGER_PIN, CASHIER_PIN]
    guesses = [b"", b"\0" * 32, key_ring.KEY_BYTES.to_bytes(32, "big"), *(kept.salt * 2 for kept in stolen.values())]
    assert not any(pins.is_right(pin, key, kept) for pin in tried for key in guesses for kept in stolen.values())
    pepper = bytes.fromhex(staffed.keys["staff_pepper"])
    assert sum(pins.is_right(pin, pepper, kept) for pin in tried for kept in stolen.values()) == 3
    await staffed.database.close()
    raw = b"".join(path.read_bytes() for path in staffed.path.parent.iterdir())
    await staffed.open()
    assert pepper not in raw
    assert pepper.hex().encode() not in raw
    assert not any(pin.encode() in raw for pin in tried)


async def test_a_file_from_another_computer_lets_nobody_in_and_says_why(staffed: Till) -> None:
    seal = staffed.keys["audit_seal"]
    staffed.keys.clear()
    akinyi = await staffed.person("Akinyi")
    assert await staffed.staff.sign_in(akinyi.id, CASHIER_PIN) == LOST_KEYS
    staffed.keys.update(staff_pepper="no hex", audit_seal=seal)
    assert await staffed.staff.sign_in(akinyi.id, CASHIER_PIN) == LOST_KEYS


async def test_an_owner_who_forgot_the_pin_starts_anew_with_the_printed_key(staffed: Till) -> None:
    wanjiru = await staffed.person("Wanjiru")
    printed = staffed.recovery
    for wrong in ("", "AAAAA-AAAAA", printed[:-1]):
        assert isinstance(await staffed.staff.recover(wrong, wanjiru.id, "58203917"), Refused)
    assert isinstance(await staffed.staff.recover(printed, (await staffed.person("Akinyi")).id, "58203917"), Refused)
    assert isinstance(await staffed.staff.recover(printed, wanjiru.id, "1234"), Refused)
    renewed = await staffed.staff.recover(printed.replace("-", " ").lower(), wanjiru.id, "58203917")
    assert isinstance(renewed, str)
    assert renewed != printed
    assert isinstance(await staffed.staff.recover(printed, wanjiru.id, "71930582"), Refused), "good once"
    await staffed.staff.sign_out()
    await staffed.signed_in("Wanjiru", "58203917")
    assert await staffed.record.verify(Head()) is None


async def test_recovery_also_mends_a_key_store_that_lost_the_keys(staffed: Till) -> None:
    wanjiru, akinyi = await staffed.person("Wanjiru"), await staffed.person("Akinyi")
    staffed.keys.clear()
    printed = staffed.recovery
    assert isinstance(await staffed.staff.recover(printed, wanjiru.id, "58203917"), str)
    assert isinstance(await staffed.staff.sign_in(akinyi.id, CASHIER_PIN), Refused), "her PIN needs the old pepper"
    await staffed.signed_in("Wanjiru", "58203917")
    assert isinstance(await staffed.staff.reset_pin(akinyi.id, "615382"), Person)
    await staffed.signed_in("Akinyi", "615382")
    fault = await staffed.record.verify(Head())
    assert isinstance(fault, Fault), "what the lost seal sealed can no longer be shown to be true"


async def test_a_denied_action_leaves_no_trace_but_the_log_line(
    staffed: Till, caplog: pytest.LogCaptureFixture
) -> None:
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    akinyi, before = await staffed.person("Akinyi"), staffed.rows("SELECT * FROM person")
    entries = len(await staffed.record.newest())
    answers = [
        await staffed.staff.add("Mwizi", Role.MANAGER, "73920184"),
        await staffed.staff.change(replace(akinyi, name="Boss")),
        await staffed.staff.reset_pin((await staffed.person("Otieno")).id, "73920184"),
        await staffed.staff.unlock(akinyi.id),
    ]
    assert all(isinstance(answer, Refused) for answer in answers)
    assert staffed.rows("SELECT * FROM person") == before
    assert len(await staffed.record.newest()) == entries
    assert [line for line in caplog.messages if line.startswith("denied: ")] == [
        f"denied: manage_owners for person {akinyi.id}, cashier",
        f"denied: manage_staff for person {akinyi.id}, cashier",
        f"denied: manage_owners for person {akinyi.id}, cashier",
        f"denied: unlock_staff for person {akinyi.id}, cashier",
    ]


async def test_only_an_owner_makes_a_manager_and_only_one_person_has_a_name(staffed: Till) -> None:
    await staffed.signed_in("Otieno", MANAGER_PIN)
    assert isinstance(await staffed.staff.add("Kamau", Role.MANAGER, "58203917"), Refused)
    assert isinstance(await staffed.staff.add("AKINYI", Role.CASHIER, "615382"), Refused)
    assert isinstance(await staffed.staff.add("Kamau", Role.CASHIER, CASHIER_PIN), Refused), "her PIN is not unique"
    kamau = await staffed.staff.add("Kamau", Role.SUPERVISOR, "615382")
    assert isinstance(kamau, Person)
    stronger = await staffed.staff.change(replace(kamau, role=Role.MANAGER))
    assert isinstance(stronger, Refused)
    assert isinstance(await staffed.staff.change(replace(kamau, name="akinyi")), Refused)
    left = await staffed.staff.change(replace(kamau, active=False))
    assert isinstance(left, Person)
    assert isinstance(await staffed.staff.sign_in(kamau.id, "615382"), Refused)
    assert isinstance(await staffed.staff.add("Kamau", Role.CASHIER, "615382"), Person), "the name is free again"


async def test_who_is_demoted_or_leaves_while_signed_in_may_do_no_more_from_then_on(staffed: Till) -> None:
    await staffed.signed_in("Wanjiru", OWNER_PIN)
    assert isinstance(await staffed.staff.add("Njeri", Role.OWNER, "64028193"), Person)
    wanjiru = await staffed.person("Wanjiru")
    assert isinstance(await staffed.staff.change(replace(wanjiru, role=Role.CASHIER)), Person)
    assert isinstance(staffed.authority.check(Action.MANAGE_OWNERS), Refused)
    assert staffed.authority.check(Action.SELL) == Authorised(replace(wanjiru, role=Role.CASHIER))
    await staffed.signed_in("Njeri", "64028193")
    assert isinstance(await staffed.staff.add("Kamau", Role.OWNER, "58203917"), Person)
    assert isinstance(await staffed.staff.change(replace(await staffed.person("Njeri"), active=False)), Person)
    assert staffed.authority.check(Action.SELL) == NOBODY


async def test_somebody_always_owns_the_till(staffed: Till) -> None:
    await staffed.signed_in("Wanjiru", OWNER_PIN)
    wanjiru = await staffed.person("Wanjiru")
    for after in (replace(wanjiru, active=False), replace(wanjiru, role=Role.MANAGER)):
        assert isinstance(await staffed.staff.change(after), Refused)
    assert await staffed.person("Wanjiru") == wanjiru


async def test_a_person_changes_the_own_pin_with_the_old_one(staffed: Till) -> None:
    assert await staffed.staff.change_own_pin(CASHIER_PIN, "615382") == NOBODY
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    assert isinstance(await staffed.staff.change_own_pin("000000", "615382"), Refused)
    assert isinstance(await staffed.staff.change_own_pin(CASHIER_PIN, "123456"), Refused)
    assert isinstance(await staffed.staff.change_own_pin(CASHIER_PIN, "615382"), Person)
    await staffed.signed_in("Akinyi", "615382")


async def test_what_only_a_manager_may_do_to_people_a_cashier_is_refused_and_nothing_changes(staffed: Till) -> None:
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    akinyi = await staffed.person("Akinyi")
    before = await staffed.staff.people()
    for refused in (
        await staffed.staff.change(replace(akinyi, name="Queen")),
        await staffed.staff.reset_pin(akinyi.id, "615382"),
        await staffed.staff.unlock(akinyi.id),
    ):
        assert isinstance(refused, Refused)
        assert refused.sentence.startswith("Akinyi (cashier) may not do that. Nothing was done.")
    assert await staffed.staff.people() == before
    await staffed.staff.sign_out()
    entries = await staffed.events()
    await staffed.staff.sign_out()
    assert entries == await staffed.events(), "nobody is signed out twice"


async def test_somebody_who_is_not_on_this_till_is_not_found(staffed: Till) -> None:
    await staffed.signed_in("Wanjiru", OWNER_PIN)
    stranger = replace(await staffed.person("Akinyi"), id=99)
    for refused in (
        await staffed.staff.change(stranger),
        await staffed.staff.reset_pin(99, "615382"),
        await staffed.staff.unlock(99),
    ):
        assert isinstance(refused, Refused)


async def test_no_pin_is_kept_while_the_keys_are_lost(staffed: Till) -> None:
    await staffed.signed_in("Wanjiru", OWNER_PIN)
    staffed.keys.clear()
    assert await staffed.staff.add("Njeri", Role.CASHIER, "615382") == LOST_KEYS


async def test_a_manager_allows_one_action_in_place_without_logging_the_cashier_out(staffed: Till) -> None:
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    otieno, akinyi = await staffed.person("Otieno"), await staffed.person("Akinyi")
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, MANAGER_PIN), Permit)
    assert isinstance(staffed.authority.check(Action.RELEASE_PAYMENT), Refused), "it was for something else"
    assert staffed.authority.check(Action.SELL) == Authorised(akinyi), "she may do that by herself"
    assert staffed.authority.check(Action.CANCEL_SALE) == Authorised(akinyi, otieno)
    assert isinstance(staffed.authority.check(Action.CANCEL_SALE), Refused), "and it is used up"
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, MANAGER_PIN), Permit)
    staffed.seconds += LENT_SECONDS
    assert isinstance(staffed.authority.check(Action.CANCEL_SALE), Refused), "it was lent for a minute"
    assert staffed.authority.person == akinyi
    assert (await staffed.events())[0] == (Event.ALLOWED, "Akinyi", "Otieno")
    assert [denied.action for denied in staffed.denied] == [Action.RELEASE_PAYMENT, *[Action.CANCEL_SALE] * 2]


async def test_what_was_allowed_is_told_to_be_used_once_it_is_tried_and_not_by_what_needs_it_not(staffed: Till) -> None:
    used: list[PermitUsed] = []
    staffed.changes.subscribe(PermitUsed, used.append)
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    otieno = await staffed.person("Otieno")
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, MANAGER_PIN), Permit)
    staffed.authority.check(Action.SELL)
    staffed.authority.check(Action.RELEASE_PAYMENT)
    assert used == []
    for _ in range(2):
        staffed.authority.check(Action.CANCEL_SALE)
    assert used == [PermitUsed()]


async def test_nobody_is_allowed_more_than_who_allows_it_may(staffed: Till) -> None:
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    akinyi, otieno = await staffed.person("Akinyi"), await staffed.person("Otieno")
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, akinyi.id, CASHIER_PIN), Refused)
    assert isinstance(await staffed.staff.allow(Action.CHANGE_CREDENTIALS, otieno.id, MANAGER_PIN), Refused)
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, "wrong phrase"), Refused)
    assert isinstance(staffed.authority.check(Action.CANCEL_SALE), Refused)


async def test_what_was_allowed_ends_with_the_session(staffed: Till) -> None:
    otieno = await staffed.person("Otieno")
    assert await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, MANAGER_PIN) == NOBODY
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    assert isinstance(await staffed.staff.allow(Action.CANCEL_SALE, otieno.id, MANAGER_PIN), Permit)
    await staffed.signed_in("Akinyi", CASHIER_PIN)
    assert isinstance(staffed.authority.check(Action.CANCEL_SALE), Refused)
    await staffed.staff.sign_out()
    assert staffed.authority.check(Action.SELL) == NOBODY


async def test_the_record_is_whole_and_a_changed_row_is_found(staffed: Till) -> None:
    head = await staffed.record.head()
    assert await staffed.record.verify(head) is None
    cut = replace(head, seq=head.seq + 1)
    assert await staffed.record.verify(cut) == Fault(
        head.seq + 1, f"Entries {head.seq + 1} to {head.seq + 1} are missing at the end."
    )
    with closing(sqlite3.connect(staffed.path)) as connection, connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM audit_entry")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("UPDATE audit_entry SET actor = 'Mwizi'")
        connection.execute("DROP TRIGGER audit_is_fixed")
        connection.execute("UPDATE audit_entry SET actor = 'Mwizi' WHERE seq = 2")
    assert await staffed.record.verify(head) == Fault(2, "Entry 2 was changed.")
    with closing(sqlite3.connect(staffed.path)) as connection, connection:
        connection.execute("UPDATE audit_entry SET event = 'nothing' WHERE seq = 3")
    assert isinstance(await staffed.record.verify(head), Fault)
    staffed.keys.clear()
    assert await staffed.record.verify(head) == LOST_KEYS


async def test_entries_are_found_by_kind_and_by_text(staffed: Till) -> None:
    found = await staffed.record.newest(event=Event.PERSON_ADDED)
    assert [entry.subject for entry in found] == ["Akinyi, cashier", "Otieno, manager"]
    assert [entry.subject for entry in await staffed.record.newest(text="otieno, m")] == ["Otieno, manager"]
    older = await staffed.record.newest(before=found[0].seq, limit=1)
    assert older == (found[1],)
    assert await staffed.record.newest(text="100%") == ()


async def test_a_record_that_fails_with_its_work_leaves_neither(staffed: Till) -> None:
    await staffed.signed_in("Wanjiru", OWNER_PIN)
    entries = len(await staffed.record.newest())

    def fails(connection: sqlite3.Connection) -> Person:
        audit.append(connection, b"k" * 32, NOW, Event.SET_UP, actor="Mwizi")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await staffed.record.do(Event.DAY_CLOSED, Authorised(await staffed.person("Wanjiru")), fails)
    assert len(await staffed.record.newest()) == entries
