"""Says in a sentence for the owner why a question to M-Pesa got no answer of its own, and what to do; judges no charge.

It must not know what was asked, beyond the name of the product it needs.
"""

from dataclasses import dataclass
from enum import StrEnum

from pos_app.daraja.access_token import FIREWALL, TokenRefused
from pos_app.daraja.exchange import Broken, Reply
from pos_app.daraja.outcome import Answer, is_token_refused, refusal
from pos_app.daraja.redaction import scrubbed
from pos_app.daraja.result_codes import PRODUCT_MISSING, Refusal, SyncError
from pos_app.daraja.wire import ErrorEnvelope
from pos_app.domain.reason import Reason

# Contract §1: the hosts. They pick the wording only; nothing else may depend on them.
SANDBOX_HOST = "sandbox.safaricom.co.ke"
_OTHER_KEYS = {
    "api.safaricom.co.ke": " Here they must be the ones from Go Live, not the sandbox’s.",
    SANDBOX_HOST: " Here they must be the sandbox app’s, not the ones from Go Live.",
}
WRONG_PATHS = frozenset({"404.001.01", "404.002.01", "404.003.01"})
_BUSY = "M-Pesa is busy or down. Try again in a few minutes."


class Effect(StrEnum):
    """What became of the request."""

    REFUSED = "refused"
    """Not done, and not before something is put right."""
    NOT_REACHED = "not reached"
    """Not done; it may be asked again later."""
    UNCLEAR = "unclear"
    """Nobody can tell."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """`code` is Daraja’s, or the name of what broke."""

    effect: Effect
    sentence: str
    code: str


def answered(answer: Answer, host: str, product: str) -> Reply | Obstacle:
    """The reply, whatever it says, unless something kept the question from being answered at all."""
    if isinstance(answer, TokenRefused):
        return _no_connection(answer.broken, host, Effect.NOT_REACHED) if answer.broken else _no_token(answer, host)
    if isinstance(answer, Broken):
        return _no_connection(answer, host, Effect.UNCLEAR if answer.may_have_left else Effect.NOT_REACHED)
    return _FIREWALL if answer.is_firewall else _no_product(answer, product) or answer


def accepted(answer: Answer, host: str, product: str) -> Reply | Obstacle:
    """The reply, when it is HTTP 200 and no error envelope: only who asked can read on."""
    reply = answered(answer, host, product)
    if isinstance(reply, Obstacle):
        return reply
    found = refusal(reply)
    if found is not None:
        return _refused(*found, host)
    return reply if reply.status == 200 else cannot_read(reply, host)


def cannot_read(reply: Reply, host: str) -> Obstacle:
    """A reply without what was asked for."""
    code = f"HTTP {reply.status}"
    if reply.status >= 500:
        return Obstacle(Effect.UNCLEAR, _BUSY, code)
    return Obstacle(Effect.UNCLEAR, f"The answer of {host} could not be read. Try again in a few minutes.", code)


def as_told(effect: Effect, code: str, text: str) -> Obstacle:
    """In Daraja’s own words; they are scrubbed here."""
    words = scrubbed(text)
    return Obstacle(effect, f"M-Pesa said: “{words}” ({code})." if words else f"M-Pesa answered {code}.", code)


def busy(code: str) -> Obstacle:
    return Obstacle(Effect.NOT_REACHED, _BUSY, code)


def no_daraja(code: str, host: str) -> Obstacle:
    sentence = f"{host} does not answer like M-Pesa. Check the address, then test again."
    return Obstacle(Effect.REFUSED, sentence, code)


def _no_connection(broken: Broken, host: str, effect: Effect) -> Obstacle:
    if broken.is_certificate:
        sentence = (
            f"The connection to {host} is not safe: its certificate was not accepted. "
            "Check this computer’s date, and whether the network wants you to sign in first."
        )
    elif broken.may_have_left:
        sentence = f"{host} was reached but did not answer. Try again in a few minutes."
    else:
        sentence = f"{host} cannot be reached. Check the internet connection, then test again."
    return Obstacle(effect, sentence, broken.cause)


def _no_token(refused: TokenRefused, host: str) -> Obstacle:
    if refused.code == FIREWALL:
        return _FIREWALL
    if refused.reason is Reason.SETUP:
        sentence = "M-Pesa does not accept the consumer key and secret." + _OTHER_KEYS.get(host, "")
        return Obstacle(Effect.REFUSED, sentence, refused.code)
    sentence = f"{host} gave no access token. Try again in a few minutes."
    return Obstacle(Effect.NOT_REACHED, sentence, refused.code)


_FIREWALL = Obstacle(
    Effect.NOT_REACHED,
    "M-Pesa’s firewall refuses this internet connection. Wait a minute and test again; "
    "if it stays so, try another connection.",
    FIREWALL,
)


def _no_product(reply: Reply, product: str) -> Obstacle | None:
    """A fresh token refused twice means the same as the words for it: the app lacks the product (contract §1)."""
    found = refusal(reply)
    if found is None or not (found[1] in PRODUCT_MISSING or is_token_refused(reply)):
        return None
    sentence = (
        f"The consumer key and secret are right, but their app does not have the product “{product}”. "
        "Add it on the Daraja portal, then test again; M-Pesa may take an hour to notice."
    )
    return Obstacle(Effect.REFUSED, sentence, found[0].code)


def _refused(envelope: ErrorEnvelope, error: SyncError, host: str) -> Obstacle:
    if error.reason is Reason.DOWN:
        return busy(envelope.code)
    if envelope.code in WRONG_PATHS:
        return no_daraja(envelope.code, host)
    effect = Effect.REFUSED if error.refusal is Refusal.NOT_PROCESSED else Effect.UNCLEAR
    return as_told(effect, envelope.code, envelope.message)
