"""All shops, in memory: a callback finds its stream without the database.

It must not know what a callback says. The time it takes says nothing about how much of a guessed key is right: a dict
compares only texts of which the whole hash is the same (64 bits, keyed anew in each process).
"""

from relay.log import EventLog
from relay.stores import directory
from relay.stores.directory import Shop, sha256


class Shops:
    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._by_key: dict[str, Shop] = {}
        self._mark: directory.Mark | None = None

    def known(self, key: str) -> Shop | None:
        return self._by_key.get(key)

    async def find(self, key: str) -> Shop | None:
        """Asks the store for one that is not known: it may have been added this very moment."""
        if key not in self._by_key:
            hashed = sha256(key)
            found = await self._log.ask(lambda connection: directory.shop_by_key_hash(connection, hashed))
            if found is None:
                return None
            self._by_key[key] = found
        return self._by_key[key]

    async def look_again(self) -> None:
        """Takes up the shops that were added, at whichever relay or beside it. To be called about once a second."""
        mark = await self._log.ask(directory.mark)
        if mark != self._mark:
            shops = await self._log.ask(directory.shops)
            self._by_key = {shop.callback_key: shop for shop in shops}
            self._mark = mark
