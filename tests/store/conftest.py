"""A migrated database on a real file, and a sale with a charge to put into it."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.sale import Cart, Sale, SaleLine
from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.store import sales
from pos_app.store.database import Database

NOW = datetime(2026, 10, 14, 12, 30, 12, 345_678, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = Database(path)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def bread() -> Cart:
    return Cart((SaleLine("Bread", Money.shillings(65)), SaleLine("Milk", Money.shillings(60), 2)))


@pytest.fixture
def new_attempt() -> Callable[..., Attempt]:
    def make(sale_id: int, number: int = 1, **changes: object) -> Attempt:
        values: dict[str, object] = {
            "id": 0,
            "sale_id": sale_id,
            "nonce": f"{number:032x}",
            "amount": Money.shillings(185),
            "msisdn": Msisdn("254712345678"),
            "account": ShopAccount(AccountKind.PAYBILL, "174379"),
            "account_reference": f"T1-1-{number}",
            "created_at": NOW,
            "state": AttemptState.SUBMITTING,
            "submitted_at": NOW,
        }
        return Attempt(**{**values, **changes})  # type: ignore[arg-type]  # the values of a test, by name

    return make


@pytest.fixture
async def sale(database: Database, bread: Cart) -> Sale:
    def add(connection: sqlite3.Connection) -> Sale:
        return sales.add(connection, bread, NOW)

    return await database.run(add)
