"""Says in a sentence what is wrong with the shop's access to M-Pesa, for the settings page; judges no charge."""

from dataclasses import dataclass

from pos_app.daraja import obstacles
from pos_app.daraja.exchange import Reply
from pos_app.daraja.obstacles import Obstacle
from pos_app.daraja.outcome import Answer, refusal
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.result_codes import NO_SUCH_MERCHANT, NO_SUCH_TRANSACTION, WRONG_CREDENTIALS
from pos_app.daraja.wire import stk_reply
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount

_PRODUCT = "M-Pesa Express"


@dataclass(frozen=True, slots=True)
class AccessCheck:
    ok: bool
    sentence: str
    code: str = ""


def access_check(answer: Answer, host: str) -> AccessCheck:
    """`answer` is that to an STK query of a charge that never was: whatever it says of the charge, it let us in."""
    reply = _let_in(answer, host)
    return (
        _failed(reply) if isinstance(reply, Obstacle) else AccessCheck(True, "The consumer key and secret are right.")
    )


def passkey_check(answer: Answer, host: str, account: ShopAccount) -> AccessCheck:
    reply = _let_in(answer, host)
    if isinstance(reply, Obstacle):
        return _failed(reply)
    found = refusal(reply)
    if found is None:
        said = stk_reply(reply.body)
        return _as_told(said.result_code or said.response_code, said.text)
    envelope, error = found
    if error is NO_SUCH_TRANSACTION:
        return AccessCheck(True, f"The passkey belongs to {account.short_code}.")
    if error is WRONG_CREDENTIALS:
        sentence = f"The passkey does not belong to {_number(account)}. Check both; the passkey has no spaces."
        return AccessCheck(False, sentence, envelope.code)
    if error is NO_SUCH_MERCHANT:
        return AccessCheck(False, f"M-Pesa does not know {_number(account)}. Check it.", envelope.code)
    return _as_told(envelope.code, scrubbed(envelope.message))


def _let_in(answer: Answer, host: str) -> Reply | Obstacle:
    reply = obstacles.answered(answer, host, _PRODUCT)
    return reply if isinstance(reply, Obstacle) else _no_daraja(reply, host) or reply


def _no_daraja(reply: Reply, host: str) -> Obstacle | None:
    found = refusal(reply)
    if found is None and stk_reply(reply.body).response_code:
        return None
    code = found[0].code if found else f"HTTP {reply.status}"
    if found[1].reason is Reason.DOWN if found else reply.status >= 500:
        return obstacles.busy(code)
    if found is None or code in obstacles.WRONG_PATHS:
        return obstacles.no_daraja(code, host)
    return None


def _number(account: ShopAccount) -> str:
    if account.kind is AccountKind.BUY_GOODS:
        return f"the store number {account.short_code} (not the till number)"
    return f"the PayBill {account.short_code}"


def _failed(obstacle: Obstacle) -> AccessCheck:
    return AccessCheck(False, obstacle.sentence, obstacle.code)


def _as_told(code: str, text: str) -> AccessCheck:
    said = f"“{text}” ({code})" if text else code
    return AccessCheck(False, f"The passkey could not be tested. M-Pesa said: {said}.", code)
