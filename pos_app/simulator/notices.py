"""What Safaricom tells the shop of money that came, and what it asks before it takes it (contract §2.5, §2.6, E37–E45).

It must not know when or where it is sent.
"""

from dataclasses import replace

from pos_app.simulator import names
from pos_app.simulator.clock import stamp
from pos_app.simulator.ledger import Payment
from pos_app.simulator.messages import encode
from pos_app.simulator.payment_scenarios import BY_NUMBER, PaymentScenario
from pos_app.simulator.registrations import Version
from pos_app.simulator.shop import Kind

_TYPES: dict[Kind, str] = {
    "CustomerPayBillOnline": "Pay Bill",
    "CustomerBuyGoodsOnline": "Customer Merchant Payment",
}


def transaction_type(kind: Kind, wanted: str = BY_NUMBER) -> str:
    return _TYPES[kind] if wanted == BY_NUMBER else wanted


def validation_body(payment: Payment, version: Version, scenario: PaymentScenario) -> bytes:
    """E37: the confirmation to be, without a balance, and with keys for the names that it does not tell."""
    shown = "empty" if scenario.names == "first" else scenario.names
    return confirmation_body(payment, version, replace(scenario, names=shown, balance="blank"), balance=0)


def confirmation_body(
    payment: Payment, version: Version, scenario: PaymentScenario, *, balance: int, third_party: str = ""
) -> bytes:
    """`balance` is the shop's after this payment; `third_party` what its validation answered. All values are text."""
    return encode(
        {
            "TransactionType": payment.type,
            "TransID": payment.receipt,
            "TransTime": stamp(payment.paid_at),
            "TransAmount": f"{payment.amount}" if scenario.amount == "whole" else f"{payment.amount}.00",
            "BusinessShortCode": payment.shortcode if scenario.number == "store" else payment.receiver,
            "BillRefNumber": payment.account,
            "InvoiceNumber": "",
            "OrgAccountBalance": "" if scenario.balance == "blank" else f"{balance}.00",
            "ThirdPartyTransID": third_party,
            "MSISDN": _msisdn(payment.payer, version, scenario),
            **_names(payment, scenario),
        }
    )


def _msisdn(phone: str, version: Version, scenario: PaymentScenario) -> str:
    way = ("hashed" if version == 1 else "masked") if scenario.msisdn == "by_version" else scenario.msisdn
    if way == "plain":
        return phone
    return {"masked": names.masked, "hashed": names.hashed, "hashed_starred": names.hashed_starred}[way](phone)


def _names(payment: Payment, scenario: PaymentScenario) -> dict[str, str]:
    if scenario.names == "none":
        return {}
    first = {"FirstName": payment.name}
    if scenario.names == "first":
        return first
    full = scenario.names == "full"
    return {
        **first,
        "MiddleName": names.middle_name(payment.payer) if full else "",
        "LastName": names.last_name(payment.payer) if full else "",
    }
