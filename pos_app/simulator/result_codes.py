"""The result codes of an STK push and their words, from the contract §5.1: callback and query differ.

It must not know when a code is chosen.
"""

from dataclasses import dataclass

PAID = "0"
PENDING = "4999"

_LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"


@dataclass(frozen=True)
class Words:
    """`query` and `other` (an older or rarer wording of the callback) are the callback's own words when empty."""

    callback: str
    query: str = ""
    other: str = ""


WORDS = {
    PAID: Words("The service request is processed successfully."),
    PENDING: Words("The transaction is still under processing"),
    "1": Words("The balance is insufficient for the transaction."),
    "2": Words("The amount is less than the minimum transaction value."),
    "3": Words("The amount is more than the maximum transaction value."),
    "4": Words("The amount would exceed the daily transfer limit."),
    "8": Words("The amount would exceed the maximum balance of the receiver."),
    "17": Words("Rule limited."),
    "26": Words("System busy. Traffic blocking condition in place."),
    "1001": Words(_LOCKED, other=f"[STK_CB - ]{_LOCKED}"),
    "1019": Words("Transaction expired. No MO has been received"),
    "1025": Words("An error occurred while sending a push request."),
    "1031": Words("Request cancelled by user"),
    "1032": Words("Request cancelled by user", "Request Cancelled by user."),
    "1036": Words("SMSC ACK timeout."),
    "1037": Words(
        "No response from user.",
        "DS timeout user cannot be reached.",
        "DS timeout user cannot be reached",
    ),
    "1101": Words("The reference is too long."),
    "1102": Words("The prompt text is too long."),
    "2001": Words("The initiator information is invalid.", other="[MpesaCB - ]The initiator information is invalid."),
    "2008": Words("The authentication has expired."),
    "2026": Words("The session has expired."),
    "2028": Words("The request is not permitted according to product assignment."),
    "2029": Words("The identity type does not match."),
    "8006": Words("The security credential is locked."),
    "9999": Words("An error occurred while sending a push request."),
    "E3008": Words("Error, the user has a bad debt contract."),
    "SFC_IC0003": Words("The operator does not exist."),
}


def callback_words(code: str, *, other: bool = False) -> str:
    words = WORDS.get(code, Words(f"Result {code}."))
    return (words.other if other else "") or words.callback


def query_words(code: str) -> str:
    words = WORDS.get(code, Words(f"Result {code}."))
    return words.query or words.callback


def typed(code: str) -> int | str:
    """A callback carries a number where the code is one, and a string where it is not (§2.1)."""
    return int(code) if code.isdigit() and str(int(code)) == code else code
