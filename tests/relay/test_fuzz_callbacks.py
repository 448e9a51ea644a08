"""Callbacks of any content: never an answer that is not stated, and what was accepted is in the log to the byte."""

import asyncio
import base64
import gc
import logging
import os
import random
from hashlib import sha256
from typing import Any, NamedTuple

import documented
import pytest
from mutations import Mutator

from relay import protocol
from relay.http import MAX_BODY
from relay.protocol import Cursor, Event, make_nonce
from relay.reading import MAX_BRACKETS, Reading, nonce_text, read_confirmation, read_stk
from relay.reading_results import read_result, read_timeout, without_credential
from relay.rules import read as read_validation
from relay.stores import high_water

pytestmark = pytest.mark.anyio

FULL = os.environ.get("TILL_TEST_FULL") == "1"
BODIES = 1_000_000 if FULL else 4_000
AT_ONCE = 100
ROUND = 2_000
LISTED, UNLISTED = "196.201.214.200", "203.0.113.9"


@pytest.fixture
def rng() -> random.Random:
    seed = int(os.environ.get("TILL_TEST_SEED") or random.SystemRandom().randrange(2**31))
    print(f"seed {seed}: TILL_TEST_SEED={seed} plays it again")  # noqa: T201
    return random.Random(seed)


class Case(NamedTuple):
    door: str
    nonce: str
    body: bytes
    header: str
    client: str

    @property
    def path(self) -> str:
        return f"/c2b/{self.door}" if self.door in ("confirm", "validate") else f"/{self.door}/{self.nonce}"


class Fuzzer:
    """Posts bodies by both ways in, and holds every answer against the page."""

    def __init__(self, bench: Any, till: Any, rng: random.Random) -> None:
        self._bench = bench
        self._base = till.callback_base.removeprefix("http://relay.test")
        self._till = till
        self._rng = rng
        self._mutator = Mutator(rng)

    def case(self) -> Case:
        rng, made = self._rng, self._mutator
        door = rng.choice(("confirm", "validate", "stk", "result", "timeout"))
        nonce = make_nonce(self._till.nonce_key) if rng.random() < 0.7 else made.nonce()
        header = rng.choice(("", "174379", made.text()))
        return Case(door, nonce, made.body(), header, LISTED if rng.random() < 0.7 else UNLISTED)

    async def send(self, case: Case) -> bool:
        """True where it was accepted."""
        path = self._base + case.path
        status, body = await (self._short(case, path) or self._long(case, path))
        documented.held("POST", path, status, body)
        assert status == (413 if len(case.body) > MAX_BODY and case.door != "validate" else 200)
        return status == 200

    def _short(self, case: Case, path: str) -> asyncio.Future[tuple[int, bytes]] | None:
        if self._rng.random() < 0.5 or case.door == "validate" or len(case.body) > MAX_BODY:
            return None
        told: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        headers = [(b"businessshortcode", case.header.encode("latin-1"))] if case.header else []
        scope = {"path": path, "headers": headers, "client": (case.client, 4711)}
        taken = self._bench.relay.take(
            scope, case.body, lambda said: told.set_result((said.start["status"], said.body["body"]))
        )
        return told if taken else None

    async def _long(self, case: Case, path: str) -> tuple[int, bytes]:
        cuts = sorted(self._rng.randrange(len(case.body) + 1) for _ in range(self._rng.choice((0, 0, 1, 3))))
        pieces = [case.body[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
        headers = {"BusinessShortCode": case.header} if case.header else {}
        reply = await self._bench.post(path, pieces, headers=headers, client=case.client)
        return reply.status, reply.body


class Log:
    """What the till is told, read behind its cursor: whole, readable, and with which bodies."""

    def __init__(self, bench: Any, stream: str) -> None:
        self._bench = bench
        self._stream = stream
        self._cursor = Cursor()
        self._digests: set[bytes] = set()
        self._told: set[tuple[str, str]] = set()

    async def read_on(self) -> int:
        log, so_far = self._bench.relay._log, self._cursor.seq
        while events := await log.read(self._stream, self._cursor.seq):
            for event in events:
                self._take(event)
        return self._cursor.seq - so_far

    def _take(self, event: Event) -> None:
        body = bytes(event.body) if event.raw is None else base64.b64decode(event.raw)
        digest = sha256(body).digest()
        assert digest.hex() == event.body_sha256
        told = protocol.decode_from_relay(protocol.encode(event))
        assert isinstance(told, Event)
        assert told.follows(self._cursor)
        assert bytes(told.body) == (b"null" if event.raw is not None else body.strip(b" \t\r\n"))
        self._cursor = Cursor("", told.seq, told.chain)
        # More than that a till may not be able to read, and would come back for it for ever.
        assert told.raw is not None or body.count(b"{") + body.count(b"[") <= MAX_BRACKETS
        self._digests.add(digest)
        self._told.add((event.key, event.trust))

    def has(self, case: Case) -> bool:
        return sha256(without_credential(case.body)).digest() in self._digests

    def has_copy_of(self, reading: Reading) -> bool:
        """The same payment was told before, in other words; nothing that cannot be read is a copy."""
        copied = {(reading.key, trust) for trust in (protocol.TRUSTED, protocol.QUARANTINED)} & self._told
        return reading.is_json and reading.kind != protocol.KIND_UNPARSED and bool(copied)


def reading_of(case: Case) -> Reading | None:
    """None for a question that cannot be read, or not whole: it is answered, and not kept."""
    body, nonce = without_credential(case.body), nonce_text(case.nonce)
    match case.door:
        case "confirm":
            return read_confirmation(body)
        case "stk":
            return read_stk(body, nonce, case.header)
        case "result":
            return read_result(body, nonce)
        case "timeout":
            return read_timeout(body, nonce)
    asked = read_validation(body) if len(case.body) <= MAX_BODY else None
    return None if asked is None else Reading("", f"val:{asked.receipt}", b"", asked.receipt, None, True)


@pytest.fixture
async def strict(settings: Any, running: Any, changed: Any, caplog: pytest.LogCaptureFixture) -> Any:
    """A relay that knows who may send, and whose log is not kept: a million lines of it are no help."""
    caplog.set_level(logging.ERROR, "relay")
    async with running(changed(settings, source_ips=frozenset({LISTED}), body_seconds=60.0)) as bench:
        bench.add_shop("Duka")
        yield bench


@pytest.mark.timeout(7200 if FULL else 300)
async def test_whatever_is_called_back_is_kept_to_the_byte(strict: Any, eventually: Any, rng: random.Random) -> None:
    till = await strict.pair("Duka")
    fuzzer, log = Fuzzer(strict, till, rng), Log(strict, till.stream)
    copies = 0
    for _ in range(BODIES // ROUND):
        kept: list[Case] = []
        for _ in range(ROUND // AT_ONCE):
            cases = [fuzzer.case() for _ in range(AT_ONCE)]
            accepted = await asyncio.gather(*map(fuzzer.send, cases))
            kept += [case for case, so in zip(cases, accepted, strict=True) if so]
        await eventually(lambda: not strict.relay._log._waiting)
        await log.read_on()
        missing = [(case, reading) for case in kept if not log.has(case) and (reading := reading_of(case))]
        assert [case for case, reading in missing if not log.has_copy_of(reading)] == []
        copies += len(missing)
        gc.collect(1)
    assert copies < BODIES / 20
    assert (await strict.request("GET", "/readyz")).status == 200
    head = await strict.relay._log.head(till.stream)
    await eventually(lambda: high_water.load(strict.settings.high_water)[till.stream].chain == head.chain)
