"""Products on disk; a removed one stays, because old sales name it."""

import sqlite3
from datetime import datetime

from pos_app.domain.catalogue import Product
from pos_app.domain.money import Money
from pos_app.store.statements import like
from pos_app.store.times import to_text

_INSERT = "INSERT INTO product (name, price_cents, barcode) VALUES (?, ?, ?) RETURNING id"
_REMOVE = "UPDATE product SET removed_at = ? WHERE id = ?"
_SOLD = "SELECT id, name, price_cents, barcode FROM product WHERE removed_at IS NULL"
_ALL = _SOLD + " ORDER BY name LIMIT :limit"
_FOUND = _SOLD + r" AND (name LIKE :contains ESCAPE '\' OR barcode = :search) ORDER BY name LIMIT :limit"
_BY_BARCODE = _SOLD + " AND barcode = ? AND barcode <> ''"
_ANY = "SELECT 1 FROM product LIMIT 1"


class BarcodeTakenError(Exception):
    pass


def add(connection: sqlite3.Connection, name: str, price: Money, barcode: str) -> Product:
    """Raises BarcodeTakenError."""
    try:
        (product_id,) = connection.execute(_INSERT, (name, price.cents, barcode)).fetchone()
    except sqlite3.IntegrityError as error:
        raise BarcodeTakenError from error
    return Product(product_id, name, price, barcode)


def remove(connection: sqlite3.Connection, product_id: int, at: datetime) -> None:
    connection.execute(_REMOVE, (to_text(at), product_id))


def find(connection: sqlite3.Connection, search: str, limit: int = 200) -> tuple[Product, ...]:
    bound = {"contains": like(search, anywhere=True), "search": search, "limit": limit}
    rows = connection.execute(_FOUND if search else _ALL, bound)
    return tuple(Product(product_id, name, Money(cents), barcode) for product_id, name, cents, barcode in rows)


def is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute(_ANY).fetchone() is None


def by_barcode(connection: sqlite3.Connection, barcode: str) -> Product | None:
    row = connection.execute(_BY_BARCODE, (barcode,)).fetchone()
    if row is None:
        return None
    product_id, name, cents, _ = row
    return Product(product_id, name, Money(cents), barcode)
