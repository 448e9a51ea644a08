"""The requests that an API operator signs: B2C, Reversal, Transaction Status, Account Balance. Spellings, nothing sent.

Sources: contract §2.7 to §2.10, §4. What differs from one API to the next is no mistake of ours: `InitiatorName` and
`Initiator`, `Occassion` and `Occasion`, `RecieverIdentifierType` (trap 14).
"""

from dataclasses import dataclass

from pos_app.daraja.errors import RequestError
from pos_app.daraja.wire import Endpoint
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import parse_receipt
from pos_app.domain.shop import Initiator

B2C_MIN, B2C_MAX = Money.shillings(10), Money.shillings(250_000)
REMARKS_MIN, REMARKS_MAX = 2, 100
_SHORT_CODE, _ORGANISATION = "4", "11"

B2C = Endpoint("b2c", "POST", "/mpesa/b2c/v3/paymentrequest")
REVERSAL = Endpoint("reversal", "POST", "/mpesa/reversal/v1/request")
TRANSACTION_STATUS = Endpoint("transaction status", "POST", "/mpesa/transactionstatus/v1/query")
ACCOUNT_BALANCE = Endpoint("account balance", "POST", "/mpesa/accountbalance/v1/query")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the result and a queue timeout of one request are delivered."""

    result: str
    timeout: str


def b2c_request(
    initiator: Initiator,
    to: Addresses,
    *,
    originator_id: str,
    amount: Money,
    payee: Msisdn,
    remarks: str,
) -> dict[str, object]:
    """B2C v3, BusinessPayment. Raises RequestError, or AmountError for cents."""
    if not originator_id:
        raise RequestError("B2C needs an id of ours, made before it is sent.")
    if not B2C_MIN <= amount <= B2C_MAX:
        raise RequestError(f"M-Pesa pays out {B2C_MIN} to {B2C_MAX} at once.")
    return {
        "OriginatorConversationID": originator_id,
        "InitiatorName": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": "BusinessPayment",
        "Amount": amount.whole_shillings,
        "PartyA": int(initiator.short_code),
        "PartyB": int(payee.digits),
        "Remarks": _remarks(remarks),
        **_addresses(to),
        "Occassion": "",
    }


def reversal_request(
    initiator: Initiator, to: Addresses, *, receipt: str, amount: Money, receiver: str, remarks: str
) -> dict[str, object]:
    """The whole of one payment; `receiver` is the short code that got it. Raises RequestError or AmountError."""
    if not parse_receipt(receipt):
        raise RequestError("A reversal needs the M-Pesa code of the payment.")
    if amount <= Money(0):
        raise RequestError("A reversal gives back at least one shilling.")
    return {
        **_signed(initiator, "TransactionReversal"),
        "TransactionID": receipt,
        "Amount": str(amount.whole_shillings),
        "ReceiverParty": receiver,
        "RecieverIdentifierType": _ORGANISATION,
        **_addresses(to),
        "Remarks": _remarks(remarks),
    }


def status_request(
    initiator: Initiator, to: Addresses, *, originator_id: str = "", receipt: str = "", remarks: str = "Status"
) -> dict[str, object]:
    """By the OriginatorConversationID of the payment asked about, else by its receipt. Raises RequestError."""
    if bool(originator_id) == bool(receipt):
        raise RequestError("A status is asked for by one thing: the id of the request, or the M-Pesa code.")
    by = {"OriginalConversationID": originator_id} if originator_id else {"TransactionID": receipt}
    return {
        **_signed(initiator, "TransactionStatusQuery"),
        **by,
        "PartyA": initiator.short_code,
        "IdentifierType": _SHORT_CODE,
        **_addresses(to),
        "Remarks": _remarks(remarks),
        "Occasion": "",
    }


def balance_request(initiator: Initiator, to: Addresses, *, remarks: str = "Balance") -> dict[str, object]:
    return {
        **_signed(initiator, "AccountBalance"),
        "PartyA": initiator.short_code,
        "IdentifierType": _SHORT_CODE,
        "Remarks": _remarks(remarks),
        **_addresses(to),
    }


def _signed(initiator: Initiator, command: str) -> dict[str, object]:
    return {
        "Initiator": initiator.name,
        "SecurityCredential": initiator.credential,
        "CommandID": command,
    }


def _addresses(to: Addresses) -> dict[str, object]:
    for address in (to.result, to.timeout):
        if not address.startswith(("https://", "http://")):
            raise RequestError("An initiator's request needs addresses for its result and its timeout.")
    return {"ResultURL": to.result, "QueueTimeOutURL": to.timeout}


def _remarks(text: str) -> str:
    """2 to 100 characters, whatever was typed."""
    tidy = " ".join(text.split())[:REMARKS_MAX]
    return tidy if len(tidy) >= REMARKS_MIN else "Refund"
