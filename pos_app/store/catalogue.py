"""Products on disk; a removed one stays, because old sales name it."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from pos_app.domain.catalogue import Product
from pos_app.domain.money import Money
from pos_app.store.tables import ProductRow, table
from pos_app.store.times import to_text

_table = table(ProductRow)


class BarcodeTakenError(Exception):
    pass


def add(session: Session, name: str, price: Money, barcode: str) -> Product:
    """Raises BarcodeTakenError."""
    try:
        statement = insert(_table).values(name=name, price_cents=price.cents, barcode=barcode)
        product_id: int = session.execute(statement.returning(_table.c.id)).scalar_one()
    except IntegrityError as error:
        raise BarcodeTakenError from error
    return Product(product_id, name, price, barcode)


def remove(session: Session, product_id: int, at: datetime) -> None:
    session.execute(update(_table).where(_table.c.id == product_id).values(removed_at=to_text(at)))


def find(session: Session, search: str, limit: int = 200) -> tuple[Product, ...]:
    query = select(_table).where(_table.c.removed_at.is_(None))
    if search:
        query = query.where(_table.c.name.contains(search, autoescape=True) | (_table.c.barcode == search))
    rows = session.execute(query.order_by(_table.c.name).limit(limit)).all()
    return tuple(Product(row.id, row.name, Money(row.price_cents), row.barcode) for row in rows)


def is_empty(session: Session) -> bool:
    return session.execute(select(_table.c.id).limit(1)).first() is None


def by_barcode(session: Session, barcode: str) -> Product | None:
    query = select(_table).where((_table.c.barcode == barcode) & _table.c.removed_at.is_(None))
    row = session.execute(query).first()
    return Product(row.id, row.name, Money(row.price_cents), row.barcode) if row else None
