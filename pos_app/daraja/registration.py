"""Tells Safaricom where to deliver the shop's payments, and Pull whose they are (contract §2.3, §2.12).

It must not know the relay. Production registers once, so each answer is read for what it is.
"""

from dataclasses import dataclass
from enum import StrEnum

from pos_app.daraja.exchange import Reply
from pos_app.daraja.obstacles import SANDBOX_HOST, Effect, Obstacle, accepted, as_told, cannot_read
from pos_app.daraja.outcome import Answer, refusal
from pos_app.daraja.result_codes import (
    ACCEPTED,
    DUPLICATE_NOTIFICATION,
    PULL_NOTHING_NEW,
    PULL_OK,
    URLS_ALREADY_REGISTERED,
)
from pos_app.daraja.values import fields_of, folded, text_of
from pos_app.daraja.wire import Endpoint
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import ShopAccount

PULL_REGISTER = Endpoint("pull register", "POST", "/pulltransactions/v1/register")
_C2B_PRODUCT = "M-Pesa C2B"
_PULL_PRODUCT = "Pull Transactions"
_PORTAL = (
    "To see or change them: on the M-Pesa portal, Self Services, URL Management; two operators confirm. "
    "Then register again."
)


class MsisdnStyle(StrEnum):
    """How confirmations show the payer’s number, which is the only difference between the two versions (§2.3)."""

    HASHED = "v1"
    MASKED = "v2"


class DefaultAction(StrEnum):
    """What M-Pesa does with a payment when nobody answers its validation in time."""

    COMPLETED = "Completed"
    CANCELLED = "Cancelled"


class Registered(StrEnum):
    REGISTERED = "registered"
    ALREADY_REGISTERED = "already registered"
    """There are addresses, perhaps old ones."""
    ELSEWHERE = "elsewhere"
    """“Duplicate notification info”, in production: the old aggregator platform holds addresses."""
    ALREADY_IN_SANDBOX = "already in sandbox"
    """The same words, there: as ALREADY_REGISTERED."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    """Nothing was registered; it may be tried again."""
    UNCLEAR = "unclear"
    """It may have been registered."""


@dataclass(frozen=True, slots=True)
class Registration:
    """`code` is Daraja’s, for the supervisor who calls Safaricom."""

    state: Registered
    sentence: str
    code: str = ""


def register_urls(style: MsisdnStyle) -> Endpoint:
    return Endpoint(f"c2b register {style}", "POST", f"/mpesa/c2b/{style}/registerurl")


def register_urls_request(
    account: ShopAccount, confirmation_url: str, validation_url: str, default_action: DefaultAction
) -> dict[str, object]:
    return {
        "ShortCode": account.short_code,
        "ResponseType": default_action.value,
        "ConfirmationURL": confirmation_url,
        "ValidationURL": validation_url,
    }


def pull_register_request(account: ShopAccount, nominated: Msisdn, callback_url: str) -> dict[str, object]:
    return {
        "ShortCode": account.short_code,
        "RequestType": "Pull",
        "NominatedNumber": nominated.digits,
        "CallBackURL": callback_url,
    }


def urls_registration(answer: Answer, host: str) -> Registration:
    found = refusal(answer) if isinstance(answer, Reply) else None
    if found and found[1] is URLS_ALREADY_REGISTERED:
        sentence = f"M-Pesa already has addresses for this number; they may be old ones. {_PORTAL}"
        return Registration(Registered.ALREADY_REGISTERED, sentence, found[0].code)
    if found and found[1] is DUPLICATE_NOTIFICATION:
        return _duplicate(found[0].code, host)
    reply = accepted(answer, host, _C2B_PRODUCT)
    return _kept_from(reply) if isinstance(reply, Obstacle) else _urls_answered(reply, host)


def _duplicate(code: str, host: str) -> Registration:
    if host == SANDBOX_HOST:
        sentence = (
            "The sandbox already has addresses for this number, perhaps somebody else’s. Try another test number."
        )
        return Registration(Registered.ALREADY_IN_SANDBOX, sentence, code)
    sentence = (
        "M-Pesa’s older platform has addresses for this number, so payments are told to somebody else. "
        "Ask apisupport@safaricom.co.ke to take them out, then register again."
    )
    return Registration(Registered.ELSEWHERE, sentence, code)


def _urls_answered(reply: Reply, host: str) -> Registration:
    """The reply’s `ResponseCode` may be absent; then its words decide (§2.3)."""
    said = fields_of(reply.body)
    code, text = text_of(said.get("ResponseCode")), text_of(said.get("ResponseDescription"))
    if code == ACCEPTED or (not code and text.lower() == "success"):
        return Registration(Registered.REGISTERED, "Safaricom will tell the relay of every payment.", code)
    return _kept_from(_unknown_answer(reply, host, code, text))


def pull_registration(answer: Answer, host: str) -> Registration:
    reply = accepted(answer, host, _PULL_PRODUCT)
    if isinstance(reply, Obstacle):
        return _kept_from(reply)
    said = folded(reply.body)
    # “Response Status” in production, `ResponseStatus` in the documents.
    code, text = text_of(said.get("responsestatus")), text_of(said.get("responsedescription"))
    if code == PULL_OK:
        return Registration(Registered.REGISTERED, "Missed payments can be fetched from M-Pesa.", code)
    if code == PULL_NOTHING_NEW:
        return Registration(Registered.ALREADY_REGISTERED, "Missed payments can already be fetched from M-Pesa.", code)
    return _kept_from(_unknown_answer(reply, host, code, text))


def _unknown_answer(reply: Reply, host: str, code: str, text: str) -> Obstacle:
    return as_told(Effect.UNCLEAR, code, text) if code else cannot_read(reply, host)


_STATES = {
    Effect.REFUSED: Registered.REFUSED,
    Effect.NOT_REACHED: Registered.UNREACHABLE,
    Effect.UNCLEAR: Registered.UNCLEAR,
}


def _kept_from(obstacle: Obstacle) -> Registration:
    doubt = " It may have been registered; see the portal." if obstacle.effect is Effect.UNCLEAR else ""
    return Registration(_STATES[obstacle.effect], obstacle.sentence + doubt, obstacle.code)
