"""What the console is given of the relay that it stands beside."""

from collections.abc import Callable
from dataclasses import dataclass

from relay.feed import Feed
from relay.log import EventLog
from relay.overload import Overload
from relay.settings import Settings
from relay.spool import Spool


@dataclass(frozen=True)
class Parts:
    """`public_url` and `draining` change while the relay runs, so they are asked."""

    log: EventLog
    feed: Feed
    settings: Settings
    public_url: Callable[[], str]
    draining: Callable[[], bool]
    began_at: int
    spool: Spool
    overload: Overload
