"""The sentences of the registration page; it decides nothing."""

from datetime import datetime

from pos_app.domain.clock import day_and_time
from pos_app.domain.refused import Refused
from pos_app.services import registration as service
from pos_app.services.registration import DefaultAction, MsisdnStyle, Product, Registered, RegistrationRecord
from pos_app.settings import Settings
from pos_app.ui.settings.state import ProbeResult, Standing

TITLE = "Registration"
ABOUT = (
    "Many customers pay by themselves, without a request from the till. Safaricom tells the shop of such a payment "
    "only where an address was registered for it. This page registers the address of your relay."
)
ADDRESS = "Address that is registered"
KEY_HIDDEN = "••• stands for the shop’s own secret part of the address."
DELIVERABLE = "✓ Checked: it can be delivered to, and has no word that M-Pesa refuses."
NUMBER = "The customer’s number"
STYLES = ((MsisdnStyle.MASKED.value, "Masked (v2)"), (MsisdnStyle.HASHED.value, "Scrambled (v1)"))
STYLE_HINTS = {
    MsisdnStyle.MASKED: "Arrives as 2547 ***** 126: the cashier can compare the last three digits. Recommended.",
    MsisdnStyle.HASHED: "Arrives as 64 letters and digits: nobody can read the number, the cashier sees only a name.",
}
DEFAULT = "When the relay gives no answer in time"
DEFAULTS = ((DefaultAction.COMPLETED.value, "Take the payment"), (DefaultAction.CANCELLED.value, "Refuse it"))
DEFAULT_HINTS = {
    DefaultAction.COMPLETED: "“Completed”: a fault of the internet or of the relay never stops a customer from paying.",
    DefaultAction.CANCELLED: "“Cancelled”: with external validation, nobody can pay while the relay is out of reach.",
}
ONCE = (
    "Production takes these addresses once. To change them later, two operators must do so on the M-Pesa portal (Self "
    "Services, URL Management) before they can be registered again."
)
REGISTER = "Register address"
PULL_TITLE = "Missed payments"
PULL_ABOUT = (
    "With Pull the till asks Safaricom every 15 minutes for payments that it was not told of. It is registered once, "
    "in production, with the phone number in the organisation’s papers at Safaricom."
)
NOMINATED = "Nominated phone number"
NOMINATED_HINT = "The number in the papers (KYC) of the shop’s M-Pesa account, not the PayBill or till number."
REGISTER_PULL = "Register Pull"
NOT_NOW = "Not now"
NOTHING_YET = "? Not registered from this till yet."
CANNOT_ASK = ProbeResult(Standing.PROBLEM, "The registration could not be made. Nothing was charged. Try again.")

_CONFIRM = {
    Product.C2B: "Register the address above for {}? Production takes it once.",
    Product.PULL: "Register Pull for {} with the number {}? Production takes it once.",
}
_ANSWERS = {
    Registered.REGISTERED: (Standing.WORKS, "Registered"),
    Registered.ALREADY_REGISTERED: (Standing.UNSURE, "Registered before"),
    Registered.ELSEWHERE: (Standing.PROBLEM, "Registered on the old platform"),
    Registered.ALREADY_IN_SANDBOX: (Standing.UNSURE, "Registered before in the sandbox"),
    Registered.REFUSED: (Standing.PROBLEM, "Refused"),
    Registered.UNREACHABLE: (Standing.PROBLEM, "Not reached"),
    Registered.UNCLEAR: (Standing.UNSURE, "Not certain"),
}
_VERSIONS = {"v1": ", v1: numbers scrambled", "v2": ", v2: numbers masked"}


def blocked(settings: Settings) -> str:
    """Why this till has no way to Safaricom and the relay yet."""
    if settings.account is None:
        return "Nothing can be registered yet: type the shop’s number and keys under M-Pesa, and save."
    if not settings.is_paired:
        return "Nothing can be registered yet: pair this till under Relay, for its address is what is registered."
    return "Nothing can be registered yet: M-Pesa’s keys are missing or locked. See M-Pesa."


def question(product: Product, customer_label: str, nominated: str) -> str:
    return _CONFIRM[product].format(customer_label, nominated)


def answer(product: Product, told: RegistrationRecord | Refused) -> ProbeResult:
    if isinstance(told, Refused):
        return ProbeResult(Standing.PROBLEM, told.sentence, word="Nothing was sent")
    standing, word = _ANSWERS[Registered(told.state)]
    if product is Product.PULL and told.state == Registered.ALREADY_REGISTERED:
        standing = Standing.WORKS
    return ProbeResult(standing, told.sentence, "" if standing is Standing.WORKS else told.code, word)


def standing(known: service.Standing, now: datetime) -> str:
    if known.done is None:
        return _tried(known.last, now)
    when = f"({day_and_time(known.done.at, now)}{_VERSIONS.get(known.done.style, '')})"
    if known.is_for_this_relay:
        return f"✓ Registered for this relay {when}."
    return f"! Registered {when}, but for another address: payments are told there and not to this relay."


def _tried(last: RegistrationRecord | None, now: datetime) -> str:
    if last is None:
        return NOTHING_YET
    word = _ANSWERS[Registered(last.state)][1]
    return f"? Not registered from this till. Last try {day_and_time(last.at, now)}: {word}."
