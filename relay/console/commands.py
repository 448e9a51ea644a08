"""`python -m relay operator …`: who may sign in to the console. Whoever can run it holds the store, and so the relay.

A password is typed at a prompt or comes on standard input, never among the arguments, which everybody on the computer
can read. A new password also ends every wait after wrong ones.
"""

import argparse
import getpass
import os
import re
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from relay.log import utc_text
from relay.settings import SettingError
from relay.stores import operator_record, operators, tries
from relay.stores.operator_record import Act

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class OperatorError(Exception):
    """What to say before ending with 1."""


class Shell(NamedTuple):
    """What the command line lends: how a command is made, how the store is used, how a result is told."""

    command: Callable[..., argparse.ArgumentParser]
    in_store: Callable[[argparse.Namespace, Callable[[Connection], Any]], Any]
    tell: Callable[[argparse.Namespace, object, str], None]


def add_to(nouns: Any, shell: Shell) -> None:
    told = "who may sign in to the console"
    commands = nouns.add_parser("operator", help=told, description=told).add_subparsers(
        required=True, metavar="COMMAND"
    )
    for verb, run, does in (
        ("add", _add, "add an operator; the password is asked for, or read from standard input"),
        ("password", _password, "give an operator another password; every session ends"),
        ("remove", _remove, "remove an operator; every session ends"),
    ):
        made = shell.command(commands, verb, lambda given, run=run: run(given, shell), does)
        made.add_argument("name")
    shell.command(commands, "list", lambda given: _list(given, shell), "list the operators")


def _add(given: argparse.Namespace, shell: Shell) -> None:
    name = given.name.strip().casefold()
    if not _NAME.fullmatch(name):
        raise SettingError("a name has 1 to 32 of a–z, 0–9, dot, dash and underscore, a letter or digit first")
    kept = _new_password(name)

    def added(connection: Connection) -> None:
        operators.add(connection, name, kept, _now_ms())
        _note(connection, "added an operator", name)

    try:
        shell.in_store(given, added)
    except IntegrityError as taken:
        raise OperatorError(f"there is an operator called {name} already") from taken
    shell.tell(given, {"name": name}, f"{name} may sign in")


def _password(given: argparse.Namespace, shell: Shell) -> None:
    name = given.name.strip().casefold()
    kept = _new_password(name)

    def changed(connection: Connection) -> None:
        _there_is(name, operators.set_password(connection, name, kept))
        tries.forgive(connection, [tries.of_name(name)])
        _note(connection, "gave another password", name)

    shell.in_store(given, changed)
    shell.tell(given, {"name": name}, f"{name} has another password; whoever was signed in as {name} is out")


def _remove(given: argparse.Namespace, shell: Shell) -> None:
    name = given.name.strip().casefold()

    def removed(connection: Connection) -> None:
        _there_is(name, operators.remove(connection, name))
        _note(connection, "removed an operator", name)

    shell.in_store(given, removed)
    shell.tell(given, {"name": name, "removed": True}, f"{name} removed")


def _list(given: argparse.Namespace, shell: Shell) -> None:
    held = shell.in_store(given, operators.all_of_them)
    facts = [{"name": one.name, "added_at": utc_text(one.added_at)} for one in held]
    shell.tell(
        given, facts, "\n".join(f"{one.name}, added {utc_text(one.added_at)}" for one in held) or "no operators yet"
    )


def _there_is(name: str, done: bool) -> None:
    if not done:
        raise OperatorError(f"there is no operator called {name}")


def _new_password(name: str) -> str:
    """What is kept of it."""
    from relay.console import passwords  # slow to load, and the other commands have no use for it

    typed = _typed_twice() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    wrong = passwords.fault(typed, name)
    if wrong:
        raise SettingError(wrong)
    return passwords.keep(typed)


def _typed_twice() -> str:
    typed = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != typed:
        raise SettingError("these were two different passwords")
    return typed


def _note(connection: Connection, action: str, name: str) -> None:
    who = os.environ.get("SUDO_USER") or getpass.getuser()
    operator_record.note(connection, Act(f"{who} at the command line", "this computer", action, name), _now_ms())


def _now_ms() -> int:
    return int(time.time() * 1000)
