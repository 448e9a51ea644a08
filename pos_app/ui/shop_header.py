"""Who sells here, as the status bar and the pages about the shop's number show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShopHeader:
    """`number_label` is what customers pay to: `Till 123456` or `PayBill 600100`; empty while not set up."""

    shop_name: str
    cashier: str
    number_label: str = ""
