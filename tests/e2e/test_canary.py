"""Marked secrets and a marked customer through a whole session: nothing of them is left where it must not be."""

import secrets
from pathlib import Path
from typing import Any

from pos_app.commands.children import Server

RECORDS = ("till.db", "relay.db")
"""The databases may hold the phone number and the payer's name, and their side files with them."""


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def files_with(folder: Path, secret: str, *, records: bool) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and (records or not path.name.startswith(RECORDS)) and secret.encode() in path.read_bytes():
            found.append(path.name)
    return found


def test_no_secret_is_left_in_a_file_or_a_process_list(world: Any) -> None:
    """The log is read before the program's last gate (ui/crash_log), so that what is not logged need not be cut out."""
    mark = secrets.token_hex(12)
    keys = {
        "consumer_key": f"canary-key-{mark}",
        "consumer_secret": f"canary-secret-{mark}",
        "passkey": f"ca7a{mark}" * 2,
    }
    known = [argument for name, value in keys.items() for argument in (f"--{name.replace('_', '-')}", value)]
    with Server(
        "simulator", ["--port", "0", "--scenario", "approve", "--speed", "100", *known], world.folder / "c.log"
    ) as safaricom:
        till, phone = world.till(**keys), world.phone()
        till.daraja_url = safaricom.wait_ready().url
        till.start()
        till.wait_live()
        till.sell(190, phone)
        till.becomes(phone, "PAID")
        assert world.post_callback(till.pairing, f"/stk/{secrets.token_hex(16)}", b"{}") == 200
        world.confirmation(till, "UCN1000001", 15)
        world.until(lambda: len(till.payments()) == 2, "the stranger's payment is known")
        attempt = till.attempt(phone)
        processes = [till.channel.pid, world.relay.pid]
        hidden = {**keys, "token": till.pairing["token"], "nonce_key": till.pairing["nonce_key"]}
        hidden["callback_key"] = till.pairing["callback_base"].rpartition("/")[2]
        hidden["checkout"], hidden["phone"] = attempt["checkout_request_id"], phone
        hidden["local_phone"], hidden["nonce"] = phone[3:], attempt["nonce"]
        for name, secret in hidden.items():
            assert len(secret) >= 9, name
            assert not any(secret.encode() in arguments_of(pid) for pid in processes), name
        till.quit()
    for name, secret in {**hidden, "payer": "JANE"}.items():
        assert files_with(till.folder, secret, records=False) == [], name
        assert files_with(world.folder / "relay", secret, records=False) == [], name
        assert files_with(world.folder / "nursery", secret, records=False) == [], name
    for name in (*keys, "token", "nonce_key", "callback_key"):
        assert files_with(till.folder, hidden[name], records=True) == [], name
    assert files_with(till.folder, phone, records=True) == ["till.db"]
