"""What is said of a payment that a customer sent unasked, in English and Swahili; pure, so that every word has a test.

The English is shown; the Swahili stands beside it for the arrival, the offers and the questions.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pos_app.domain.difference import Difference
from pos_app.domain.matching import Ambiguous, Late, PartOf, Verdict, Warned
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.sale import Sale

NO_NAME = "(no name)"


@dataclass(frozen=True, slots=True)
class Said:
    english: str
    swahili: str = ""


def tail(phone: str) -> str:
    """The last three digits are what a customer can be asked for."""
    digits = "".join(character for character in phone if character.isdigit())
    return f"•••{digits[-3:]}" if len(digits) >= 3 else ""


def whom(first_name: str, phone: str) -> str:
    """`Wanjiku •••126`, or what there is of it."""
    return " ".join(filter(None, (first_name, tail(phone)))) or NO_NAME


def named(payment: Payment) -> str:
    """`Wanjiku •••126`, `(no name) •••126`."""
    return " ".join(filter(None, (payment.first_name or NO_NAME, tail(payment.payer_phone))))


def since(payment: Payment) -> datetime:
    """When the customer paid; a phone's or Safaricom's clock that is fast makes nobody pay in the future."""
    return min(payment.paid_at or payment.received_at, payment.received_at)


def age_words(age: timedelta) -> str:
    seconds = max(int(age.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 86_400 else f"{seconds // 86_400} d"


def arrival(payment: Payment) -> Said:
    """Written, and read out by a screen reader."""
    whose = payment.first_name
    if not whose:
        return Said(f"{payment.amount} received.", f"{payment.amount} zimepokelewa.")
    return Said(f"{payment.amount} received from {whose}.", f"{payment.amount} zimepokelewa kutoka kwa {whose}.")


def offer(payment: Payment, now: datetime, *, by_enter: bool) -> Said:
    """One payment is exactly what remains, and nothing else fits."""
    age, whose = age_words(now - since(payment)), named(payment)
    return Said(
        f"{payment.amount} from {whose}, {age} ago." + (" Enter accepts." if by_enter else ""),
        f"{payment.amount} kutoka kwa {whose}, {age} zilizopita." + (" Enter inakubali." if by_enter else ""),
    )


def choice(payment: Payment, now: datetime) -> str:
    return f"{named(payment)} · {age_words(now - since(payment))} ago"


def several(count: int, amount: Money) -> Said:
    return Said(
        f"{count} payments of {amount} fit. Ask for the name or the last three digits, then pick.",
        f"Malipo {count} ya {amount} yanafaa. Uliza jina au tarakimu tatu za mwisho, kisha chagua.",
    )


def several_sales(amount: Money) -> Said:
    """One payment, and another sale of this till that it fits as well."""
    return Said(
        f"{amount} fits more than one sale. Ask for the name or the last three digits, then pick.",
        f"{amount} inafaa mauzo zaidi ya moja. Uliza jina au tarakimu tatu za mwisho, kisha chagua.",
    )


def charge_question(payment: Payment) -> Said:
    return Said(
        f"{payment.amount} from {named(payment)} may be the money of a charge that is still open. "
        "Ask the customer how they paid. Accept it for this sale?",
        f"{payment.amount} kutoka kwa {named(payment)} huenda ni za ombi la M-Pesa lililo wazi. "
        "Muulize mteja alivyolipa. Ukubali kwa mauzo haya?",
    )


def amount_question(payment: Payment, sale: Sale) -> Said:
    """The cashier picked money that is not exactly what remains."""
    given = f"{payment.amount} from {named(payment)} for sale {sale.number}"
    swahili = f"{payment.amount} kutoka kwa {named(payment)} kwa mauzo {sale.number}"
    if payment.amount < sale.remaining:
        rest = sale.remaining - payment.amount
        return Said(f"{given}: {rest} would remain. Accept it?", f"{swahili}: zitabaki {rest}. Ukubali?")
    if payment.amount > sale.remaining:
        over = payment.amount - sale.remaining
        return Said(f"{given}: {over} too much, to give as change. Accept it?", f"{swahili}: {over} zaidi. Ukubali?")
    return Said(f"{given}. Accept it?", f"{swahili}. Ukubali?")


def no_sale(payment: Payment) -> Said:
    return Said(
        f"{payment.amount} from {named(payment)} is for no sale yet. Ring up the goods first, then pick it again.",
        f"{payment.amount} kutoka kwa {named(payment)} bado si za mauzo yoyote. Andika bidhaa kwanza.",
    )


def late(payment: Payment, sale: Sale) -> Said:
    told = Difference.late(sale, payment.amount)
    return Said(
        f"{told.english} It is kept until a supervisor gives it back.",
        f"{told.swahili} Zinahifadhiwa hadi msimamizi azirudishe.",
    )


CLAIMING = Said("Accepting …", "Inakubaliwa …")


def place(verdict: Verdict, number: int | None) -> str:
    """What an unclaimed payment may be for; `number` is that of the sale which the verdict names."""
    if isinstance(verdict, Warned):
        return "maybe a charge’s"
    if isinstance(verdict, Late):
        return f"extra for sale {number}"
    if isinstance(verdict, PartOf):
        return f"part of sale {number}"
    if isinstance(verdict, Ambiguous) and len(verdict.sale_ids) > 1:
        return f"fits {len(verdict.sale_ids)} sales"
    return f"fits sale {number}" if number is not None else "no sale"


def named_sale(verdict: Verdict) -> int | None:
    """The one sale that the verdict names, if it is one."""
    if isinstance(verdict, Warned):
        return None
    if isinstance(verdict, Ambiguous):
        return verdict.sale_ids[0] if len(verdict.sale_ids) == 1 else None
    return getattr(verdict, "sale_id", None)
