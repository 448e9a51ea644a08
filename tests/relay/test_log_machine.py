"""Any order of appends, copies, decisions, new epochs and restarts, by one, two or three relays of one database:
the log says what the plain one in memory says.
"""

import asyncio
import itertools
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages

from reference_log import ReferenceLog

from relay import protocol
from relay.log import EventLog, Meta
from relay.protocol import QUARANTINED, TRUSTED
from relay.stores.sequence import Incoming
from relay.stores.store import opened
from relay.stores.streams import create_stream

FULL = os.environ.get("TILL_TEST_FULL") == "1"
RELAYS = [("sqlite", 1), ("postgresql", 1), ("postgresql", 2), ("postgresql", 3)]

_streams = itertools.count(1)
copies = st.tuples(st.sampled_from("abcd"), st.sampled_from("mn"), st.sampled_from([TRUSTED, QUARANTINED]))
which = st.integers(0, 2)


class Relays:
    """The logs of some relays on one store, each on the same loop."""

    def __init__(self, store: str, count: int, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._runner = asyncio.Runner()
        self.logs = [self.run(self._open(at)) for at in range(count)]

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    async def _open(self, at: int) -> EventLog:
        return await EventLog.open(opened(self._store), self._folder / f"high.water.{at}")

    def restart(self, at: int) -> None:
        self.run(self.logs[at].close())
        self.logs[at] = self.run(self._open(at))

    def close(self) -> None:
        for log in self.logs:
            self.run(log.close())
        self._runner.close()


class LogMachine(RuleBasedStateMachine):
    def __init__(self, relays: Relays) -> None:
        super().__init__()
        self.relays = relays
        self.reference = ReferenceLog()
        self.stream = f"st{next(_streams)}"
        self.listening = ExitStack()

    def one(self, at: int) -> EventLog:
        return self.relays.logs[at % len(self.relays.logs)]

    def run(self, work: Any) -> Any:
        return self.relays.run(work)

    @initialize()
    def begin(self) -> None:
        self.run(self.reference.create(self.stream, "epoch"))
        self.run(self.one(0).run(lambda connection: create_stream(connection, self.stream, "epoch")))

    async def _append(self, log: Any, some: list[tuple[str, str, str]]) -> list[Any]:
        return await asyncio.gather(
            *(
                log.append(self.stream, "stk", key, money.encode(), Meta(1_700_000_000_000, trust, money.encode()))
                for key, money, trust in some
            )
        )

    @rule(at=which, some=st.lists(copies, min_size=1, max_size=8))
    def append(self, at: int, some: list[tuple[str, str, str]]) -> None:
        told = self.run(self._append(self.one(at), some))
        expected = self.run(self._append(self.reference, some))
        assert told == expected

    @rule(at=which, key=st.sampled_from("ab"))
    def decide(self, at: int, key: str) -> None:
        def decision(_connection: Any, head: Any) -> tuple[list[Incoming], int]:
            made = Incoming(self.stream, "claim", f"claim:{key}:{head.seq}", b"{}", "{}", Meta(1_700_000_000_000))
            return [made] if head.seq % 2 else [], head.seq

        assert self.run(self.one(at).append_if(self.stream, decision)) == self.run(
            self.reference.append_if(self.stream, decision)
        )

    @rule(at=which, after=st.integers(0, 40), limit=st.integers(1, 10))
    def read(self, at: int, after: int, limit: int) -> None:
        log = self.one(at)
        self.run(log.latest(self.stream))
        found = self.run(log.read(self.stream, after, limit))
        expected = self.run(self.reference.read(self.stream, after, limit))
        # A page may be short: what is in memory is not filled up from the disk.
        assert bool(found) == bool(expected)
        assert list(map(protocol.encode, found)) == list(map(protocol.encode, expected[: len(found)]))

    @rule(at=which)
    def turn(self, at: int) -> None:
        """Both know another epoch afterwards; that it is the same one is made so."""
        known = self.run(self.reference.head(self.stream))
        head = self.run(self.one(at).rotate(self.stream, known.epoch, "fork"))
        assert head.epoch > known.epoch
        assert self.run(self.one(at).rotate(self.stream, known.epoch, "fork")) == head
        self.reference._streams[self.stream].epoch = head.epoch

    @rule(at=which)
    def listen(self, at: int) -> None:
        log = self.one(at)
        self.run(log.latest(self.stream))
        self.listening.enter_context(log.wakeups(self.stream, asyncio.Event()))

    @rule(at=which)
    def restart(self, at: int) -> None:
        self.listening.close()
        self.relays.restart(at % len(self.relays.logs))

    @invariant()
    def the_heads_agree(self) -> None:
        if self.stream in self.reference._streams:
            expected = self.run(self.reference.head(self.stream))
            for log in self.relays.logs:
                assert self.run(log.latest(self.stream))[1:] == expected[1:]

    def teardown(self) -> None:
        self.listening.close()


@pytest.mark.parametrize(("store", "count"), RELAYS, indirect=["store"])
def test_any_order_of_what_relays_do_is_one_log(store: str, count: int, tmp_path: Path) -> None:
    relays = Relays(store, count, tmp_path)
    size = {"max_examples": 150, "stateful_step_count": 50} if FULL else {"max_examples": 8, "stateful_step_count": 20}
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            lambda: LogMachine(relays),
            settings=hypothesis_settings(**size, deadline=None, suppress_health_check=list(HealthCheck)),
        )
    finally:
        relays.close()
