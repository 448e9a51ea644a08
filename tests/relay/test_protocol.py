"""Frames, cursor, chain and nonces: what a till relies on."""

import contextlib
import hashlib
import hmac

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import protocol
from relay.protocol import GENESIS, Cursor, Event, chain_next


def an_event(seq: int = 1, chain: str = GENESIS, body: bytes = b'{"Amount": 150.00}') -> Event:
    digest = hashlib.sha256(body).hexdigest()
    return Event(
        s="st_1",
        seq=seq,
        chain=chain_next(chain, seq, "stk:n:ws", digest),
        kind=protocol.KIND_STK,
        key="stk:n:ws",
        trust=protocol.TRUSTED,
        src=protocol.SOURCE_DARAJA,
        at="2026-11-23T10:15:20.000Z",
        body_sha256=digest,
        body=msgspec.Raw(body),
    )


def test_a_body_travels_to_the_byte() -> None:
    body = b'{"Amount": 150.00, "Note": "caf\xc3\xa9 \\u00e9", "Big": 20261014153029}'
    received = protocol.decode_from_relay(protocol.encode(an_event(body=body)))
    assert isinstance(received, Event)
    assert bytes(received.body) == body
    assert hashlib.sha256(bytes(received.body)).hexdigest() == received.body_sha256


def test_every_frame_survives_the_way_there_and_back() -> None:
    from_relay: list[protocol.FromRelay] = [
        protocol.Welcome("sid", "now", 25, 500, [protocol.StreamState("st_1", "e1", 7)]),
        protocol.Reset("st_1", protocol.RESET_FORK, "e2", 3),
        protocol.Skip("st_1", 9, GENESIS),
        protocol.CaughtUp("st_1", 9),
        protocol.Heartbeat({"st_1": 9}),
        protocol.Bye("drain", (1, 30)),
        protocol.Error("no_such_stream", retry=False),
    ]
    for frame in from_relay:
        assert protocol.decode_from_relay(protocol.encode(frame)) == frame
    from_till: list[protocol.FromTill] = [protocol.Hello([protocol.StreamCursor("st_1")]), protocol.Ack("st_1", 4)]
    for sent in from_till:
        assert protocol.decode_from_till(protocol.encode(sent)) == sent
    assert protocol.decode_frames(protocol.encode_frames(from_relay)) == from_relay


def test_frames_of_an_unknown_type_and_unknown_fields_are_ignored() -> None:
    assert protocol.decode_from_relay(b'{"t":"verdict","id":1}') is None
    assert protocol.decode_from_till(b'{"t":"hb","heads":{}}') is None
    assert protocol.decode_from_relay(b'{"t":"hb","heads":{},"new":[1]}') == protocol.Heartbeat({})
    assert protocol.decode_frames(b'[{"t":"verdict"},{"t":"hb","heads":{}}]') == [protocol.Heartbeat({})]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"t":1}', b'{"t":"ack"}', b'{"t":"ack","s":1,"seq":1}', b"\xff", b"NaN"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(protocol.MalformedFrameError):
        protocol.decode_from_till(data)


def test_a_frame_nested_too_deep_is_refused() -> None:
    with pytest.raises(protocol.MalformedFrameError):
        protocol.decode_from_relay(b'{"t":"hb","heads":{},"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}")


@given(st.binary(max_size=200))
def test_no_bytes_break_a_decoder(data: bytes) -> None:
    for decode in (protocol.decode_from_till, protocol.decode_from_relay, protocol.decode_frames):
        with contextlib.suppress(protocol.MalformedFrameError, UnicodeDecodeError):
            decode(data)


def test_an_event_follows_only_its_own_cursor() -> None:
    event = an_event(seq=5, chain="ab" * 16)
    assert event.follows(Cursor("e1", 4, "ab" * 16))
    assert not event.follows(Cursor("e1", 4, "cd" * 16))
    assert not event.follows(Cursor("e1", 3, "ab" * 16))


def test_the_chain_is_the_documented_hash() -> None:
    digest = hashlib.sha256(b"body").digest()
    expected = hashlib.sha256(f"{GENESIS}\n1\nc2b:600966:UJE\n{digest.hex()}".encode()).hexdigest()[:32]
    assert chain_next(GENESIS, 1, "c2b:600966:UJE", digest) == expected
    assert chain_next(GENESIS, 1, "c2b:600966:UJE", digest.hex()) == expected


@given(st.integers(0, 2**40), st.text(max_size=30), st.binary(min_size=32, max_size=32))
def test_the_chain_changes_with_everything_it_covers(seq: int, key: str, digest: bytes) -> None:
    chain = chain_next(GENESIS, seq, key, digest)
    others = {
        chain_next("1" * 32, seq, key, digest),
        chain_next(GENESIS, seq + 1, key, digest),
        chain_next(GENESIS, seq, key + "x", digest),
        chain_next(GENESIS, seq, key, digest[::-1] + b"x"),
    }
    assert chain not in others
    assert len(others) == 4


def test_a_nonce_is_the_one_of_the_architecture() -> None:
    nonce = protocol.make_nonce("key")
    assert len(nonce) == 32
    assert int(nonce, 16) >= 0
    assert nonce[16:] == hmac.new(b"key", nonce[:16].encode(), "sha256").hexdigest()[:16]
    assert protocol.nonce_is_real("key", nonce)
    assert protocol.make_nonce("key") != nonce


@given(st.text(max_size=40))
def test_nobody_without_the_key_makes_a_nonce(text: str) -> None:
    assert not protocol.nonce_is_real("key", text)
    assert not protocol.nonce_is_real("other key", protocol.make_nonce("key"))


def test_close_codes_say_whether_to_come_back() -> None:
    assert protocol.closes_for_good(protocol.CLOSE_REVOKED)
    assert not protocol.closes_for_good(protocol.CLOSE_SLOW)
    assert not protocol.closes_for_good(protocol.CLOSE_GOING_AWAY)


def test_only_what_the_relay_says_in_its_own_words_ends_a_till() -> None:
    for error in (protocol.ERROR_BAD_TOKEN, protocol.ERROR_REVOKED, protocol.ERROR_NO_SUCH_STREAM):
        assert protocol.refuses_for_good(protocol.error_body(error))
    for body in (b"", b"<html>", b'{"error":"Forbidden"}', b'{"error":5}', b'["revoked"]', b"\xff", b"[" * 60_000):
        assert not protocol.refuses_for_good(body)


def test_pairing_survives_the_way_there_and_back() -> None:
    request = protocol.PairRequest("BCDF-GHJK", "till one", "ab" * 16, "A2")
    assert protocol.decode_pair_request(protocol.encode(request)) == request
    response = protocol.PairResponse("till_1", "A2", "t", "Duka", "st_1", "https://relay.test/h/0", "k")
    assert protocol.decode_pair_response(protocol.encode(response)) == response
