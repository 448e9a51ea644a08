"""Callbacks of any content: never an answer that is not stated, and what was accepted is in the log to the byte."""

import asyncio
import gc
import logging
import os
import random
from hashlib import sha256
from typing import Any, NamedTuple

import documented
import pytest
from copies import Told, body_of, reading_of
from mutations import Mutator

from relay import protocol
from relay.http import MAX_BODY
from relay.protocol import Cursor, Event, make_nonce
from relay.reading import MAX_BRACKETS, Reading
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

    @property
    def reading(self) -> Reading | None:
        return reading_of(self.door, self.nonce, self.body, self.header)


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
    """What the till is told, read behind its cursor: whole, and readable."""

    def __init__(self, bench: Any, stream: str) -> None:
        self._bench = bench
        self._stream = stream
        self._cursor = Cursor()
        self.told = Told()

    async def read_on(self) -> None:
        while events := await self._bench.relay._log.read(self._stream, self._cursor.seq):
            for event in events:
                self._take(event)

    def _take(self, event: Event) -> None:
        body = body_of(event)
        assert sha256(body).hexdigest() == event.body_sha256
        sent = protocol.decode_from_relay(protocol.encode(event))
        assert isinstance(sent, Event)
        assert sent.follows(self._cursor)
        assert bytes(sent.body) == (b"null" if event.raw is not None else body.strip(b" \t\r\n"))
        self._cursor = Cursor("", event.seq, event.chain)
        # More than that a till may not be able to read, and would come back for it for ever.
        assert event.raw is not None or body.count(b"{") + body.count(b"[") <= MAX_BRACKETS
        self.told.add(event)


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
        await eventually(lambda: strict.relay._log.waited() == 0)
        await log.read_on()
        missing = [(case, reading) for case in kept if not log.told.has(case.body) and (reading := case.reading)]
        assert [case for case, reading in missing if not log.told.has_copy_of(reading)] == []
        copies += len(missing)
        gc.collect(1)
    assert copies < BODIES / 20
    assert (await strict.request("GET", "/readyz")).status == 200
    head = await strict.relay._log.head(till.stream)
    await eventually(lambda: high_water.load(strict.settings.high_water)[till.stream].chain == head.chain)
