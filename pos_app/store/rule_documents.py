"""On disk: the shop's rules for payments that ask to come in, one document for each relay this till was paired with.

It must not know what a rule means.
"""

import sqlite3
from dataclasses import dataclass

_OF = "SELECT version, document, told FROM validation_rules WHERE stream = ?"
_KEEP = """INSERT INTO validation_rules (stream, version, document, told) VALUES (?, ?, ?, ?)
    ON CONFLICT (stream) DO UPDATE SET version = excluded.version, document = excluded.document, told = excluded.told"""


@dataclass(frozen=True, slots=True)
class KeptRules:
    """`told`: the relay had this very document when it was last asked."""

    version: int
    document: str
    told: bool


def of(connection: sqlite3.Connection, stream: str) -> KeptRules | None:
    row = connection.execute(_OF, (stream,)).fetchone()
    return KeptRules(row[0], row[1], bool(row[2])) if row else None


def keep(connection: sqlite3.Connection, stream: str, rules: KeptRules) -> None:
    connection.execute(_KEEP, (stream, rules.version, rules.document, int(rules.told)))
