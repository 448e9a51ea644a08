"""The relay's figures for Prometheus: what each is called, what it counts, and how it is told.

It must not know who looks, nor what is behind a figure. No label names a shop, a till or a person: it would tell who
earns what, and ten thousand tills would make ten thousand series of each.
"""

import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics import disable_created_metrics

from relay import protocol
from relay.stores.sequence import Appended, Incoming, Outcome

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
PERCENTILES = (50, 90, 99, 100)

UNREAD = "unread"
"""The kind of a callback that was refused before anybody read what it is."""
UNAVAILABLE, UNKNOWN_KEY, TOO_LARGE, TOO_SLOW = "unavailable", "unknown_key", "too_large", "too_slow"
SPOOLED = "spooled"
SHED = ("console", "old_events", "sockets", "events")
GONE = "gone"

_PREFIX = "relay_"
_KINDS = (
    protocol.KIND_STK,
    protocol.KIND_C2B_CONFIRMATION,
    protocol.KIND_C2B_VALIDATION,
    protocol.KIND_RESULT,
    protocol.KIND_TIMEOUT,
    protocol.KIND_UNPARSED,
)
_RESETS = (protocol.RESET_EPOCH, protocol.RESET_FORK, protocol.RESET_AHEAD, protocol.RESET_TRIMMED)
_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_ANSWERS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3.5, 4, 5, 8)
_DELIVERIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 28800, 86400)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)

# Prometheus knows since when it counts; a second series for each would only double what is stored.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Arrived(Protocol):
    """One callback on its way to disk, `since` a time of the monotonic clock."""

    incoming: Incoming
    since: float


class Metrics:
    """One relay's. A counter that an alert watches begins at 0: a series that begins at 1 shows no increase."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._looks: list[Callable[[], None]] = []
        self._tell_of_callbacks()
        self._tell_of_tills()
        self._tell_of_answers()
        self._tell_of_the_machine()

    def _tell_of_callbacks(self) -> None:
        self.ingest = self._counter(
            "ingest",
            "Callbacks by what they were and what became of them: new, dup and revision as they are in the log, the "
            "others as they were answered. One that was given up, or spooled, and stored later counts as both.",
            "kind",
            "result",
        )
        self._usual = {kind: self.ingest.labels(kind, str(Outcome.NEW)) for kind in _KINDS}
        for kind in _KINDS:
            for result in (str(Outcome.DUPLICATE), str(Outcome.REVISION), SPOOLED, UNAVAILABLE):
                self.ingest.labels(kind, result)
        for result in (UNAVAILABLE, UNKNOWN_KEY, TOO_LARGE, TOO_SLOW):
            self.ingest.labels(UNREAD, result)
        self.ingest_commit_seconds = self._histogram(
            "ingest_commit_seconds",
            "From the arrival of the oldest callback of a batch to the whole batch being durable.",
            _FAST,
        )
        self.batch_size = self._histogram("batch_size", "Callbacks that were committed together.", _BATCHES)
        self.dup = self._counter("dup", "Callbacks that the log had already, with the same money.")
        self.revision = self._counter("revision", "Callbacks that say something else than an earlier one of that key.")
        self.quarantined = self._counter("quarantined", "Events stored that count for nothing until they are verified.")
        self.unparsed = self._counter("unparsed", "Events stored raw, because nobody could read them.")
        self.pull_found_missing = self._counter(
            "pull_found_missing", "Payments that tills found at Safaricom by Pull, and that were never called back."
        )
        self.spool_depth = self._gauge("spool_depth", "Callbacks that are safe in the spool and not in the log yet.")
        self.spool_oldest_seconds = self._gauge("spool_oldest_seconds", "How long the oldest of them has waited there.")
        self.shed = self._counter("shed", "What was refused or put off because the relay was overloaded.", "what")
        for what in SHED:
            self.shed.labels(what)
        self.overload_level = self._gauge(
            "overload_level", "What it does without: 1 console, 2 old events, 3 new websockets, 4 events; 0 nothing."
        )
        self.delayed = self._counter("delayed", "Callbacks beyond their shop's pace, which waited for the others.")
        self.streams = self._gauge("streams", "Shops that have a log here.")
        self.streams_silent = self._gauge(
            "streams_silent", "Shops of which Safaricom has said nothing for three times their usual gap by day."
        )

    def _tell_of_tills(self) -> None:
        self.tills_connected = self._gauge("tills_connected", "Tills that are on a websocket or in a long poll now.")
        self.tills_offline = self._gauge(
            "tills_offline",
            "Tills that were here within a day, at whichever replica, and have been away for half an hour while their "
            "shop takes payments.",
        )
        self.till_lag_events = self._gauge(
            "till_lag_events", "How many events connected tills have not acknowledged; 100 is the worst.", "percentile"
        )
        self.till_lag_seconds = self._gauge(
            "till_lag_seconds",
            "How long the oldest event has waited that a connected till was sent and has not acknowledged.",
            "percentile",
        )
        self.deliver_seconds = self._histogram(
            "deliver_seconds",
            "Of each acknowledgement, from the receipt of its oldest event; a till that was away is in it.",
            _DELIVERIES,
        )
        self.replay_active = self._gauge("replay_active", "Connected tills that are still catching up.")
        self.reset = self._counter("reset", "Tills that were told to read again from elsewhere.", "reason")
        for reason in _RESETS:
            self.reset.labels(reason)
        self.reconnects = self._counter(
            "reconnects",
            "Websockets of tills that ended or were refused, by close code; gone where the till went by itself.",
            "code",
        )
        self.pongs_missed = self._counter("pongs_missed", "Tills that answered no ping, and were let go.")

    def _tell_of_answers(self) -> None:
        self.validation_seconds = self._histogram(
            "validation_seconds",
            "From a validation request to its answer, by who decided: rules, till or default.",
            _ANSWERS,
            "path",
        )
        for path in ("rules", "till", "default"):
            self.validation_seconds.labels(path)
        self.validation_default = self._counter(
            "validation_default", "Validations that the default answered, because nothing else did in time."
        )

    def _tell_of_the_machine(self) -> None:
        self.fsync_seconds = self._histogram(
            "fsync_seconds", "One flush to disk: a commit of the store, or a mark in the high-water file.", _FAST, "of"
        )
        self.wal_bytes = self._gauge("wal_bytes", "Size of the store's write-ahead log.")
        self.disk_free_bytes = self._gauge("disk_free_bytes", "Room left for this process on each volume.", "volume")
        self.disk_size_bytes = self._gauge("disk_size_bytes", "Size of each volume.", "volume")
        self.loop_lag_seconds = self._histogram(
            "loop_lag_seconds", "How much later than asked the event loop went on.", _FAST
        )
        self.ready = self._gauge("ready", "1 while callbacks can be made durable and the relay is not draining.")
        told = self._gauge("build_info", "1; the labels say what runs.", "version", "protocol", "python")
        told.labels(_version(), protocol.SUBPROTOCOL, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}{name}_total", told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}{name}", told, labels, buckets=buckets, registry=self.registry)

    def stored(self, batch: Sequence[Arrived], answers: Sequence[Appended]) -> None:
        """A batch at once: a counter costs more than all the rest that a callback does on its way through here."""
        usual: dict[str, int] = {}
        new, trusted = Outcome.NEW, protocol.TRUSTED
        for arrived, answer in zip(batch, answers, strict=True):
            incoming = arrived.incoming
            if answer.outcome is new:
                kind = incoming.kind
                usual[kind] = usual.get(kind, 0) + 1
                if incoming.meta.trust != trusted:
                    self.quarantined.inc()
            else:
                self._stored_again(incoming, answer.outcome)
        for kind, count in usual.items():
            (self._usual.get(kind) or self.ingest.labels(kind, str(new))).inc(count)
            if kind == protocol.KIND_UNPARSED:
                self.unparsed.inc(count)
        self.batch_size.observe(len(batch))
        self.ingest_commit_seconds.observe(time.monotonic() - batch[0].since)

    def _stored_again(self, incoming: Incoming, outcome: Outcome) -> None:
        self.ingest.labels(incoming.kind, str(outcome)).inc()
        if outcome is Outcome.DUPLICATE:
            self.dup.inc()
            return
        self.revision.inc()
        if incoming.meta.trust != protocol.TRUSTED:
            self.quarantined.inc()

    def moved(self, spooled: Sequence[Incoming], answers: Sequence[Appended]) -> None:
        """From the spool into the log."""
        for incoming, answer in zip(spooled, answers, strict=True):
            if answer.outcome is not Outcome.NEW:
                self._stored_again(incoming, answer.outcome)
                continue
            self.ingest.labels(incoming.kind, str(Outcome.NEW)).inc()
            self.unparsed.inc(incoming.kind == protocol.KIND_UNPARSED)
            self.quarantined.inc(incoming.meta.trust != protocol.TRUSTED)

    def spooled(self, kind: str) -> None:
        self.ingest.labels(kind, SPOOLED).inc()

    def refused(self, result: str, kind: str = UNREAD) -> None:
        self.ingest.labels(kind, result).inc()

    def ended(self, code: int | None) -> None:
        """A websocket, by the code that the relay closed it with: a till's own may be any number."""
        self.reconnects.labels(GONE if code is None else str(code)).inc()

    def decided(self, path: str, seconds: float) -> None:
        """A validation."""
        self.validation_seconds.labels(path).observe(seconds)
        if path == "default":
            self.validation_default.inc()

    def lagging(self, events: list[int], seconds: list[float]) -> None:
        """One of each for every connected till."""
        for gauge, found in ((self.till_lag_events, sorted(events)), (self.till_lag_seconds, sorted(seconds))):
            for percentile in PERCENTILES:
                gauge.labels(str(percentile)).set(found[(len(found) - 1) * percentile // 100] if found else 0)

    def at_scrape(self, look: Callable[[], None]) -> None:
        """For what need not be counted while nobody looks: `look` sets its figures just before they are told."""
        self._looks.append(look)

    def told(self) -> bytes:
        for look in self._looks:
            look()
        return generate_latest(self.registry)


def _version() -> str:
    try:
        return version("mpesa-till")
    except PackageNotFoundError:
        return "checkout"
