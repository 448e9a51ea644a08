"""The statement that the organisation's portal gives, as CSV: all money that came, with the balance after each.

It must not know who was told of it. The contract does not fix its columns, their order, the format of its dates or
the order of its rows: these are the usual ones of such an export, the newest payment first.
"""

import csv
import io

from pos_app.simulator.clock import nairobi
from pos_app.simulator.ledger import Ledger, Payment
from pos_app.simulator.names import masked

COLUMNS = (
    "Receipt No.",
    "Completion Time",
    "Initiation Time",
    "Details",
    "Transaction Status",
    "Paid In",
    "Withdrawn",
    "Balance",
    "Balance Confirmed",
    "Reason Type",
    "Other Party Info",
    "Linked Transaction ID",
    "A/C No.",
)


def statement(ledger: Ledger, shortcode: str, since: float, before: float) -> str:
    """The payments from `since` on, until just before `before`."""
    rows = []
    balance = 0
    for payment in ledger.find(shortcode=shortcode):
        balance += payment.amount
        if since <= payment.paid_at < before:
            rows.append(_row(payment, balance))
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(reversed(rows))
    return written.getvalue()


def _row(payment: Payment, balance: int) -> tuple[str, ...]:
    when = nairobi(payment.paid_at).strftime("%d-%m-%Y %H:%M:%S")
    party = f"{masked(payment.payer)} - {payment.name}"
    account = f" Acc. {payment.account}" if payment.account else ""
    bill = payment.receiver == payment.shortcode
    return (
        payment.receipt,
        when,
        when,
        f"{payment.type} from {party}{account}",
        "Completed",
        f"{payment.amount}.00",
        "",
        f"{balance}.00",
        "true",
        "Pay Bill Online" if bill else "Merchant Payment",
        party,
        "",
        payment.account,
    )
