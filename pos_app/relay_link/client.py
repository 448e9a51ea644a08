"""Keeps following the relay by websocket, or by long poll where networks break websockets; never gives up quietly."""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from pos_app.domain.shop import Pairing
from pos_app.relay_link.delivery import LinkStatus, Listener
from pos_app.relay_link.follower import Follower, GapError
from pos_app.relay_link.verdicts import Judge, Verdicts
from relay import protocol
from relay.protocol import CaughtUp, FromRelay, Hello, MalformedFrameError, StreamCursor, Validate

log = logging.getLogger(__name__)

SILENCE_SECONDS = 60.0
STALLED_SECONDS = 5.0
"""Nothing arrives although the relay says that there is more."""
STABLE_SECONDS = 60.0
POLLED_SECONDS = 300.0
"""How long to stay with the long poll before trying the websocket again."""
LONGEST_PAUSE_SECONDS = 60.0
"""Whatever the relay asks for: payments wait for this till."""
POLL_WAIT_SECONDS = 25
_BATCH = 256
_NETWORK_ERRORS = (
    OSError,
    TimeoutError,
    ConnectionClosed,
    InvalidHandshake,
    httpx.HTTPError,
    MalformedFrameError,
    UnicodeDecodeError,
)


class RefusedByRelayError(Exception):
    """The relay knows this till no longer, or wants a newer program: waiting will not help."""


class InterceptedError(Exception):
    """What answered is not the relay: only the relay itself may end the link."""


@dataclass
class RelayLink:
    """`run` until cancelled. One link at a time may follow a stream for one till.

    `judge` answers whether a payment may come in; without one this till is not asked.
    """

    pairing: Pairing
    listener: Listener
    http: Callable[[], httpx.AsyncClient]
    rng: random.Random = field(default_factory=random.Random)
    judge: Judge | None = None
    _failures: int = 0
    _busy: tuple[float, float] | None = None
    """The seconds between which a relay that let nobody in wants this till back."""

    async def run(self) -> None:
        while True:
            self.listener.status(LinkStatus.CONNECTING)
            started, follower, found = asyncio.get_running_loop().time(), None, LinkStatus.OFFLINE
            try:
                follower = Follower(self.pairing.stream, await self.listener.cursor(), self.listener)
                await self._follow_once(follower)
            except RefusedByRelayError as refusal:
                log.warning("the relay refused this till: %s", refusal)
                self.listener.status(LinkStatus.REFUSED)
                return
            except InterceptedError as stranger:
                log.warning("something answers in the relay’s place: %s", stranger)
                found = LinkStatus.INTERCEPTED
            except (*_NETWORK_ERRORS, GapError) as error:
                log.info("the relay link ended: %s", type(error).__name__)
            except Exception:  # whatever the till’s own records met, the log is read again from the cursor
                log.exception("the relay link failed")
            if asyncio.get_running_loop().time() - started > STABLE_SECONDS:
                self._failures = 0
            self.listener.status(found)
            await asyncio.sleep(self._pause(follower))
            self._failures += self._busy is None
            self._busy = None

    def _pause(self, follower: Follower | None) -> float:
        """Full jitter, so that ten thousand tills do not come back in the same second."""
        retry_in = self._busy or (follower.retry_in if follower else None)
        if retry_in:
            return min(self.rng.uniform(*retry_in), LONGEST_PAUSE_SECONDS)
        return self.rng.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.5 * 2 ** min(self._failures, 10)))

    async def _follow_once(self, follower: Follower) -> None:
        # After two failures in a row every other try is a long poll: some networks carry no websocket at all.
        if self._failures >= 2 and self._failures % 2 == 0:
            await self._poll(follower, asyncio.get_running_loop().time() + POLLED_SECONDS)
            return
        await self._follow_websocket(follower)

    async def _follow_websocket(self, follower: Follower) -> None:
        url = self.pairing.relay_url.replace("http", "ws", 1).rstrip("/") + protocol.CONNECT_PATH
        try:
            async with connect(
                url,
                subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
                additional_headers=self._headers,
                compression=None,
                max_size=protocol.MAX_FRAME_BYTES,
                max_queue=512,
                open_timeout=10,
                close_timeout=1,
                ping_interval=20,
                ping_timeout=10,
                proxy=None if _is_loopback(url) else True,
            ) as socket:
                await socket.send(protocol.encode(self._hello(follower)), text=True)
                await self._read(socket, follower)
        except InvalidStatus as error:
            body = bytes(error.response.body or b"")
            if protocol.error_of(body) == protocol.ERROR_BUSY:
                self._busy = _retry_after(error.response.headers.get("Retry-After"))
            _look_who_answers(error.response.status_code, body)
            raise
        except ConnectionClosed as error:
            if error.rcvd and protocol.closes_for_good(error.rcvd.code):
                raise RefusedByRelayError(f"close code {error.rcvd.code}") from error
            raise

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.pairing.token}"}

    def _hello(self, follower: Follower) -> Hello:
        cursor = follower.cursor
        return Hello(
            streams=[StreamCursor(follower.stream, cursor.epoch, cursor.seq, cursor.chain)],
            caps=[protocol.CAP_VALIDATE] if self.judge else [],
        )

    async def _read(self, socket: ClientConnection, follower: Follower) -> None:
        inbox: asyncio.Queue[FromRelay | Exception] = asyncio.Queue(2 * _BATCH)
        verdicts = Verdicts(self.judge, lambda frame: socket.send(frame, text=True)) if self.judge else None
        reader = asyncio.create_task(_receive(socket, inbox, verdicts))
        try:
            while True:
                frames = await _next_batch(inbox, SILENCE_SECONDS if follower.is_at_head else STALLED_SECONDS)
                if ack := await follower.take(frames):
                    await socket.send(protocol.encode(ack), text=True)
        finally:
            reader.cancel()
            if verdicts is not None:
                verdicts.close()

    async def _poll(self, follower: Follower, until: float) -> None:
        """Ends between two answers, never in the middle of a delivery; at once when the relay says goodbye."""
        caught_up = False
        url = self.pairing.relay_url.rstrip("/") + protocol.EVENTS_PATH + self.pairing.stream
        while asyncio.get_running_loop().time() < until and not follower.retry_in:
            cursor = follower.cursor
            # Waiting only once nothing is behind: until then the screen says that the relay is slow.
            wait = POLL_WAIT_SECONDS if caught_up else 0
            answer = await self.http().get(
                url,
                params={"epoch": cursor.epoch, "after": cursor.seq, "chain": cursor.chain, "wait": wait},
                headers=self._headers,
                timeout=40,
            )
            if protocol.refuses_for_good(answer.content):
                raise RefusedByRelayError(protocol.error_of(answer.content))
            _look_who_answers(answer.status_code, answer.content)
            answer.raise_for_status()
            frames = protocol.decode_frames(answer.content)
            await follower.take(frames)
            caught_up = any(isinstance(frame, CaughtUp) for frame in frames)


def _look_who_answers(status: int, body: bytes) -> None:
    """The relay takes every socket before it judges a token, and says in a body what it refuses; others do not."""
    trouble = status >= httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.NETWORK_AUTHENTICATION_REQUIRED
    if status != httpx.codes.OK and not trouble and not protocol.error_of(body):
        raise InterceptedError(f"HTTP {status}")


def _retry_after(said: str | None) -> tuple[float, float] | None:
    """Whatever else than seconds a header may say counts as nothing said."""
    return (float(said), float(said) + 1) if said is not None and said.isascii() and said.isdigit() else None


async def _receive(
    socket: ClientConnection, inbox: asyncio.Queue[FromRelay | Exception], verdicts: Verdicts | None
) -> None:
    """What ends the connection is the last thing in the inbox, after every frame that came before it."""
    try:
        while True:
            frame = protocol.decode_from_relay(await socket.recv())
            if isinstance(frame, Validate):
                # Somebody stands at his phone and waits: not behind what the log brings.
                if verdicts is not None:
                    verdicts.ask(frame)
            elif frame is not None:
                await inbox.put(frame)
    except _NETWORK_ERRORS as error:
        await inbox.put(error)


async def _next_batch(inbox: asyncio.Queue[FromRelay | Exception], patience: float) -> list[FromRelay]:
    """All that has come, at least one frame. Raises what ended the connection, or TimeoutError after `patience` s."""
    batch: list[FromRelay] = []
    # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the link.
    async with asyncio.timeout(patience):
        item = await inbox.get()
    while True:
        if isinstance(item, Exception):
            if not batch:
                raise item
            inbox.put_nowait(item)
            return batch
        batch.append(item)
        if len(batch) == _BATCH or inbox.empty():
            return batch
        item = inbox.get_nowait()


def _is_loopback(url: str) -> bool:
    return httpx.URL(url.replace("ws", "http", 1)).host in {"127.0.0.1", "localhost", "::1"}
