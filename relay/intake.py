"""What is to be appended, on its way in: through its shop's lane to the writer, or to the spool where that is too slow.

It must not know HTTP, the database or what is in the log.
"""

from collections.abc import Callable, Iterable, Sequence

from relay.lanes import Lanes
from relay.spool import Kept, Spool
from relay.stores.sequence import Appended
from relay.stores.store import UnknownStreamError
from relay.stores.writer import NotStorableError, UnavailableError
from relay.waiting import Waiting, WaitingRoom

APPEND_SECONDS = 5.0
SPOOL_AFTER_SECONDS = 1.5
Stored = Appended | Kept | UnavailableError | UnknownStreamError
"""What became of an append."""
Arrived = Waiting[Stored]


class Intake:
    """Belongs to the event loop that it was made on."""

    def __init__(self, hand_over: Callable[[list[Arrived]], None], spool: Spool | None, shop_pace: float) -> None:
        """`hand_over` takes a batch for the writer. `shop_pace`: see `Lanes`."""
        self._spool = spool
        self._room: WaitingRoom[Stored] = WaitingRoom(hand_over)
        self._lanes: Lanes[Stored] = Lanes(shop_pace, self._take, lambda: not len(self._room))

    def put(self, arrived: Sequence[Arrived]) -> int:
        """How many of them have to wait for their shop's pace."""
        return self._lanes.put(arrived)

    def at_end_of_turn(self, what: Callable[[], None]) -> None:
        """Has it done once, when everything has been read that can be at once: what it puts is still of this turn."""
        self._room.at_end_of_turn(what)

    def hand_over(self) -> None:
        """Now, whatever has come and need not wait."""
        self._room.hand_over()

    def hand_over_all(self) -> None:
        self._room.hand_over()
        self._lanes.hand_over()
        self._room.hand_over()

    def _take(self, arrived: Sequence[Arrived]) -> None:
        """Behind whatever of its stream is in the spool."""
        spool = self._spool
        if spool is None:
            self._room.put(arrived)
        elif self._room.longest() > SPOOL_AFTER_SECONDS:
            _to_spool(spool, arrived)
        elif spool.is_empty or not spool.healthy:
            # Out of its order, where that fails: better than to be refused while the store is well.
            self._room.put(arrived)
        else:
            _to_spool(spool, [one for one in arrived if spool.is_for(one.incoming.stream)])
            self._room.put([one for one in arrived if not spool.is_for(one.incoming.stream)])

    def answer(self, decided: Iterable[tuple[Arrived, Stored]]) -> None:
        """For the oldest of those that were handed over, in their order."""
        self._room.answer(decided)
        self._lanes.fill()

    def refuse(self, batch: Sequence[Arrived], error: UnavailableError | UnknownStreamError) -> None:
        """The same, where they are not in the store: what it may take later goes to the spool."""
        if self._spool is not None and not isinstance(error, UnknownStreamError | NotStorableError):
            _to_spool(self._spool, batch)
        self.answer((waiting, error) for waiting in batch)

    def answer_all(self) -> None:
        """Now, whoever can be."""
        self._room.answer_all()

    def longest(self) -> float:
        """How many seconds the oldest has waited for the disk."""
        return self._room.longest()

    @property
    def hangs(self) -> bool:
        """Whether the disk has kept somebody waiting for longer than anybody is kept."""
        return self.longest() > APPEND_SECONDS

    def expire(self) -> None:
        """Gives up on what has waited too long for the disk. To be called some times a second."""
        if self._spool is None:
            self._room.give_up(APPEND_SECONDS, UnavailableError("the store is too slow"))
        else:
            self._spool.expire_waiting()
            _to_spool(self._spool, self._room.overdue(SPOOL_AFTER_SECONDS))
            _to_spool(self._spool, self._lanes.overdue(SPOOL_AFTER_SECONDS))


def _to_spool(spool: Spool, batch: Iterable[Arrived]) -> None:
    """The store may have them, or get them yet: they are moved as duplicates then."""
    for waiting in batch:
        told = waiting.let_go()
        if told is not None:
            spool.put(waiting.incoming, told)
