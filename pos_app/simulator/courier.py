"""Carries callbacks over HTTP when they are due: each exactly once, whatever is answered (contract §7).

It must not know what they say.
"""

import anyio
import httpx

from pos_app.simulator.daraja import Daraja
from pos_app.simulator.messages import Callback

TIMEOUT_SECONDS = 10.0
# httpx looks through all that wait for a connection whenever one is free: thousands at once bring it to a halt.
AT_ONCE = 100


class Courier:
    def __init__(self, core: Daraja) -> None:
        self._core = core
        self._news = anyio.Event()
        self._places = anyio.Semaphore(AT_ONCE)

    def wake(self) -> None:
        """Something new may be due: look again."""
        self._news.set()

    async def run(self) -> None:
        async with _client() as client, anyio.create_task_group() as tasks:
            while True:
                self._news = anyio.Event()
                for callback in self._core.due():
                    tasks.start_soon(self._post, client, callback)
                due = self._core.next_due()
                with anyio.move_on_after(None if due is None else max(0.0, due - self._core.clock.now())):
                    await self._news.wait()

    async def carry_now(self, callbacks: tuple[Callback, ...]) -> None:
        """Returns when all of them were answered, or were not."""
        if callbacks:
            async with _client() as client:
                for callback in callbacks:
                    await self._post(client, callback)

    async def _post(self, client: httpx.AsyncClient, callback: Callback) -> None:
        try:
            async with self._places:
                response = await client.post(callback.url, content=callback.body, headers=dict(callback.headers))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self._core.delivered(callback, None, type(error).__name__)
        else:
            self._core.delivered(callback, response.status_code, body=response.content)
        self.wake()


def _client() -> httpx.AsyncClient:
    # trust_env: a proxy of this computer has no business between the simulator and a relay on loopback.
    return httpx.AsyncClient(timeout=httpx.Timeout(TIMEOUT_SECONDS, pool=None), trust_env=False)
