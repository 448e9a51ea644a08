"""The fields of the operator's requests, in order: Daraja names the first bad one (contract §2.7 to §2.10, §5.4).

It must not know whether the shop, the operator or the receiver exists.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pos_app.simulator.fields import Check, digits, first_wrong, is_phone, is_public_url, is_shortcode, is_text

_ID_MAX = 100
_COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")


def invalid_b2c_field(fields: Mapping[str, Any], *, version: int, allow_loopback_urls: bool) -> str:
    """Version 1 has no id of ours (trap 23). Amounts outside the limits are accepted here and fail later (§5.2)."""
    ours: dict[str, Check] = {"OriginatorConversationID": _is_id} if version == 3 else {}
    return first_wrong(
        fields,
        {
            **ours,
            "InitiatorName": _is_id,
            "SecurityCredential": _is_credential,
            "CommandID": lambda value: value in _COMMANDS,
            "Amount": _is_amount,
            "PartyA": is_shortcode,
            "PartyB": is_phone,
            "Remarks": _is_remarks,
            **_addresses(allow_loopback_urls),
            "Occassion": _is_occasion,
        },
    )


def invalid_reversal_field(fields: Mapping[str, Any], *, allow_loopback_urls: bool) -> str:
    return first_wrong(
        fields,
        {
            **_signed("TransactionReversal"),
            "TransactionID": _is_receipt,
            "Amount": _is_amount,
            "ReceiverParty": is_shortcode,
            # Spelt like this, or it is missing (LNM#8).
            "RecieverIdentifierType": lambda value: digits(value) == "11",
            **_addresses(allow_loopback_urls),
            "Remarks": _is_remarks,
            "Occasion": _is_occasion,
        },
    )


def invalid_status_field(fields: Mapping[str, Any], *, allow_loopback_urls: bool) -> str:
    """A missing search key is accepted and fails later with 25 (E60)."""
    return first_wrong(
        fields,
        {
            **_signed("TransactionStatusQuery"),
            **_asker(allow_loopback_urls),
            "Occasion": _is_occasion,
        },
    )


def invalid_balance_field(fields: Mapping[str, Any], *, allow_loopback_urls: bool) -> str:
    return first_wrong(fields, {**_signed("AccountBalance"), **_asker(allow_loopback_urls)})


def _signed(command: str) -> dict[str, Check]:
    return {
        "Initiator": _is_id,
        "SecurityCredential": _is_credential,
        "CommandID": lambda value: value == command,
    }


def _asker(allow_loopback_urls: bool) -> dict[str, Check]:
    return {
        "PartyA": is_shortcode,
        "IdentifierType": lambda value: digits(value) in ("1", "2", "4"),
        "Remarks": lambda value: is_text(value, 100),
        **_addresses(allow_loopback_urls),
    }


def _addresses(allow_loopback: bool) -> dict[str, Check]:
    is_url = partial(_is_url, allow_loopback=allow_loopback)
    return {"QueueTimeOutURL": is_url, "ResultURL": is_url}


def _is_url(value: object, *, allow_loopback: bool) -> bool:
    return isinstance(value, str) and is_public_url(value, allow_loopback=allow_loopback)


def _is_id(value: object) -> bool:
    return is_text(value, _ID_MAX)


def _is_credential(value: object) -> bool:
    return is_text(value, 1000)


def _is_amount(value: object) -> bool:
    return 0 < len(digits(value)) <= 9


def _is_receipt(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalnum() and 8 <= len(value) <= 12


def _is_remarks(value: object) -> bool:
    return is_text(value, 100) and len(str(value).strip()) >= 2


def _is_occasion(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 100)
