"""How Safaricom tells the shop of one payment that a customer made by himself: independent knobs, and presets of them.

It must not know how any of it is carried out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pos_app.simulator.knobs import Vocabulary, matching, one_of

BY_NUMBER = "by_number"

Msisdn = Literal["by_version", "masked", "hashed", "hashed_starred", "plain"]
Names = Literal["first", "full", "empty", "none"]
AmountWords = Literal["decimal", "whole"]
Balance = Literal["after", "blank"]
Number = Literal["receiver", "store"]


@dataclass(frozen=True)
class PaymentScenario:
    """All times are seconds. Every shape is one of the contract §2.6.

    confirmation_*: delay after the money moved, copies (0 is lost), seconds between copies.
    validation_lost: the shop is never asked, and the registered default applies after the wait.
    msisdn: as the registered version writes it, or one certain way. names: `first` has no key for the others, `empty`
        has the keys without text, `none` has no name at all. amount: `5.00` or `5`. balance: `blank` is no text.
    transaction_type: any text; `by_number` is Pay Bill or Customer Merchant Payment. number: a till's, or its store's.
    """

    confirmation_delay: float = 1.0
    confirmation_copies: int = 1
    confirmation_gap: float = 1.0
    validation_lost: bool = False
    msisdn: Msisdn = "by_version"
    names: Names = "first"
    amount: AmountWords = "decimal"
    balance: Balance = "after"
    transaction_type: str = BY_NUMBER
    number: Number = "receiver"


PRESETS: dict[str, dict[str, Any]] = {
    "usual": {},
    "confirmation_lost": {"confirmation_copies": 0},
    "confirmation_duplicated": {"confirmation_copies": 2},
    "confirmation_late": {"confirmation_delay": 3600.0},
    "confirmation_overtaken": {"confirmation_delay": 20.0},
    "validation_lost": {"validation_lost": True},
    "masked": {"msisdn": "masked"},
    "hashed": {"msisdn": "hashed"},
    "hashed_starred": {"msisdn": "hashed_starred"},
    "plain": {"msisdn": "plain"},
    "full_names": {"names": "full"},
    "empty_names": {"names": "empty"},
    "no_name": {"names": "none"},
    "whole_amount": {"amount": "whole"},
    "blank_balance": {"balance": "blank"},
    "blank_type": {"transaction_type": ""},
    "buy_goods": {"transaction_type": "Buy Goods"},
    "transfer": {"transaction_type": "Organization To Organization Transfer"},
    "overdraft": {"transaction_type": "OD Payment Transfer"},
    "store_number": {"number": "store"},
    "old_style": {"msisdn": "plain", "names": "full", "transaction_type": "", "balance": "blank"},
}
_FITS = {
    "msisdn": one_of(*get_args(Msisdn)),
    "names": one_of(*get_args(Names)),
    "amount": one_of(*get_args(AmountWords)),
    "balance": one_of(*get_args(Balance)),
    "transaction_type": matching(r".{0,60}"),
    "number": one_of(*get_args(Number)),
}
_VOCABULARY = Vocabulary(PaymentScenario(), PRESETS, _FITS)
describe = _VOCABULARY.describe


def payment_scenario(spec: str | Mapping[str, Any] | PaymentScenario) -> PaymentScenario:
    """From `plain`, `plain+confirmation_late`, or knobs: `{"preset": "plain", "confirmation_copies": 3}`."""
    return _VOCABULARY.read(spec)
