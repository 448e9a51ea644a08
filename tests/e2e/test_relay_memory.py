"""A relay that comes back with its memory, without it, or with an older one (Must show 7, R7, R8)."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

OLDER_COPY = "replaced by an older copy"
NEW_RECORD = "started a new record"
REFUSED = "does not accept this till any more"


def paid_sale(till: Any) -> None:
    phone = till.world.phone()
    till.sell(250, phone)
    till.becomes(phone, "PAID")
    till.world.until(lambda: all(payment["payer_name"] for payment in till.payments()), "the confirmations came")


def paid_unheard(till: Any) -> None:
    """While the relay is away: only the query can tell."""
    phone = till.world.phone()
    till.sell(260, phone)
    till.becomes(phone, "PAID")


def noticed(till: Any, words: str) -> None:
    till.world.until(lambda: any(words in sentence for sentence in till.ask("look")["notices"]), words)


def opened(world: Any) -> Any:
    till = world.till()
    till.start()
    till.wait_live()
    return till


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_till_resumes_in_silence_when_the_relay_is_restarted(world: Any, how: str) -> None:
    till = opened(world)
    paid_sale(till)
    getattr(world.relay, how)()
    till.world.until(lambda: till.ask("look")["links"][-1] != "live", "the till sees the relay gone")
    paid_unheard(till)
    world.relay.start()
    till.wait_live()
    paid_sale_after(till)
    till.judge()
    assert till.ask("look")["notices"] == []


def paid_sale_after(till: Any) -> None:
    """The sale made meanwhile has no name: its messages are gone for good."""
    phone = till.world.phone()
    till.sell(270, phone)
    till.becomes(phone, "PAID")
    till.world.until(lambda: any(payment["payer_name"] for payment in till.payments()[-1:]), "its confirmation came")


def test_a_till_says_that_a_wiped_relay_does_not_know_it_and_works_on_once_paired_again(world: Any) -> None:
    till = opened(world)
    paid_sale(till)
    world.relay.kill()
    world.relay.wipe()
    world.relay.start()
    world.until(lambda: REFUSED in till.ask("look")["bar"], "the bar says so")
    paid_unheard(till)
    world.relay.command("shop", "add", till.shop)
    till.pair()
    till.take_confirmations()
    till.quit()
    till.start()
    till.wait_live()
    paid_sale_after(till)
    till.judge()


@pytest.mark.parametrize(("high_water", "words"), [(True, NEW_RECORD), (False, OLDER_COPY)])
def test_a_till_notices_an_older_copy_of_the_relay(world: Any, high_water: bool, words: str) -> None:
    till = opened(world)
    paid_sale(till)
    world.relay.back_up(copy := till.folder / "relay-copy.db")
    paid_sale(till)
    (cursor,) = till.rows("SELECT * FROM relay_cursor")
    world.until(lambda: world.relay.mark(cursor["stream"]) == cursor["seq"], "the high-water mark is made")
    world.relay.kill()
    world.relay.restore(copy, high_water=high_water)
    world.relay.start()
    till.wait_live()
    noticed(till, words)
    till.judge()
    paid_sale(till)
    till.judge()


def test_a_till_notices_an_older_copy_that_has_outgrown_its_cursor(world: Any) -> None:
    till = opened(world)
    paid_sale(till)
    world.relay.back_up(copy := till.folder / "relay-copy.db")
    paid_sale(till)
    till.quit()
    world.relay.kill()
    world.relay.restore(copy, high_water=False)
    world.relay.start()
    strangers = [world.confirmation(till, f"UKN{number:07d}", 10 + number) for number in range(1, 21)]
    till.start()
    till.wait_live()
    noticed(till, OLDER_COPY)
    paid_sale_after(till)
    till.judge(strangers=dict(strangers))


def test_a_till_that_was_away_for_too_long_says_that_payments_may_be_missing_and_reads_on(world: Any) -> None:
    till = opened(world)
    paid_sale(till)
    till.quit()
    (cursor,) = till.rows("SELECT * FROM relay_cursor")
    for number in (1, 2, 3):
        world.confirmation(till, f"UKT{number:07d}", 10)
    kept = [world.confirmation(till, f"UKU{number:07d}", 20) for number in (1, 2)]
    world.relay.stop()
    with closing(sqlite3.connect(world.relay.database)) as connection, connection:
        connection.execute("UPDATE stream SET floor = ? WHERE name = ?", (cursor["seq"] + 3, cursor["stream"]))
    world.relay.start()
    till.start()
    till.wait_live()
    noticed(till, "Payments from before may be missing here")
    paid_sale_after(till)
    till.judge(strangers=dict(kept))


def test_an_empty_copy_is_noticed_too(world: Any) -> None:
    till = world.till()
    world.relay.back_up(copy := world.folder / "empty-copy.db")
    till.start()
    till.wait_live()
    paid_sale(till)
    world.relay.kill()
    world.relay.restore(copy, high_water=False)
    world.relay.start()
    noticed(till, OLDER_COPY)
    paid_sale_after(till)
    till.judge()
