"""A till that was away while a thousand messages came (Must show 6, R7); for the frames see test_offline_window."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from relay.protocol import make_nonce

EVENTS = 1000
CAUGHT_UP_SECONDS = 5.0


def success_of_another_till(world: Any, till: Any, number: int) -> tuple[str, int]:
    receipt, amount = f"UST{number:07d}", 50 + number
    items = {"Amount": float(amount), "MpesaReceiptNumber": receipt, "PhoneNumber": 254700000002}
    metadata = {"Item": [{"Name": name, "Value": value} for name, value in items.items()]}
    told = {"CheckoutRequestID": f"ws_CO_{number}", "ResultCode": 0, "ResultDesc": "ok", "CallbackMetadata": metadata}
    path = f"/stk/{make_nonce(till.pairing['nonce_key'])}"
    assert world.post_callback(till.pairing, path, {"Body": {"stkCallback": told}}) == 200
    return receipt, amount


def test_a_thousand_messages_are_applied_in_order_and_once(world: Any, figure: Any) -> None:
    till, phone = world.till(), world.phone()
    till.start()
    till.wait_live()
    till.sell(110, phone)
    till.becomes(phone, "PAID")
    till.quit()
    strangers = thousand_messages(world, till)
    took = away_and_back(till)
    figure(f"{EVENTS} messages caught up in {took:.2f} s")
    till.judge(strangers=strangers)
    applied = till.rows("SELECT receipt FROM evidence WHERE event_key IS NOT NULL ORDER BY id")
    assert [row["receipt"] for row in applied] == world.relay.receipts(till.pairing)
    assert took < CAUGHT_UP_SECONDS


def thousand_messages(world: Any, till: Any) -> dict[str, int]:
    def happens(number: int) -> tuple[str, int]:
        if number % 3:
            return success_of_another_till(world, till, number)
        paid: tuple[str, int] = world.confirmation(till, f"UCF{number:07d}", 50 + number)
        return paid

    with ThreadPoolExecutor(8) as posts:
        return dict(posts.map(happens, range(1, EVENTS + 1)))


def away_and_back(till: Any) -> float:
    """Seconds to have caught up."""
    till.start(connected=False)
    (before,) = till.rows("SELECT seq FROM relay_cursor")
    started = time.monotonic()
    till.ask("connect")
    till.wait_live()
    took = time.monotonic() - started
    (now,) = till.rows("SELECT seq FROM relay_cursor")
    assert now["seq"] - before["seq"] >= EVENTS
    return took
