"""`python -m relay operator …`, and the console as part of a relay process."""

import io
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from relay.__main__ import main
from relay.console import passwords
from relay.stores import operator_record, operators, tries
from relay.stores.store import opened, transaction

GOOD = "four quiet words here"


class Typed(io.StringIO):
    """Standard input."""


class Shell:
    def __init__(self, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._store = store
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        self._monkeypatch.setattr("sys.stdin", Typed(typed))
        code = main([*arguments, "--store", f"sqlite:///{self._store}"])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def in_store(self, job: Any) -> Any:
        with transaction(opened(f"sqlite:///{self._store}")) as connection:
            return job(connection)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "relay.db", monkeypatch, capsys)


def test_an_operator_is_added_listed_and_removed(shell: Shell) -> None:
    assert shell.run("operator", "list") == (0, "no operators yet\n", "")
    assert shell.run("operator", "add", " Joan ", typed=f"{GOOD}\r\n") == (0, "joan may sign in\n", "")
    code, told, _ = shell.run("operator", "list", "--json")
    assert (code, [one["name"] for one in json.loads(told)]) == (0, ["joan"])
    assert shell.run("operator", "list")[1].startswith("joan, added 20")
    kept = shell.in_store(lambda connection: operators.password(connection, "joan"))
    assert passwords.is_right(GOOD, kept)
    assert shell.run("operator", "remove", "joan", "--json") == (0, '{"name": "joan", "removed": true}\n', "")
    entries = shell.in_store(lambda connection: operator_record.entries(connection, None, 9))
    assert [entry.act.action for entry in entries] == ["removed an operator", "added an operator"]
    assert all(entry.act.operator.endswith(" at the command line") for entry in entries)


def test_a_new_password_ends_every_session_and_every_wait(shell: Shell) -> None:
    shell.run("operator", "add", "joan", typed=GOOD)

    def waits(connection: Any) -> int:
        operators.begin_session(connection, "a", "joan", "", 1)
        for _ in range(5):
            tries.begin(connection, [tries.of_name("joan")], int(time.time() * 1000))
        return tries.begin(connection, [tries.of_name("joan")], int(time.time() * 1000))

    assert shell.in_store(waits) > 0
    code, told, _ = shell.run("operator", "password", "joan", typed="other quiet words here")
    assert (code, told) == (0, "joan has another password; whoever was signed in as joan is out\n")
    assert shell.in_store(lambda connection: operators.held_session(connection, "a")) is None
    assert shell.in_store(lambda connection: tries.begin(connection, [tries.of_name("joan")], 1)) == 0


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "said"),
    [
        (("add", "joan"), "short", 2, "A password has at least 12 characters"),
        (("add", "joan"), "", 2, "A password has at least 12 characters"),
        (("add", "joan smith"), GOOD, 2, "a name has 1 to 32"),
        (("add", ""), GOOD, 2, "a name has 1 to 32"),
        (("remove", "ali"), "", 1, "there is no operator called ali"),
        (("password", "ali"), GOOD, 1, "there is no operator called ali"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    shell: Shell, arguments: tuple[str, ...], typed: str, code: int, said: str
) -> None:
    shell.run("operator", "list")
    ended, told, wrong = shell.run("operator", *arguments, typed=typed)
    assert (ended, told, wrong.count("\n")) == (code, "", 1)
    assert said in wrong
    assert shell.in_store(lambda connection: operator_record.entries(connection, None, 9)) == []


def test_a_name_is_taken_once(shell: Shell) -> None:
    shell.run("operator", "add", "joan", typed=GOOD)
    assert shell.run("operator", "add", "JOAN", typed=GOOD)[::2] == (
        1,
        "relay: there is an operator called joan already\n",
    )


def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([GOOD, GOOD, GOOD, "another one, typed wrong"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    monkeypatch.setattr(Typed, "isatty", lambda _self: True)
    assert shell.run("operator", "add", "joan")[0] == 0
    assert shell.run("operator", "add", "ali")[::2] == (2, "relay: these were two different passwords\n")


# The process.


def test_a_relay_has_no_console_unless_it_is_asked_for(start_relay: Any) -> None:
    relay = start_relay()
    assert httpx.get(relay.url + "/console").status_code == 404
    code, _ = relay.end()
    assert code == 0


def test_the_console_has_a_port_of_its_own_and_ends_with_the_relay(start_relay: Any) -> None:
    relay = start_relay("--console", "on", "--console-port", "0")
    console = relay.process.stdout.readline().removeprefix("console on ").strip()
    with httpx.Client() as client:
        page = client.get(console + "/sign-in")
        assert (page.status_code, "server" in page.headers, "date" in page.headers) == (200, False, False)
        assert "python -m relay operator add" in page.text
        assert client.get(relay.url + "/console/sign-in").status_code == 404
        assert client.get(console.removesuffix("/console") + "/livez").status_code == 404
        began = time.monotonic()
        code, logged = relay.end()
    assert (code, time.monotonic() - began < 10) == (0, True)
    assert "Traceback" not in logged


def test_a_port_that_is_taken_is_said_before_anything_is_served(start_relay: Any, relay_command: Any) -> None:
    relay = start_relay("--console", "on", "--console-port", "0")
    port = relay.process.stdout.readline().strip().removesuffix("/console").rpartition(":")[2]
    other = relay.file.with_name("other.db")
    failed = relay_command("serve", "--port", "0", "--console", "on", "--console-port", port, store=other)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
