"""Why money is given back: the list a person chooses from; it knows nothing of what becomes of the refund."""

from enum import StrEnum


class RefundReason(StrEnum):
    RETURNED = "returned"
    FAULTY = "faulty"
    NOT_DELIVERED = "not_delivered"
    WRONG_PRICE = "wrong_price"
    PAID_TWICE = "paid_twice"
    PAID_TOO_MUCH = "paid_too_much"
    OTHER = "other"
    """Only with a note in the person's own words."""

    @property
    def english(self) -> str:
        return _WORDS[self][0]

    @property
    def swahili(self) -> str:
        return _WORDS[self][1]

    @property
    def needs_note(self) -> bool:
        return self is RefundReason.OTHER


_WORDS: dict[RefundReason, tuple[str, str]] = {
    RefundReason.RETURNED: ("Goods returned", "Bidhaa zimerudishwa"),
    RefundReason.FAULTY: ("Goods faulty", "Bidhaa ina kasoro"),
    RefundReason.NOT_DELIVERED: ("Goods not delivered", "Bidhaa haikutolewa"),
    RefundReason.WRONG_PRICE: ("Wrong price charged", "Bei haikuwa sahihi"),
    RefundReason.PAID_TWICE: ("Paid twice", "Imelipwa mara mbili"),
    RefundReason.PAID_TOO_MUCH: ("Paid too much", "Imelipwa zaidi"),
    RefundReason.OTHER: ("Other reason", "Sababu nyingine"),
}
