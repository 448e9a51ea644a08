"""Where a secret, or a customer, stands that must not: in logs, exports, records and process lists of these tests.

The logs are read before the program's last gate (ui/crash_log), so that what is not logged need not be cut out.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pos_app.services.training_staff import PRACTICE_PINS

RECORDS = ("till.db", "relay.db")
"""The databases may hold the phone number and the payer's name, and their side files with them."""
KEY_STORES = (".keys", "keys.box")
"""Stand for the computer's key store."""


def arguments_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def files_with(folder: Path, secret: str, *, records: bool) -> list[str]:
    return [path.name for path in _files(folder, records=records) if secret.encode() in path.read_bytes()]


def _files(folder: Path, *, records: bool) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(KEY_STORES) and (records or not path.name.startswith(RECORDS)):
            yield path


def secrets_of(till: Any) -> dict[str, str]:
    """What no file beside the key store may hold, the till's own records among them."""
    callback_key = till.pairing["callback_base"].rpartition("/")[2]
    found = {"token": till.pairing["token"], "nonce_key": till.pairing["nonce_key"], "callback_key": callback_key}
    if till.initiator is not None:
        found["credential"] = till.initiator["credential"]
    return found | {f"PIN of {name}": pin for name, pin in PRACTICE_PINS.items()}


def found_in(folder: Path, tills: Iterable[Any], customers: Iterable[str]) -> list[str]:
    """A line for each place, of a whole module of tests: every file that its tills, relay and simulator left."""
    secrets = {(name, secret) for till in tills for name, secret in secrets_of(till).items()}
    texts = [(path, path.read_bytes()) for path in _files(folder, records=True)]
    # The relay shows its operator the callback keys, and judges nonces; it keeps no token and no credential.
    at_the_relay = [(path, text) for path, text in texts if ".db" in path.name and not path.name.startswith("till.db")]
    elsewhere = [one for one in texts if one not in at_the_relay]
    logs = [(path, text) for path, text in elsewhere if not path.name.startswith(RECORDS)]
    kept_there = {"callback_key", "nonce_key"}
    return [
        *_lines(secrets, elsewhere),
        *_lines({(name, secret) for name, secret in secrets if name not in kept_there}, at_the_relay),
        *_lines({("phone", phone) for customer in customers for phone in (customer, customer[3:])}, logs),
    ]


def _lines(secrets: set[tuple[str, str]], texts: list[tuple[Path, bytes]]) -> Iterator[str]:
    for path, text in texts:
        yield from (f"{name} in {path.name}" for name, secret in secrets if secret.encode() in text)
