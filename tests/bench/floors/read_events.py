"""The floor of a catch-up: the relay's events read bare from its SQLite file, each body parsed; answers the seconds."""

import json
import sqlite3
import sys
import time

import msgspec

_EVENTS = """SELECT id, rev, kind, key_start, key_end, trust, at, nonce, short_code, body_sha256, chain, body
    FROM event ORDER BY id"""

if __name__ == "__main__":
    connection = sqlite3.connect(f"file:{json.loads(sys.stdin.readline())['store']}?mode=ro", uri=True)
    decode = msgspec.json.Decoder().decode
    begun = time.perf_counter()
    events = [(*row[:-1], decode(row[-1])) for row in connection.execute(_EVENTS)]
    took = time.perf_counter() - begun
    sys.stdout.write(json.dumps({"took": took, "events": len(events)}) + "\n")
