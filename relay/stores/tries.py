"""Wrong passwords and how long they are made to wait: counted on disk before a password is looked at.

It must not know passwords, names or addresses: whoever counts says who, by a hash. The wait grows to half an hour and
no further, and a try that is refused does not count, so nobody can be kept out for ever.
"""

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from relay.stores.console_tables import tries

FREE_TRIES = 5
WAIT_SECONDS = (60, 120, 300, 600, 1800)
"""After the fifth wrong one, the sixth …; the last holds for all that follow."""
_DAY_MS = 24 * 3600 * 1000


def of_name(name: str) -> str:
    return f"name {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"


def seconds_to_wait(wrong: int, last_at: int, now_ms: int) -> int:
    """A clock that was set back makes nobody wait longer than that once more."""
    if wrong < FREE_TRIES:
        return 0
    wait = WAIT_SECONDS[min(wrong - FREE_TRIES, len(WAIT_SECONDS) - 1)]
    return max(0, wait - max(0, now_ms - last_at) // 1000)


def begin(connection: Connection, who: Iterable[str], now_ms: int) -> int:
    """Counts a try of each of them as a wrong one and gives 0; or counts nothing and gives the seconds to wait."""
    connection.execute(delete(tries).where(tries.c.last_at < now_ms - _DAY_MS))
    counted = {one: connection.execute(select(tries).where(tries.c.who == one)).first() for one in who}
    waits = [seconds_to_wait(row.wrong, row.last_at, now_ms) for row in counted.values() if row is not None]
    if any(waits):
        return max(waits)
    for one, row in counted.items():
        if row is None:
            connection.execute(insert(tries).values(who=one, wrong=1, last_at=now_ms))
        else:
            connection.execute(update(tries).where(tries.c.who == one).values(wrong=tries.c.wrong + 1, last_at=now_ms))
    return 0


def forgive(connection: Connection, who: Iterable[str]) -> None:
    connection.execute(delete(tries).where(tries.c.who.in_(list(who))))


def are_used_up(connection: Connection, who: str) -> bool:
    return (connection.execute(select(tries.c.wrong).where(tries.c.who == who)).scalar() or 0) >= FREE_TRIES
