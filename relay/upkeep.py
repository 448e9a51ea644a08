"""`python -m relay backup, restore, trim, erase, export`: the store's copies, and what is kept in it and for how long.

Each works beside a running relay but `restore`, which refuses. A phone number never reaches a log.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from relay import logs, persons, retention
from relay.log import utc_text
from relay.persons import Person
from relay.retention import BODY_DAYS
from relay.settings import SettingError, Settings, body_days, from_arguments
from relay.stores import copies, directory, events, high_water
from relay.stores.copies import CopyError, Restored
from relay.stores.persons import Found, clear_below, erase, find
from relay.stores.sequence import Encoding, Row
from relay.stores.store import Store, opened

Command = Callable[[Any, str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]
Tell = Callable[[argparse.Namespace, object, str], None]

logger = logging.getLogger("relay.upkeep")


class UpkeepError(Exception):
    """What to say before ending with 1."""


class _Asked(NamedTuple):
    """Of whom, and in which shop's log."""

    store: Store
    stream: str
    who: Person | None
    receipts: list[str]


def add_to(nouns: Any, command: Command, tell: Tell) -> None:
    """`command` makes one that knows --store and --json, `tell` prints what came of it."""
    made = command(nouns, "backup", lambda given: _backup(given, tell), "copy the store, also while it is served")
    made.add_argument("to", metavar="TO", help="a file that is not there yet; it holds secrets as the store does")
    made = command(nouns, "restore", lambda given: _restore(given, tell), "put a copy back, so that the tills notice")
    made.add_argument(
        "copy", metavar="FROM", nargs="?", help="not for a database that was restored by PostgreSQL's own means"
    )
    made.add_argument("--high-water", metavar="FILE", help="that of the relay that served the store")
    made = command(nouns, "trim", lambda given: _trim(given, tell), "take away what is old, as a relay does every day")
    made.add_argument(
        "--body-days", metavar="DAYS", help=f"how long to keep what was called back (default {BODY_DAYS})"
    )
    for verb, run, does in (
        ("erase", _erase, "blank all that was called back about one person"),
        ("export", _export, "print all that is held about one person, as JSON"),
    ):
        made = command(nouns, verb, lambda given, run=run: run(given, tell), does)  # type: ignore[misc]
        made.add_argument("--shop", required=True, metavar="NAME")
        made.add_argument("--phone", metavar="NUMBER", help="such as 254712345678; - reads it from standard input")
        made.add_argument("--receipt", metavar="CODE", action="append", default=[], help="of a payment of that person")


def _settings(given: argparse.Namespace) -> Settings:
    return from_arguments(vars(given), os.environ)


def _backup(given: argparse.Namespace, tell: Tell) -> None:
    to = Path(given.to)
    try:
        copies.back_up(_settings(given).store, to)
    except CopyError as failed:
        raise UpkeepError(str(failed)) from failed
    size = to.stat().st_size
    tell(given, {"copy": str(to), "bytes": size}, f"{to}: {size} bytes. Keep it as you keep the store: it has secrets")


def _restore(given: argparse.Namespace, tell: Tell) -> None:
    settings = _settings(given)
    try:
        marks = high_water.load(settings.high_water) or {}
        copy = None if given.copy is None else Path(given.copy)
        made = copies.put_back(settings.store, copy, settings.lock, marks)
    except CopyError as failed:
        raise UpkeepError(str(failed)) from failed
    kept = None if made.kept is None else str(made.kept)
    tell(given, {"streams": made.streams, "missing": list(made.missing), "kept": kept}, _restored(made))


def _restored(made: Restored) -> str:
    lines = [f"restored: {made.streams} streams have a new epoch, and every till reads again what is there"]
    if made.kept is not None:
        lines.append(f"the store that was there is now {made.kept}")
    if made.missing:
        lines.append(f"not in the copy, so its shops have to be added anew: {', '.join(made.missing)}")
    return "\n".join(lines)


def _trim(given: argparse.Namespace, tell: Tell) -> None:
    store = _opened(given)
    done = retention.trim(store, retention.ages(time.time(), _body_days(given)))
    held = "".join(f"\n{name}: a till that was here lately has yet to read what is old" for name in done.held)
    told = f"trimmed {done.cleared} bodies and {done.forgotten} keys{held}"
    tell(given, {"bodies": done.cleared, "keys": done.forgotten, "held": list(done.held)}, told)


def _body_days(given: argparse.Namespace) -> int:
    return body_days(given.body_days or os.environ.get("RELAY_BODY_DAYS", str(BODY_DAYS)))


def _opened(given: argparse.Namespace) -> Store:
    settings = _settings(given)
    store = opened(settings.store, settings.seals)
    store.prepare()
    return store


def _erase(given: argparse.Namespace, tell: Tell) -> None:
    asked = _asked(given)
    with asked.store.connect() as connection:
        clear_below(asked.store, connection, asked.store.heads(connection, [asked.stream])[asked.stream])
        found = find(asked.store, connection, asked.store.heads(connection)[asked.stream], asked.who, asked.receipts)
        erase(asked.store, connection, found.rows)
    logs.start("info", "text")
    logger.info("%s: erased what was called back about one person: %d", asked.stream, len(found.rows))
    unsure = sorted({row.receipt or "" for row in found.unsure})
    tell(given, {"erased": len(found.rows), "unsure": unsure}, f"messages erased: {len(found.rows)}{_unsure(unsure)}")


def _unsure(receipts: list[str]) -> str:
    if not receipts:
        return ""
    return (
        "\nM-Pesa shows only a part of the number that these came from; if they are of the same person, name them with"
        f" --receipt: {', '.join(receipts)}"
    )


def _export(given: argparse.Namespace, _tell: Tell) -> None:
    asked = _asked(given)
    with asked.store.connect() as connection:
        found = find(asked.store, connection, asked.store.heads(connection)[asked.stream], asked.who, asked.receipts)
    sys.stdout.buffer.write(_document(given.shop, found))


def _asked(given: argparse.Namespace) -> _Asked:
    phone = sys.stdin.readline() if given.phone == "-" else given.phone or ""
    who = persons.person(phone) if phone.strip() else None
    if who is None and phone.strip():
        raise SettingError("a phone number looks like 254712345678 or 0712345678")
    if who is None and not given.receipt:
        raise SettingError("say whose: --phone, or --receipt")
    store = _opened(given)
    with store.connect() as connection:
        try:
            shop = directory.shop_by_name(connection, given.shop)
        except directory.NoSuchShopError as unknown:
            raise UpkeepError(f"there is no shop called {given.shop!r}") from unknown
    return _Asked(store, shop.stream, who, given.receipt)


def _document(shop: str, found: Found) -> bytes:
    """Of what may be somebody else's no more than where it is: this is given to the person."""
    unsure = [{"seq": row.seq, "at": utc_text(row.at), "receipt": row.receipt} for row in found.unsure]
    said = {"shop": shop, "messages": list(map(_facts, found.rows)), "unsure": unsure}
    return msgspec.json.format(msgspec.json.encode(said)) + b"\n"


def _facts(row: Row) -> dict[str, object]:
    body = events.raw_body(row)
    said = {"body": msgspec.Raw(body)} if row.encoding == Encoding.JSON else {"raw": row.body}
    return {"seq": row.seq, "at": utc_text(row.at), "kind": row.kind, "receipt": row.receipt, "key": row.key, **said}
