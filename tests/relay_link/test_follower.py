"""Following the log without a socket: what is delivered, what is acknowledged, and what makes the till start again."""

import random
from typing import Any

import msgspec
import pytest

from pos_app.relay_link.delivery import Cursor, LinkStatus, delivery_of
from pos_app.relay_link.follower import ACK_EVERY, Follower, GapError
from relay.protocol import Ack, Bye, CaughtUp, Error, Event, Heartbeat, Reset, Skip

pytestmark = pytest.mark.anyio
STREAM = "st_1"


def follower(kept: Any, cursor: Cursor | None = None) -> Follower:
    kept.held = cursor or Cursor("e1")
    return Follower(STREAM, kept.held, kept)


async def test_what_comes_together_is_one_batch_and_one_acknowledgement(kept: Any, frames: Any) -> None:
    following = follower(kept)
    ack = await following.take([frames["welcome"](3), *frames["run_of"](3), CaughtUp(STREAM, 3)])
    assert (ack, kept.batches, kept.seqs) == (Ack(STREAM, 3), [3], [1, 2, 3])
    assert kept.statuses == [LinkStatus.CATCHING_UP, LinkStatus.LIVE]
    assert following.cursor == kept.held


async def test_the_acknowledgement_waits_for_the_head_or_for_many(kept: Any, frames: Any) -> None:
    following = follower(kept)
    events = frames["run_of"](ACK_EVERY + 5)
    assert await following.take([frames["welcome"](1000), *events[:5]]) is None
    assert await following.take(events[5:ACK_EVERY]) == Ack(STREAM, ACK_EVERY)
    assert await following.take(events[ACK_EVERY:]) is None
    assert await following.take([CaughtUp(STREAM, ACK_EVERY + 5)]) == Ack(STREAM, ACK_EVERY + 5)
    assert await following.take([CaughtUp(STREAM, ACK_EVERY + 5)]) is None


async def test_at_the_head_each_event_is_acknowledged(kept: Any, frames: Any) -> None:
    following = follower(kept)
    first, second = frames["run_of"](2)
    assert await following.take([frames["welcome"](1), first]) == Ack(STREAM, 1)
    assert await following.take([second]) == Ack(STREAM, 2)


async def test_a_gap_stops_before_anything_of_it_is_applied(kept: Any, frames: Any) -> None:
    first, _, third = frames["run_of"](3)
    with pytest.raises(GapError):
        await follower(kept).take([first, third])
    assert (kept.seqs, kept.held) == ([], Cursor("e1"))


async def test_a_wrong_chain_is_a_gap(kept: Any, frames: Any) -> None:
    (first,) = frames["run_of"](1)
    with pytest.raises(GapError):
        await follower(kept).take([msgspec.structs.replace(first, chain="f" * 32)])


async def test_what_was_read_before_is_passed_over(kept: Any, frames: Any) -> None:
    following = follower(kept)
    events = frames["run_of"](3)
    await following.take(events[:2])
    await following.take(events)
    assert kept.seqs == [1, 2, 3]


async def test_a_skip_moves_on_and_never_back(kept: Any, frames: Any) -> None:
    following = follower(kept)
    assert await following.take([Skip(STREAM, 5, "c5")]) == Ack(STREAM, 5)
    await following.take([Skip(STREAM, 4, "c4"), Skip("another", 9, "c9")])
    assert following.cursor == Cursor("e1", 5, "c5")
    after = frames["event"](6, following.cursor)
    await following.take([after])
    assert kept.seqs == [6]


async def test_a_reset_starts_again_in_the_new_epoch_on_the_same_connection(kept: Any, frames: Any) -> None:
    following = follower(kept)
    old, new = frames["run_of"](2), frames["run_of"](3, Cursor("e2"))
    ack = await following.take([*old, Reset(STREAM, "fork", "e2"), *new, CaughtUp(STREAM, 3)])
    assert kept.resets == [(Cursor("e2"), "fork")]
    assert (kept.seqs, kept.batches, ack) == ([1, 2, 1, 2, 3], [2, 3], Ack(STREAM, 3))
    assert kept.held.epoch == "e2"


async def test_a_reset_to_a_trimmed_log_goes_on_from_its_floor_and_loses_nothing_above_it(
    kept: Any, frames: Any
) -> None:
    following = follower(kept)
    log = frames["run_of"](6, Cursor("e1"))
    ack = await following.take([Reset(STREAM, "trimmed", "e1", 4, log[3].chain), *log[4:], CaughtUp(STREAM, 6)])
    assert kept.resets == [(Cursor("e1", 4, log[3].chain), "trimmed")]
    assert (kept.seqs, ack) == ([5, 6], Ack(STREAM, 6))


async def test_an_event_that_does_not_follow_the_floor_is_a_gap(kept: Any, frames: Any) -> None:
    log = frames["run_of"](6, Cursor("e1"))
    with pytest.raises(GapError):
        await follower(kept).take([Reset(STREAM, "trimmed", "e1", 4, "f" * 32), *log[4:]])
    assert kept.seqs == []


async def test_frames_of_other_streams_say_nothing(kept: Any, frames: Any) -> None:
    following = follower(kept)
    other = msgspec.structs.replace(frames["run_of"](1)[0], s="another")
    assert await following.take([other, Reset("another", "epoch", "e9"), CaughtUp("another", 1)]) is None
    assert (kept.seqs, kept.resets, kept.statuses) == ([], [], [])


async def test_a_till_that_has_read_nothing_takes_the_epoch_of_the_welcome(kept: Any, frames: Any) -> None:
    following = follower(kept, Cursor())
    await following.take([frames["welcome"](0, "e7", ok=False)])
    assert following.cursor == Cursor()
    await following.take([frames["welcome"](1, "e7"), *frames["run_of"](1, Cursor("e7"))])
    assert kept.held.epoch == "e7"
    await following.take([frames["welcome"](1, "e8")])
    assert following.cursor.epoch == "e7"


async def test_a_welcome_without_our_stream_changes_nothing(kept: Any, frames: Any) -> None:
    following = follower(kept, Cursor())
    greeting = frames["welcome"](4)
    greeting.streams[0].s = "another"
    await following.take([greeting])
    assert (following.cursor, following.is_at_head) == (Cursor(), True)


async def test_heads_ahead_of_the_cursor_mean_that_something_is_missing(kept: Any, frames: Any) -> None:
    following = follower(kept)
    await following.take([Heartbeat({STREAM: 1})])
    assert not following.is_at_head
    await following.take(frames["run_of"](1))
    assert following.is_at_head


async def test_a_bye_says_when_to_come_back_and_an_error_says_nothing(kept: Any) -> None:
    following = follower(kept)
    await following.take([Bye("drain", (1, 30)), Error("busy", retry=True)])
    assert following.retry_in == (1, 30)


async def test_a_delivery_that_fails_acknowledges_nothing(kept: Any, frames: Any) -> None:
    kept.failing = 1
    with pytest.raises(RuntimeError):
        await follower(kept).take(frames["run_of"](2))
    assert (kept.seqs, kept.held) == ([], Cursor("e1"))


async def test_however_the_frames_are_cut_the_deliveries_are_the_log(kept: Any, frames: Any) -> None:
    """Random batches, repetitions, gaps and restarts from the last commit give every event once and in order."""
    events = frames["run_of"](400)
    for seed in range(40):
        rng, kept.deliveries, kept.held = random.Random(seed), [], Cursor("e1")
        while kept.held.seq < len(events):
            following = Follower(STREAM, kept.held, kept)
            at = max(0, kept.held.seq - rng.randrange(3))
            try:
                for _ in range(rng.randrange(1, 5)):
                    size = rng.randrange(1, 60)
                    await following.take(events[at : at + size])
                    at += size - rng.randrange(2) + (rng.random() < 0.1)
            except GapError:
                continue
        assert kept.seqs == list(range(1, 401)), seed


# What a delivery says.


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'"\xff"'])
def test_a_body_that_cannot_be_read_is_none(frames: Any, body: bytes) -> None:
    assert delivery_of(frames["event"](1, Cursor("e1"), body=body), "e1").body is None


def test_a_delivery_has_what_the_event_said(frames: Any) -> None:
    event: Event = frames["event"](1, Cursor("e1"), trust="quarantined", nonce=None, short_code=None)
    delivery = delivery_of(event, "e1")
    assert (delivery.trusted, delivery.nonce, delivery.short_code, delivery.body) == (False, "", "", {"n": 1})
    assert delivery.cursor == Cursor("e1", 1, event.chain)
    assert delivery.event_key == f"key-1#q#{event.body_sha256[:32]}"


def test_the_confirmed_copy_of_a_message_is_another_event(frames: Any) -> None:
    keys = {
        delivery_of(frames["event"](1, Cursor("e1"), trust=trust), "e1").event_key
        for trust in ("trusted", "quarantined")
    }
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-10-14T12:30:20Z", "2026-10-14T12:30:20+00:00"),
        ("2026-10-14T15:30:20+03:00", "2026-10-14T12:30:20+00:00"),
        ("2026-10-14T12:30:20", "2026-10-14T12:30:20+00:00"),
    ],
)
def test_r12_a_time_without_zone_is_utc(frames: Any, text: str, iso: str) -> None:
    assert delivery_of(frames["event"](1, Cursor("e1"), at=text), "e1").received_at.isoformat() == iso


@pytest.mark.parametrize("text", ["yesterday", "0001-01-01T00:00:00+14:00"])
def test_r12_a_time_that_is_none_is_now(frames: Any, text: str) -> None:
    assert delivery_of(frames["event"](1, Cursor("e1"), at=text), "e1").received_at.year > 2000
