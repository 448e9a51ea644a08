"""Says in a sentence what is wrong with the shop's access to M-Pesa, for the settings page; judges no charge."""

from dataclasses import dataclass

from pos_app.daraja.access_token import FIREWALL, TokenRefused
from pos_app.daraja.exchange import Broken, Reply
from pos_app.daraja.outcome import Answer, is_token_refused, refusal
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.result_codes import NO_SUCH_MERCHANT, NO_SUCH_TRANSACTION, PRODUCT_MISSING, WRONG_CREDENTIALS
from pos_app.daraja.wire import stk_reply
from pos_app.domain.reason import Reason
from pos_app.domain.shop import AccountKind, ShopAccount

# Contract §1: the hosts. They pick the wording only; nothing else may depend on them.
_OTHER_KEYS = {
    "api.safaricom.co.ke": " Here they must be the ones from Go Live, not the sandbox’s.",
    "sandbox.safaricom.co.ke": " Here they must be the sandbox app’s, not the ones from Go Live.",
}
_WRONG_PATHS = frozenset({"404.001.01", "404.002.01", "404.003.01"})


@dataclass(frozen=True, slots=True)
class AccessCheck:
    ok: bool
    sentence: str
    code: str = ""


def access_check(answer: Answer, host: str) -> AccessCheck:
    """`answer` is that to an STK query of a charge that never was: whatever it says of the charge, it let us in."""
    return _obstacle(answer, host) or AccessCheck(True, "The consumer key and secret are right.")


def passkey_check(answer: Answer, host: str, account: ShopAccount) -> AccessCheck:
    obstacle = _obstacle(answer, host)
    if obstacle is not None or not isinstance(answer, Reply):
        return obstacle or access_check(answer, host)
    found = refusal(answer)
    if found is None:
        said = stk_reply(answer.body)
        return _as_told(said.result_code or said.response_code or f"HTTP {answer.status}", said.text)
    envelope, error = found
    if error is NO_SUCH_TRANSACTION:
        return AccessCheck(True, f"The passkey belongs to {account.short_code}.")
    if error is WRONG_CREDENTIALS:
        sentence = f"The passkey does not belong to {_number(account)}. Check both; the passkey has no spaces."
        return AccessCheck(False, sentence, envelope.code)
    if error is NO_SUCH_MERCHANT:
        return AccessCheck(False, f"M-Pesa does not know {_number(account)}. Check it.", envelope.code)
    return _as_told(envelope.code, scrubbed(envelope.message))


def _obstacle(answer: Answer, host: str) -> AccessCheck | None:
    """What kept the question from being answered at all."""
    if isinstance(answer, TokenRefused):
        return _no_connection(answer.broken, host) if answer.broken else _no_token(answer, host)
    if isinstance(answer, Broken):
        return _no_connection(answer, host)
    if answer.is_firewall:
        return _firewall()
    return _no_product(answer) or _no_daraja(answer, host)


def _no_connection(broken: Broken, host: str) -> AccessCheck:
    if broken.is_certificate:
        sentence = (
            f"The connection to {host} is not safe: its certificate was not accepted. "
            "Check this computer’s date, and whether the network wants you to sign in first."
        )
    elif broken.may_have_left:
        sentence = f"{host} was reached but did not answer. Try again in a few minutes."
    else:
        sentence = f"{host} cannot be reached. Check the internet connection, then test again."
    return AccessCheck(False, sentence, broken.cause)


def _no_token(refused: TokenRefused, host: str) -> AccessCheck:
    if refused.code == FIREWALL:
        return _firewall()
    if refused.reason is Reason.SETUP:
        sentence = "M-Pesa does not accept the consumer key and secret." + _OTHER_KEYS.get(host, "")
    else:
        sentence = f"{host} gave no access token. Try again in a few minutes."
    return AccessCheck(False, sentence, refused.code)


def _firewall() -> AccessCheck:
    sentence = (
        "M-Pesa’s firewall refuses this internet connection. Wait a minute and test again; "
        "if it stays so, try another connection."
    )
    return AccessCheck(False, sentence, FIREWALL)


def _no_product(reply: Reply) -> AccessCheck | None:
    """A fresh token refused twice means the same as the words for it: the app lacks the product (contract §1)."""
    found = refusal(reply)
    if found is None or not (found[1] in PRODUCT_MISSING or is_token_refused(reply)):
        return None
    sentence = (
        "The consumer key and secret are right, but their app does not have the product “M-Pesa Express”. "
        "Add it on the Daraja portal, then test again; M-Pesa may take an hour to notice."
    )
    return AccessCheck(False, sentence, found[0].code)


def _no_daraja(reply: Reply, host: str) -> AccessCheck | None:
    found = refusal(reply)
    if found is None and stk_reply(reply.body).response_code:
        return None
    code = found[0].code if found else f"HTTP {reply.status}"
    if found[1].reason is Reason.DOWN if found else reply.status >= 500:
        return AccessCheck(False, "M-Pesa is busy or down. Try again in a few minutes.", code)
    if found is None or code in _WRONG_PATHS:
        return AccessCheck(False, f"{host} does not answer like M-Pesa. Check the address, then test again.", code)
    return None


def _number(account: ShopAccount) -> str:
    if account.kind is AccountKind.BUY_GOODS:
        return f"the store number {account.short_code} (not the till number)"
    return f"the PayBill {account.short_code}"


def _as_told(code: str, text: str) -> AccessCheck:
    said = f"“{text}” ({code})" if text else code
    return AccessCheck(False, f"The passkey could not be tested. M-Pesa said: {said}.", code)
