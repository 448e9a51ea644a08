"""Questions to the log: asked by one connection that can only read, on a thread of its own, made anew after an error.

It must not know what is asked.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from relay.stores.link import Link
from relay.stores.store import Store

T = TypeVar("T")


class Reader:
    def __init__(self, store: Store) -> None:
        self._link = Link(lambda: store.connect(query_only=True), store.longest_pause)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="relay-reader")

    async def run(self, question: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._ask, question)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            return question(self._link.get())
        except SQLAlchemyError as error:
            self._link.drop()
            if not isinstance(error, DBAPIError) or not error.connection_invalidated:
                raise
        # The connection had been cut before it was asked, as by a database that was started anew.
        return self._ask_again(question)

    def _ask_again(self, question: Callable[[Connection], T]) -> T:
        try:
            return question(self._link.get())
        except SQLAlchemyError:
            self._link.drop()
            raise

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, self._link.drop)
        self._executor.shutdown()
