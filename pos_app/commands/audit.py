"""Checks the till's record of who did what from its first entry to its last, beside a running till or without one.

With `--entry` and `--seal`, from the slip of a closed day or from the relay, also that it was not cut or begun anew.
"""

import argparse
import getpass
import json
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pos_app.domain.audit import Fault, Head
from pos_app.domain.refused import Refused
from pos_app.paths import data_dir
from pos_app.services.audit_log import LOST_KEYS, fault_in
from pos_app.services.key_ring import Keys, held_keys
from pos_app.services.till import DATABASE_NAME
from pos_app.settings import SecretsError, open_secrets
from pos_app.store import audit
from pos_app.store.database import StoreError, read_only

_SEAL = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Checked:
    head: Head
    fault: Fault | None

    @property
    def sentence(self) -> str:
        if self.fault is not None:
            return self.fault.sentence
        return f"The record is whole: {self.head.seq} entries, none changed, none missing. Seal: {self.head.mac}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where the till keeps its records")
    parser.add_argument("--entry", type=int, default=0, metavar="N", help="the entry that the slip names")
    parser.add_argument("--seal", type=_seal, metavar="SEAL", help="its seal, with or without spaces")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _seal(text: str) -> str:
    told = "".join(text.split()).lower()
    if not _SEAL.fullmatch(told):
        raise argparse.ArgumentTypeError("a seal is 64 letters and digits, as printed")
    return told


def run(given: argparse.Namespace) -> int:
    if bool(given.entry) != bool(given.seal) or given.entry < 0:
        return _say(2, "--entry and --seal go together, as the slip says them")
    try:
        checked = check(data_dir(given.data_dir), Head(given.entry, given.seal) if given.seal else Head())
    except (StoreError, SecretsError, OSError, sqlite3.Error) as error:
        return _say(1, f"The record cannot be read: {error}")
    if isinstance(checked, Refused):
        return _say(1, checked.sentence)
    if given.json:
        told = {"whole": checked.fault is None, "entries": checked.head.seq, "seal": checked.head.mac}
        sys.stdout.write(json.dumps({**told, "sentence": checked.sentence}) + "\n")
    elif checked.fault is None:
        sys.stdout.write(checked.sentence + "\n")
    return 0 if checked.fault is None else _say(1, checked.sentence)


def check(folder: Path, anchor: Head) -> Checked | Refused:
    """Raises StoreError, SecretsError or sqlite3.Error."""
    keys = _keys(folder)
    if isinstance(keys, Refused):
        return keys
    with closing(read_only(folder / DATABASE_NAME)) as connection:
        return Checked(audit.head(connection), fault_in(connection, keys.seal, anchor))


def _keys(folder: Path) -> Keys | Refused:
    """From the computer's key store, or from the encrypted file once its passphrase is typed."""
    secrets = open_secrets(folder)
    if isinstance(secrets, Refused):
        secrets = open_secrets(folder, getpass.getpass("Passphrase of the till’s keys: "))
    if isinstance(secrets, Refused):
        return secrets
    return held_keys(secrets) or LOST_KEYS


def _say(code: int, sentence: str) -> int:
    sys.stderr.write(f"audit: {sentence}\n")
    return code
