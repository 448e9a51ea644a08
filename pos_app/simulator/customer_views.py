"""What the control API and the page show of customers who pay by themselves, as plain JSON values.

It must not know how they are asked for.
"""

from dataclasses import asdict
from typing import Any

from pos_app.simulator import payment_scenarios, weather
from pos_app.simulator.clock import stamp
from pos_app.simulator.customers import CustomerPayment
from pos_app.simulator.daraja import Daraja


def state(core: Daraja) -> dict[str, Any]:
    """`numbers` are what a customer can type; `pulled` the shortcodes registered for Pull."""
    c2b, memory = core.c2b, core.memory
    return {
        "numbers": [
            {"number": code.receiver, "shortcode": code.number, "kind": code.kind, "name": code.name}
            for code in core.shop.shortcodes
        ],
        "registrations": {number: asdict(urls) for number, urls in memory.urls.all().items()},
        "validating": sorted(memory.urls.validating),
        "pulled": sorted(memory.pulled),
        "presets": list(payment_scenarios.PRESETS),
        "scenarios": scenarios(core),
        "weather": weather.describe(c2b.script.weather),
        "spellings": asdict(c2b.spellings),
    }


def scenarios(core: Daraja) -> dict[str, Any]:
    script, describe = core.c2b.script, payment_scenarios.describe
    return {
        "default": describe(script.default),
        "phones": {phone: describe(chosen) for phone, chosen in script.by_phone.items()},
        "amounts": {str(amount): describe(chosen) for amount, chosen in script.by_amount.items()},
        "queue": [describe(chosen) for chosen in script.queue],
    }


def customer_payment(tried: CustomerPayment) -> dict[str, Any]:
    """`state` is validating, paid or rejected; `code` why it was rejected."""
    payment = tried.payment
    return {
        "receipt": payment.receipt,
        "state": tried.state,
        "code": tried.code,
        "to": payment.receiver,
        "shortcode": payment.shortcode,
        "amount": payment.amount,
        "phone": payment.payer,
        "account": payment.account,
        "name": payment.name,
        "type": payment.type,
        "at": stamp(payment.paid_at),
        "scenario": payment_scenarios.describe(tried.scenario),
    }
