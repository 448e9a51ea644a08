"""How the relay itself is, at a glance: each line says what it means for money where that is not plain.

It must not know how anything is measured. A further line is one more function in `_LINES`.
"""

import platform
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from starlette.responses import Response

from relay.console import frame, words
from relay.console.asked import Asked
from relay.console.frame import Mark
from relay.console.markup import html
from relay.console.parts import Parts
from relay.stores import quarantine, schema
from relay.stores.sqlite_checkpoints import RESTART_AT_BYTES, wal_bytes

_LITTLE_ROOM = 0.2


class Line(NamedTuple):
    name: str
    mark: Mark
    meaning: str = ""


class Health:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def shown(self, asked: Asked) -> Response:
        held = await self._parts.log.ask(lambda connection: quarantine.count(connection, None))
        lines = [line(self._parts) for line in _LINES] + [_held(held)]
        rows = [(line.name, frame.mark(line.mark), line.meaning) for line in lines]
        since = html(
            "<p>Up for {time}. Relay {relay}, Python {python}, tables of version {tables}.</p>",
            time=words.duration((asked.now_ms - self._parts.began_at) / 1000),
            relay=_version(),
            python=platform.python_version(),
            tables=schema.HEAD.lstrip("0"),
        )
        table = frame.table("Health", ("What", "Now", "What it means"), rows, "")
        return frame.page("Health", [frame.live([table, since], asked.now_ms)], asked.session)


def _version() -> str:
    try:
        return version("mpesa-till")
    except PackageNotFoundError:
        return "from a checkout"


def _storing(parts: Parts) -> Line:
    waiting = parts.spool.depth
    if parts.spool.healthy and (waiting or not parts.log.healthy):
        said = f"kept in the spool: {words.plural(waiting, 'callback')}"
        return Line(
            "Callbacks", Mark("care", said), "They are safe. Tills get them, in order, once the log takes them."
        )
    if parts.log.healthy:
        return Line("Callbacks", Mark("good", "stored before they are answered"))
    meaning = "Safaricom is answered 503. A payment that is not told of now is found when a till asks Safaricom."
    return Line("Callbacks", Mark("bad", "cannot be stored"), meaning)


def _draining(parts: Parts) -> Line:
    if parts.draining():
        return Line(
            "This process", Mark("care", "ends: its tills are being sent away"), "They connect again by themselves."
        )
    return Line("This process", Mark("good", "takes callbacks and tills"))


def _tills(parts: Parts) -> Line:
    return Line("Tills", Mark("plain", f"{words.plural(len(parts.feed), 'till')} connected to this process"))


def _addresses(parts: Parts) -> Line:
    listed = parts.settings.source_ips
    if listed:
        return Line("Senders", Mark("good", f"checked against a list of {len(listed)}"))
    return Line(
        "Senders",
        Mark("care", "not checked"),
        "Whoever knows a callback path is believed. For real money, set --source-ips to Safaricom’s addresses.",
    )


def _public_url(parts: Parts) -> Line:
    url = parts.public_url()
    if url.startswith("https://"):
        return Line("Public address", Mark("good", url))
    return Line("Public address", Mark("care", url), "Safaricom calls back to https only; this will do for training.")


def _disk(parts: Parts) -> Line:
    """Where the store is a server's, only the relay's own mark is here."""
    room = shutil.disk_usage((parts.settings.store_file or parts.settings.high_water).parent)
    said = f"{words.size(room.free)} free of {words.size(room.total)}"
    if room.free >= _LITTLE_ROOM * room.total:
        return Line("Disk", Mark("good", said))
    return Line("Disk", Mark("bad", said), "When it is full no callback can be stored.")


def _database(parts: Parts) -> Line:
    file = parts.settings.store_file
    if file is None:
        return Line("Database", Mark("plain", "on a server"), "How it is, and how much room it has, is seen there.")
    waiting = wal_bytes(file)
    said = f"{words.size(file.stat().st_size)}, and {words.size(waiting)} to be moved into it"
    late = waiting > 2 * RESTART_AT_BYTES
    return Line("Database", Mark("care" if late else "good", said), "Moving is held up by a long read." if late else "")


def _held(count: int) -> Line:
    if not count:
        return Line("Held back", Mark("good", "nothing"))
    more = " or more" if count >= quarantine.MOST_COUNTED else ""
    return Line(
        "Held back", Mark("bad", f"{count}{more} to look at"), "They count for nothing until somebody has looked."
    )


_LINES: Sequence[Callable[[Parts], Line]] = (
    _storing,
    _draining,
    _tills,
    _addresses,
    _public_url,
    _database,
    _disk,
)
