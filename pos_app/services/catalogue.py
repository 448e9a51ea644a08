"""The products of the shop: found by name or barcode, added at the till."""

from collections.abc import Callable
from datetime import datetime

from pos_app.domain.catalogue import Product, ProductError, checked_name, checked_price
from pos_app.domain.money import AmountError, Money
from pos_app.domain.refused import Refused
from pos_app.services.changes import CatalogueChanged, Changes
from pos_app.services.clock import utc_now
from pos_app.store import catalogue
from pos_app.store.catalogue import BarcodeTakenError
from pos_app.store.database import Database, StoreError


class Catalogue:
    def __init__(self, database: Database, changes: Changes, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock

    async def products(self, search: str = "") -> tuple[Product, ...]:
        wanted = " ".join(search.split())
        return await self._database.read(lambda connection: catalogue.find(connection, wanted))

    async def is_untouched(self) -> bool:
        """Whether no product was ever added."""
        return await self._database.read(catalogue.is_empty)

    async def by_barcode(self, barcode: str) -> Product | None:
        return await self._database.read(lambda connection: catalogue.by_barcode(connection, barcode.strip()))

    async def add(self, name: str, price: Money, barcode: str = "") -> Product | Refused:
        try:
            wanted, at = checked_name(name), checked_price(price)
            product = await self._database.run(
                lambda connection: catalogue.add(connection, wanted, at, barcode.strip())
            )
        except BarcodeTakenError:
            return Refused("Another product already has that barcode. Nothing was added.")
        except (ProductError, AmountError, StoreError) as error:
            return Refused(str(error))
        self._changes.publish(CatalogueChanged())
        return product

    async def remove(self, product_id: int) -> None:
        now = self._clock()
        await self._database.run(lambda connection: catalogue.remove(connection, product_id, now))
        self._changes.publish(CatalogueChanged())
