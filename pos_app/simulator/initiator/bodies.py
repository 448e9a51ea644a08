"""What Safaricom writes to an operator: the acknowledgement (E47), results (E50 to E53, E56 to E62).

It must not know when or where they are sent.
"""

import re
from collections.abc import Mapping
from typing import Any

from pos_app.simulator.clock import nairobi, stamp
from pos_app.simulator.initiator.operation import Operation
from pos_app.simulator.ledger import Payment
from pos_app.simulator.messages import encode
from pos_app.simulator.names import first_name, last_name
from pos_app.simulator.result_codes import typed

_WORDS = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "The amount is less than the minimum transaction value.",
    "3": "The amount is more than the maximum transaction value.",
    "8": "The amount would exceed the maximum balance of the receiver.",
    "17": "System internal error.",
    "21": "The initiator is not allowed to initiate this request.",
    "25": "The format of parameter null is invalid.",
    "2001": "The initiator information is invalid.",
    "2028": "The request is not permitted according to product assignment.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
    "8006": "The security credential is locked.",
    "100000000": "Request was cached, waiting for resending",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "Receiver party is invalid",
}
_PATHS = {"b2c": "b2cresults", "reversal": "reversalresults", "status": "", "balance": "abresults"}
# JSON numbers with two decimals (`150.00`), which Python's encoder cannot write by itself.
_DECIMAL = re.compile(rb'"decimal:(-?[0-9]+\.[0-9]{2})"')


def acknowledged(operation: Operation) -> dict[str, str]:
    return {
        "ConversationID": operation.conversation_id,
        "OriginatorConversationID": operation.originator_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def queue_timeout(operation: Operation) -> bytes:
    """Our whole request as it came, its SecurityCredential included, and no `Result` (E54, trap 21).

    So of all but B2C v3 it names no id: what Safaricom made of it stood in the reply alone.
    """
    return encode(operation.fields)


def result(operation: Operation, code: str, transaction_id: str, told: Mapping[str, Any], *, production: bool) -> bytes:
    """`told` are the ResultParameters; none of them, and there is no such key."""
    sandbox = operation.scenario.shape == "sandbox"
    said: dict[str, Any] = {
        "ResultType": "0" if sandbox else 0,
        "ResultCode": code if sandbox else typed(code),
        "ResultDesc": _WORDS.get(code, f"Result {code}."),
        "OriginatorConversationID": operation.originator_id,
        "ConversationID": operation.conversation_id,
        "TransactionID": transaction_id,
    }
    if told and operation.scenario.shape != "bare":
        said["ResultParameters"] = {"ResultParameter": [_parameter(*one, text=sandbox) for one in told.items()]}
    return _DECIMAL.sub(rb"\1", encode({"Result": {**said, **_reference(operation, production=production)}}))


def _parameter(key: str, value: object, *, text: bool) -> dict[str, Any]:
    """None is a key without a Value."""
    if value is None:
        return {"Key": key}
    return {"Key": key, "Value": str(value).removeprefix("decimal:") if text else value}


def _reference(operation: Operation, *, production: bool) -> dict[str, Any]:
    path = _PATHS[operation.kind]
    if not path:
        return {"ReferenceData": {"ReferenceItem": {"Key": "Occasion"}}}
    host = "internalapi" if production else "internalsandbox"
    url = f"https://{host}.safaricom.co.ke/mpesa/{path}/v1/submit"
    return {"ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": url}}}


def b2c_told(operation: Operation, receiver: str, utility: int, charged: int) -> dict[str, Any]:
    """E50: the third format of a date, and funds that may be negative."""
    return {
        "TransactionAmount": operation.amount + operation.scenario.amount_added,
        "TransactionReceipt": operation.receipt,
        "ReceiverPartyPublicName": receiver,
        "TransactionCompletedDateTime": f"{nairobi(operation.finished_at):%d.%m.%Y %H:%M:%S}",
        "B2CUtilityAccountAvailableFunds": f"decimal:{utility}.00",
        "B2CWorkingAccountAvailableFunds": "decimal:0.00",
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": f"decimal:{charged}.00",
    }


def reversal_told(operation: Operation, receiver: str, debit: str, shop_name: str) -> dict[str, Any]:
    """E56."""
    return {
        "DebitAccountBalance": debit,
        "Amount": f"decimal:{operation.amount + operation.scenario.amount_added}.00",
        "TransCompletedTime": int(stamp(operation.finished_at)),
        "OriginalTransactionID": operation.fields["TransactionID"],
        "Charge": "decimal:0.00",
        "CreditPartyPublicName": receiver,
        "DebitPartyPublicName": f"{operation.shortcode} - {shop_name}",
    }


def operation_status(found: Operation, shop_name: str) -> dict[str, Any]:
    """Of a payment to a customer (E58). Until it is final, nothing says when it ended."""
    final = bool(found.code) or found.dropped
    payee = str(found.fields.get("PartyB", ""))
    return {
        "DebitPartyName": f"{found.shortcode} - {shop_name}",
        "CreditPartyName": f"{named(payee, production=False)} " if payee else None,
        "OriginatorConversationID": found.originator_id,
        "InitiatedTime": int(stamp(found.accepted_at)),
        "DebitAccountType": "Utility Account",
        "DebitPartyCharges": None,
        "TransactionReason": None,
        "ReasonType": "Business Payment to Customer via API" if found.kind == "b2c" else None,
        "TransactionStatus": found.status,
        "FinalisedTime": int(stamp(found.finished_at)) if final else None,
        "Amount": float(found.amount),
        "ConversationID": found.conversation_id,
        "ReceiptNo": found.receipt or None,
    }


def payment_status(paid: Payment, shop_name: str) -> dict[str, Any]:
    """Of a payment by a customer (E58)."""
    moment = int(stamp(paid.paid_at))
    return {
        "DebitPartyName": named(paid.payer, production=False),
        "CreditPartyName": f"{paid.receiver} - {shop_name} ",
        "OriginatorConversationID": paid.checkout_request_id or None,
        "InitiatedTime": moment,
        "CreditPartyCharges": None,
        "DebitAccountType": "MMF Account For Customer",
        "TransactionReason": None,
        "ReasonType": "Pay Bill Online" if paid.receiver == paid.shortcode else "Merchant Payment",
        "TransactionStatus": "Completed",
        "FinalisedTime": moment,
        "Amount": float(paid.amount),
        "DebitPartyCharges": None,
        "ReceiptNo": paid.receipt,
    }


def balance_told(accounts: str, at: float) -> dict[str, Any]:
    return {"ActionType": "AccountBalance", "AccountBalance": accounts, "BOCompletedTime": int(stamp(at))}


def named(phone: str, *, production: bool) -> str:
    """In production B2C writes the number as people do (§2.7)."""
    number = f"0{phone[3:]}" if production else phone
    return f"{number} - {first_name(phone).title()} {last_name(phone).title()}"
