"""The simulator as an httpx transport: no network, the clock moved by hand.

It must not know who is asking, or what a callback's receiver does with it.
"""

from collections.abc import Awaitable, Callable, Mapping

import httpx

from pos_app.simulator.daraja import Daraja
from pos_app.simulator.messages import Callback, Request

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[int | tuple[int, bytes]]]


class SimulatorTransport(httpx.AsyncBaseTransport):
    """`deliver(url, headers, body)` gets every callback once, when `advance` reaches it, and returns its status,
    with a body where one matters: the answer to a validation.

    Offline raises ConnectError; a lost reply, or one later than the caller's read timeout, raises ReadTimeout.
    """

    def __init__(self, core: Daraja, deliver: Deliver) -> None:
        self.core = core
        self._deliver = deliver

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.core.offline:
            raise httpx.ConnectError("the simulated network is down", request=request)
        body = await request.aread()
        reply = self.core.handle(
            Request(
                request.method,
                request.url.path,
                request.url.query.decode(),
                {name.lower(): value for name, value in request.headers.items()},
                body,
            )
        )
        await self._hand_over(reply.first)
        patience = request.extensions.get("timeout", {}).get("read")
        if reply.fate == "hangs" or (patience is not None and reply.delay >= patience):
            await self.advance(patience or 0.0)
            raise httpx.ReadTimeout("the simulated reply is late", request=request)
        await self.advance(reply.delay)
        if reply.fate == "lost":
            raise httpx.ReadTimeout("the simulated reply is lost", request=request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

    async def advance(self, seconds: float) -> None:
        """Moves the clock from event to event, handing over each callback at its own moment."""
        if not seconds:
            return
        clock = self.core.clock
        target = clock.now() + seconds
        while (due := self.core.next_due()) is not None and due <= target:
            clock.advance(max(0.0, due - clock.now()))
            await self.pump()
        clock.advance(max(0.0, target - clock.now()))

    async def pump(self) -> None:
        """Hands over what is due now."""
        await self._hand_over(self.core.due())

    async def _hand_over(self, callbacks: tuple[Callback, ...]) -> None:
        for callback in callbacks:
            try:
                answered = await self._deliver(callback.url, callback.headers, callback.body)
            except httpx.TransportError as error:
                self.core.delivered(callback, None, type(error).__name__)
            else:
                status, body = answered if isinstance(answered, tuple) else (answered, b"")
                self.core.delivered(callback, status, body=body)
