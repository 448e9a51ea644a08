"""Rows on their way to the relay: kept on disk until it has them, told page by page, oldest first.

A row may be told twice: the relay appends what its log lacks, and only the log's event is applied.
"""

from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate

from pos_app.relay_link.reports import PAGE_BYTES, PAGE_ROWS
from pos_app.store import pulls
from pos_app.store.database import Database
from pos_app.store.pulls import Untold

Report = Callable[[str, Sequence[str]], Awaitable[bool]]
"""Tells the relay rows of a short code; False when it has to be told again."""


class PulledRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def tell(self, short_code: str, report: Report) -> int:
        """How many rows are left because the relay could not be told."""
        while page := await self._page(short_code):
            if not await report(short_code, [row.told for row in page]):
                return await self._database.read(lambda connection: pulls.count_untold(connection, short_code))
            await self._forget(page)
        return 0

    async def _page(self, short_code: str) -> tuple[Untold, ...]:
        rows = await self._database.read(lambda connection: pulls.untold(connection, short_code, PAGE_ROWS))
        sizes = accumulate(len(row.told.encode()) + 1 for row in rows)
        return rows[: max(1, sum(size <= PAGE_BYTES for size in sizes))]

    async def _forget(self, page: tuple[Untold, ...]) -> None:
        await self._database.run(lambda connection: pulls.forget_rows(connection, page))
