"""The accounts of a shortcode, as Account Balance tells them (contract §2.10): read from the ledger, never kept.

It must not know who asks. A PayBill's money is in its Utility Account, a till's in its Merchant Account.
"""

from pos_app.simulator.ledger import Ledger, charges, shop
from pos_app.simulator.shop import Shortcode


def account_balance(ledger: Ledger, shortcode: Shortcode) -> str:
    """`Name|KES|current|available|reserved|uncleared`, joined with `&` (E61)."""
    money = ledger.balance(shop(shortcode.number))
    bill = shortcode.receiver == shortcode.number
    return "&".join(
        (
            _account("Working Account", 0),
            _account("Utility Account", money if bill else 0),
            _account("Charges Paid Account", ledger.balance(charges(shortcode.number))),
            _account("Merchant Account", 0 if bill else money),
            _account("Organization Settlement Account", 0),
        )
    )


def debited(ledger: Ledger, shortcode: Shortcode) -> str:
    """The account that a reversal takes from (E56)."""
    name = "Utility Account" if shortcode.receiver == shortcode.number else "Merchant Account"
    return _account(name, ledger.balance(shop(shortcode.number)))


def _account(name: str, amount: int) -> str:
    return f"{name}|KES|{amount}.00|{amount}.00|0.00|0.00"
