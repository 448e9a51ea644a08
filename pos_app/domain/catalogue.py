"""What the shop sells: a product has a name, a price and perhaps a barcode."""

from dataclasses import dataclass

from pos_app.domain.money import ZERO, AmountError, Money

NAME_MAX = 60


class ProductError(ValueError):
    """The product cannot be kept; its message is a sentence for the cashier."""


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    name: str
    price: Money
    barcode: str = ""


def checked_name(text: str) -> str:
    """The name on one line. Raises ProductError with a sentence."""
    name = " ".join(text.split())
    if not name:
        raise ProductError("Type a name for the product.")
    if len(name) > NAME_MAX:
        raise ProductError(f"The name is too long: at most {NAME_MAX} characters.")
    return name


def checked_price(price: Money) -> Money:
    """Raises AmountError with a sentence unless the price is above zero."""
    if price <= ZERO:
        raise AmountError("The price must be more than zero.")
    return price
