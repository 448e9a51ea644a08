"""Reads the statement that the organisation's portal exports as CSV: money that came, as rows of Pull, and money drawn.

It must not know what becomes of a row. The contract does not fix this file, so columns are found by their names, and
whatever comes before them is read for the period and the short code only.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from pos_app.daraja.pull import PullRow
from pos_app.daraja.values import EAT, masked_phone, text_of
from pos_app.domain.balance import Drawing
from pos_app.domain.money import ZERO, Money
from pos_app.domain.payment import parse_receipt
from pos_app.domain.shop import ShopAccount

_RECEIPT, _COMPLETED, _PAID_IN, _WITHDRAWN = "receipt no", "completion time", "paid in", "withdrawn"
_STATUS, _REASON, _PARTY, _ACCOUNT = "transaction status", "reason type", "other party info", "a/c no"
_NEEDED = {_RECEIPT: "Receipt No.", _COMPLETED: "Completion Time", _PAID_IN: "Paid In"}
_PREAMBLE_LINES = 50
_FORMATS = ("%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M")
_MOMENT = re.compile(r"\d{2}-\d{2}-\d{4} \d{2}:\d{2}:\d{2}", re.ASCII)
_SHORT_CODE = re.compile(r"short ?code\W+(\d{5,7})\b", re.ASCII | re.IGNORECASE)
_TYPES = {"pay bill": "c2b-pay-bill-debit", "merchant": "c2b-buy-goods-debit", "buy goods": "c2b-buy-goods-debit"}
_EXPORT = "Export it on the M-Pesa organisation portal as CSV, then choose that file."


class StatementError(ValueError):
    """The file cannot be used; its message is a sentence for the supervisor."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`unreadable` counts lines that may be money. Of what lies outside `since` and `until` it says nothing."""

    rows: tuple[PullRow, ...]
    unreadable: int
    since: datetime
    until: datetime
    drawn: tuple[Drawing, ...] = ()


def read_statement(content: bytes, account: ShopAccount) -> Statement:
    """Raises StatementError."""
    lines = _lines(content)
    header, columns, mark = _header(lines)
    preamble = "\n".join(lines[:header])
    _check_account(preamble, account)
    completed = list(_completed(csv.reader(lines[header + 1 :], delimiter=mark), columns))
    wanted = [_row(cells) for cells in completed if cells.get(_PAID_IN, "").strip()]
    drawn = tuple(drawing for cells in completed if (drawing := _drawing(cells)) is not None)
    rows = tuple(row for row in wanted if row is not None)
    period = _period(preamble) or [row.paid_at for row in rows if row.paid_at]
    if not period:
        raise StatementError(f"No payment can be read in that file. {_EXPORT}")
    return Statement(rows, len(wanted) - len(rows), min(period), max(period), drawn)


def _lines(content: bytes) -> list[str]:
    if content.startswith((b"PK", b"%PDF", b"\xd0\xcf")):
        raise StatementError(f"That is not a CSV file but a workbook or a PDF. {_EXPORT}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").splitlines()
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").splitlines()


def _header(lines: list[str]) -> tuple[int, list[str], str]:
    """Which line names the columns, how they are called, and what stands between two of them."""
    for number, line in enumerate(islice(lines, _PREAMBLE_LINES)):
        for mark in ",;\t":
            columns = [_name(cell) for cell in next(csv.reader([line], delimiter=mark), [])]
            if len(columns) > 1 and _RECEIPT in columns:
                _check_columns(columns)
                return number, columns, mark
    raise StatementError(f"That file is not an M-Pesa statement: no column is called “Receipt No.”. {_EXPORT}")


def _name(cell: str) -> str:
    return " ".join(cell.lower().replace(".", " ").split())


def _check_columns(columns: list[str]) -> None:
    missing = " and ".join(f"“{said}”" for name, said in _NEEDED.items() if name not in columns)
    if missing:
        raise StatementError(f"The statement lacks the column {missing}. Export it with all columns.")


def _check_account(preamble: str, account: ShopAccount) -> None:
    other = _SHORT_CODE.search(preamble)
    if other and not account.owns(other[1]):
        raise StatementError(f"That is the statement of {other[1]}, not of {account.customer_label}.")


def _period(preamble: str) -> list[datetime]:
    """The two moments that the statement itself gives as its period, or none."""
    moments = [moment for text in _MOMENT.findall(preamble) if (moment := _moment(text))]
    return moments if len(moments) == 2 else []


def _completed(lines: Iterable[list[str]], columns: list[str]) -> Iterator[Mapping[str, str]]:
    """Lines of money that moved; what failed is none."""
    for cells in lines:
        named = dict(zip(columns, cells, strict=False))
        status = named.get(_STATUS, "").strip().lower()
        if any(cells) and status in {"", "completed"}:
            yield named


def _drawing(cells: Mapping[str, str]) -> Drawing | None:
    """With its sign or without, as exports differ; charges are drawn too."""
    amount = Money.from_wire(cells.get(_WITHDRAWN, "").replace(",", "").strip().lstrip("-"))
    at = _moment(cells.get(_COMPLETED, ""))
    return Drawing(at, amount) if amount and at is not None else None


def _row(cells: Mapping[str, str]) -> PullRow | None:
    receipt, amount = parse_receipt(cells.get(_RECEIPT)), Money.from_wire(cells[_PAID_IN].replace(",", ""))
    paid_at = _moment(cells.get(_COMPLETED, ""))
    if not receipt or amount is None or amount <= ZERO or paid_at is None:
        return None
    phone, _, name = cells.get(_PARTY, "").partition(" - ")
    reason = text_of(cells.get(_REASON, ""), 64)
    return PullRow(
        receipt=receipt,
        amount=amount,
        paid_at=paid_at,
        bill_reference=text_of(cells.get(_ACCOUNT, ""), 64),
        payer_phone=masked_phone(text_of(phone)),
        sender_name=text_of(name, 100),
        transaction_type=_type(reason),
        raw=None,
    )


def _type(reason: str) -> str:
    """In Pull’s words where a customer paid. What came back of the shop’s own payments and charges names them too."""
    told = reason.lower()
    return reason if "revers" in told else next((kind for words, kind in _TYPES.items() if words in told), reason)


def _moment(text: str) -> datetime | None:
    """East Africa Time, as the portal writes it."""
    for form in _FORMATS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=EAT).astimezone(UTC)
        except ValueError:
            continue
    return None
