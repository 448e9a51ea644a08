"""What the customer display shows, as one frozen value with nothing private in it; it decides nothing."""

from dataclasses import dataclass
from enum import StrEnum

from pos_app.domain.money import ZERO, Money


class Scene(StrEnum):
    IDLE = "idle"
    TOTAL = "total"
    PHONE = "phone"
    """The customer is asked for the PIN."""
    CHECKING = "checking"
    ASK = "ask"
    """Money came otherwise than the sale wants it, or not for certain: the cashier knows what to do."""
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class DisplayState:
    scene: Scene = Scene.IDLE
    shop_name: str = ""
    number_label: str = ""
    """`Till 123456` or `PayBill 600100`; empty while the shop has none."""
    account: str = ""
    """What to type as account number; at a till, and before the sale has a number, empty."""
    amount: Money = ZERO
    phone: str = ""
    """Masked."""
    first_name: str = ""
    change: Money = ZERO
    picture: bytes = b""
    """Safaricom's QR code for this sale, a PNG; without one the number is a code of our own."""

    @property
    def pays_by_account(self) -> bool:
        return self.number_label.startswith("PayBill")

    @property
    def code_text(self) -> str:
        """In our own code: words, for the documents define no code that M-Pesa would read unless Safaricom made it."""
        if not self.number_label:
            return ""
        return f"Pay {self.number_label}" + (f", account {self.account}" if self.account else "")
