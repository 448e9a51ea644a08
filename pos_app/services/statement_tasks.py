"""What Safaricom no longer lists: holes in the records as tasks, loud until the statement or a person settles them."""

from collections.abc import Callable
from datetime import datetime

from pos_app.domain.audit import Event
from pos_app.domain.refused import Refused
from pos_app.domain.shop import ShopAccount
from pos_app.domain.staff import Action
from pos_app.services.changes import Changes, Notice, StatementTask, StatementTasksChanged
from pos_app.services.clock import utc_now
from pos_app.services.guard import Guard
from pos_app.store import pulls
from pos_app.store.database import Database

_NO_NOTE = Refused("Say in a few words how it was settled; it is kept with the task.")
_GONE = Refused("That task was settled before.")


class StatementTasks:
    def __init__(
        self, database: Database, changes: Changes, guard: Guard, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._changes = changes
        self._guard = guard
        self._clock = clock
        self.open: tuple[StatementTask, ...] = ()

    async def refresh(self, account: ShopAccount) -> None:
        """Tells of the tasks when they are not those told last; a new one also as a notice."""
        holes = await self._database.read(lambda connection: pulls.open_holes(connection, account.party_b))
        before, self.open = self.open, tuple(StatementTask(hole.id, hole.since, hole.until) for hole in holes)
        if self.open == before:
            return
        sentences = {task.id: task.sentence(self._clock()) for task in self.open}
        self._changes.publish(StatementTasksChanged(self.open, next(iter(sentences.values()), "")))
        for task_id in sentences.keys() - {task.id for task in before}:
            self._changes.publish(Notice(sentences[task_id], urgent=True))

    async def settle(self, task_id: int, note: str, account: ShopAccount) -> Refused | None:
        """Somebody who may compared by other means; `note` says how."""
        told, now = note.strip(), self._clock()
        if not told:
            return _NO_NOTE
        by = self._guard.check(Action.SETTLE_DOUBT)
        if isinstance(by, Refused):
            return by
        done = await self._database.run(lambda connection: pulls.resolve_hole(connection, task_id, told, now))
        await self.refresh(account)
        if done:
            await self._guard.told(Event.DOUBT_SETTLED, by, f"hole in the records {task_id}", told)
        return None if done else _GONE
