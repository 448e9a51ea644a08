"""What the control API and the page show of the simulator, as plain JSON values.

It must not know how they are asked for.
"""

from dataclasses import asdict
from typing import Any

from pos_app.simulator import customer_views
from pos_app.simulator.books import payment_view
from pos_app.simulator.clock import stamp
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.messages import Delivery
from pos_app.simulator.push import Push
from pos_app.simulator.result_codes import callback_words
from pos_app.simulator.scenarios import PRESETS, describe

SHOWN = 50


def state(core: Daraja) -> dict[str, Any]:
    pushes, payments = core.pushes, core.ledger.payments
    return {
        "now": stamp(core.clock.now()),
        "seconds": core.clock.now(),
        "next_due": core.next_due(),
        "speed": core.speed,
        "offline": core.offline,
        "faults": core.faults.active(),
        "confirmation_urls": {number: urls.confirmation_url for number, urls in core.memory.urls.all().items()},
        "presets": list(PRESETS),
        "scenarios": scenarios(core),
        "prompts": [push_view(push) for push in pushes if push.shown],
        "pushes": [push_view(push) for push in pushes[-SHOWN:]],
        "customers": customer_views.state(core),
        "customer_payments": [customer_views.customer_payment(paid) for paid in core.customer_payments[-SHOWN:]],
        "payments": [payment_view(payment) for payment in payments[-SHOWN:]],
        "paid_total": sum(payment.amount for payment in payments),
    }


def scenarios(core: Daraja) -> dict[str, Any]:
    script = core.script
    return {
        "default": describe(script.default),
        "phones": {phone: describe(chosen) for phone, chosen in script.by_phone.items()},
        "amounts": {str(amount): describe(chosen) for amount, chosen in script.by_amount.items()},
        "queue": [describe(chosen) for chosen in script.queue],
    }


def push_view(push: Push) -> dict[str, Any]:
    return {
        "checkout_request_id": push.checkout_request_id,
        "merchant_request_id": push.merchant_request_id,
        **asdict(push.order),
        "name": push.shortcode.name,
        "prompt": push.prompt,
        "accepted_at": stamp(push.accepted_at),
        "open": push.open,
        "shown": push.shown,
        "ignored": push.ignored,
        "code": push.code,
        "words": callback_words(push.code) if push.code else "",
        "receipt": push.receipt,
        "queries": push.queries,
        "scenario": describe(push.scenario),
    }


def delivery_view(delivery: Delivery) -> dict[str, Any]:
    callback = delivery.callback
    return {
        "number": callback.number,
        "kind": callback.kind,
        "url": callback.url,
        "headers": dict(callback.headers),
        "body": callback.body.decode(),
        "due": stamp(callback.due),
        "status": delivery.status,
        "error": delivery.error,
    }
