"""The command that checks the record: on a real till's files, with its real seal, as an auditor runs it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pos_app.__main__ import main
from pos_app.commands import audit as command
from pos_app.domain.audit import Event, Head
from pos_app.domain.receipt import Heading
from pos_app.domain.refused import Refused
from pos_app.services.changes import Changes
from pos_app.services.key_ring import make_keys
from pos_app.services.till import Till
from pos_app.settings import FileSecrets

PASSPHRASE = "correct horse"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A till that ran: its keys in the encrypted file, five entries in its record."""
    keys = FileSecrets.open(tmp_path / "keys.box", PASSPHRASE)
    assert isinstance(keys, FileSecrets)
    make_keys(keys)
    monkeypatch.setattr(command.getpass, "getpass", lambda _prompt: PASSPHRASE)
    asyncio.run(_run_a_till(tmp_path, keys))
    return tmp_path


async def _run_a_till(folder: Path, keys: FileSecrets) -> None:
    till = Till(folder, Changes(), lambda: Heading("Duka", "1"), keys)
    await till.open()
    for number in range(5):
        assert await till.record.append(Event.SIGNED_IN, f"Akinyi {number}") is None
    await till.close()


def ended(folder: Path) -> Head:
    with closing(sqlite3.connect(folder / "till.db")) as connection:
        return Head(*connection.execute("SELECT seq, mac FROM audit_entry ORDER BY seq DESC LIMIT 1").fetchone())


def change(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "till.db")) as connection:
        for trigger in ("audit_is_kept", "audit_is_fixed"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(sql)
        connection.commit()


def asked(folder: Path, *more: str) -> int:
    return main(["audit", "--data-dir", str(folder), *more])


def test_a_whole_record_is_said_to_be_whole_with_its_seal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(folder) == 0
    head = ended(folder)
    assert capsys.readouterr().out == f"The record is whole: 5 entries, none changed, none missing. Seal: {head.mac}\n"
    assert asked(folder, "--json", "--entry", "5", "--seal", f"{head.mac[:16]} {head.mac[16:].upper()}") == 0
    assert json.loads(capsys.readouterr().out)["whole"] is True


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE audit_entry SET actor = 'Nobody' WHERE seq = 3", "Entry 3 was changed."),
        ("UPDATE audit_entry SET event = 'nothing like it' WHERE seq = 3", "An entry cannot be read"),
        ("DELETE FROM audit_entry WHERE seq = 2", "Entry 2 is missing."),
    ],
)
def test_a_record_that_was_changed_is_found_out(
    folder: Path, capsys: pytest.CaptureFixture[str], sql: str, words: str
) -> None:
    change(folder, sql)
    assert asked(folder) == 1
    assert words in capsys.readouterr().err
    assert asked(folder, "--json") == 1
    assert json.loads(capsys.readouterr().out)["whole"] is False


def test_an_end_that_was_cut_is_found_by_the_printed_slip_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slip = ended(folder)
    change(folder, "DELETE FROM audit_entry WHERE seq > 3")
    assert asked(folder) == 0, "what is left agrees with itself"
    assert asked(folder, "--entry", str(slip.seq), "--seal", slip.mac) == 1
    assert "Entries 4 to 5 are missing at the end." in capsys.readouterr().err


def test_wrong_use_a_missing_till_a_wrong_passphrase_and_lost_keys_are_sentences(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(folder, "--entry", "5") == 2
    with pytest.raises(SystemExit) as wrong:
        asked(folder, "--entry", "5", "--seal", "abc")
    assert wrong.value.code == 2
    (tmp_path / "elsewhere").mkdir()
    assert asked(tmp_path / "elsewhere") == 1
    assert "key store no longer has the till’s own keys" in capsys.readouterr().err, "a new file of keys has none"
    (folder / "till.db").rename(folder / "moved.db")
    assert asked(folder) == 1
    assert "There are no records of a till" in capsys.readouterr().err
    monkeypatch.setattr(command.getpass, "getpass", lambda _prompt: "wrong")
    assert asked(folder) == 1
    assert "does not open the M-Pesa keys" in capsys.readouterr().err
    assert isinstance(command.check(folder, Head()), Refused)
