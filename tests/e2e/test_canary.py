"""Marked secrets and a marked customer through a whole session: nothing of them is left where it must not be.

Every module of these tests ends with the same search (leaks.found_in); here the marks are looked for one by one.
"""

import secrets
from contextlib import closing
from typing import Any

from leaks import arguments_of, files_with, secrets_of
from processes import SimulatorProcess
from refunding import RefundingTill


def test_no_secret_is_left_in_a_file_or_a_process_list(world: Any) -> None:
    mark = secrets.token_hex(12)
    keys = {
        "consumer_key": f"canary-key-{mark}",
        "consumer_secret": f"canary-secret-{mark}",
        "passkey": f"ca7a{mark}" * 2,
    }
    known = [argument for name, value in keys.items() for argument in (f"--{name.replace('_', '-')}", value)]
    with closing(SimulatorProcess(world.folder / "marked", *known)) as safaricom:
        till, phone = world.till(**keys), world.phone()
        made = RefundingTill(till, safaricom)
        made.start()
        sale = made.sold(1900, phone)
        assert world.post_callback(till.pairing, f"/stk/{secrets.token_hex(16)}", b"{}") == 200
        world.confirmation(till, "UCN1000001", 15)
        world.until(lambda: len(till.payments()) == 2, "the stranger's payment is known")
        made.plays("queue_timeout_paid")
        till.ask("refund", sale=sale, amount=40, route="b2c", phone=phone)
        world.until(lambda: made.newest()["state"] == "COMPLETED", "a part is given back")
        assert till.rows("SELECT * FROM refund_evidence WHERE fact = 'queue_timeout'"), "our request came back to us"
        till.ask("guess", by="Otieno", pin="31415926")
        till.ask("export_record")
        attempt, refund = till.attempt(phone), made.newest()
        processes = [till.channel.pid, world.relay.pid]
        hidden = {**keys, **secrets_of(till), "guessed PIN": "31415926"}
        told = {"checkout": attempt["checkout_request_id"], "phone": phone, "local_phone": phone[3:]}
        told |= {"nonce": attempt["nonce"], "nonce of the refund": refund["nonce"]}
        for name, secret in {**hidden, **told}.items():
            assert len(secret) >= 6, name
            assert not any(secret.encode() in arguments_of(pid) for pid in processes), name
        till.quit()
    assert (till.folder / "record.csv").read_text().count("refund") >= 3, "the export is among what is searched"
    for name, secret in {**hidden, **told, "payer": "JANE"}.items():
        assert files_with(till.folder, secret, records=False) == [], name
        assert files_with(world.folder / "relay", secret, records=False) == [], name
        assert files_with(world.folder / "nursery", secret, records=False) == [], name
    for name, secret in hidden.items():
        assert files_with(till.folder, secret, records=True) == [], name
    assert files_with(world.folder / "relay", hidden["credential"], records=True) == []
    assert files_with(till.folder, phone, records=True) == ["till.db"]
