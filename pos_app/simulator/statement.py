"""The statement that the organisation's portal gives, as CSV: all money that moved, with the balance after each.

It must not know who was told of it. The contract does not fix its columns, their order, the format of its dates or
the order of its rows: these are the usual ones of such an export, the newest movement first.
"""

import csv
import io
from dataclasses import dataclass

from pos_app.simulator.clock import nairobi
from pos_app.simulator.ledger import Entry, Ledger, shop
from pos_app.simulator.names import first_name, masked

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
    """The movements from `since` on, until just before `before`."""
    rows = []
    balance = 0
    for entry in ledger.entries:
        if entry.account != shop(shortcode):
            continue
        balance += entry.amount
        if since <= entry.paid_at < before:
            rows.append(_row(entry, _told(ledger, entry), balance))
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(reversed(rows))
    return written.getvalue()


@dataclass(frozen=True)
class _Told:
    details: str
    reason: str
    party: str = ""
    linked: str = ""
    account: str = ""


def _told(ledger: Ledger, entry: Entry) -> _Told:
    paid, paid_out = ledger.payment(entry.receipt), ledger.payout(entry.receipt)
    if paid:
        party = f"{masked(paid.payer)} - {paid.name}"
        account = f" Acc. {paid.account}" if paid.account else ""
        reason = "Pay Bill Online" if paid.receiver == paid.shortcode else "Merchant Payment"
        return _Told(f"{paid.type} from {party}{account}", reason, party, account=paid.account)
    if paid_out:
        party = f"{masked(paid_out.payee)} - {first_name(paid_out.payee)}"
        if paid_out.original:
            return _Told(f"Reversal of {paid_out.original} to {party}", "Reversal", party, paid_out.original)
        return _Told(f"Business Payment to {party}", "Business Payment to Customer via API", party)
    return _Told("Funds of the organisation", "Organization Settlement")


def _row(entry: Entry, told: _Told, balance: int) -> tuple[str, ...]:
    when = nairobi(entry.paid_at).strftime("%d-%m-%Y %H:%M:%S")
    return (
        entry.receipt,
        when,
        when,
        told.details,
        "Completed",
        f"{entry.amount}.00" if entry.amount > 0 else "",
        f"{entry.amount}.00" if entry.amount < 0 else "",
        f"{balance}.00",
        "true",
        told.reason,
        told.party,
        told.linked,
        told.account,
    )
