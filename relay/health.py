"""What an operator's machines ask: is it alive, is it ready, how is it doing.

It must not know how that is found out. Figures are shown to the listed addresses alone: a shop's trade is in them.
"""

from collections.abc import Callable

from relay.http import Answer, Scope, Send, answer, header, peer_ip, prepared
from relay.metrics import CONTENT_TYPE, Metrics
from relay.settings import Settings

_LIVE = prepared(200, b'{"alive":true}', api=True)
_READY = prepared(200, b'{"ready":true}', api=True)
_NOT_READY = prepared(503, b'{"ready":false}', api=True)
_NOT_FOUND = prepared(404, b'{"error":"not found"}', api=True)
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")


class Health:
    def __init__(self, metrics: Metrics, settings: Settings, is_ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._may_look = settings.metrics_from
        self._is_ready = is_ready
        metrics.at_scrape(lambda: metrics.ready.set(is_ready()))
        self._answers: dict[str, Callable[[Scope], Answer]] = {
            "/livez": lambda _scope: _LIVE,
            "/readyz": lambda _scope: _READY if self._is_ready() else _NOT_READY,
            "/metrics": self._figures,
        }

    def __contains__(self, path: str) -> bool:
        return path in self._answers

    async def __call__(self, scope: Scope, send: Send) -> None:
        await answer(send, self._answers[scope["path"]](scope))

    def _figures(self, scope: Scope) -> Answer:
        """To everybody else as if there were none."""
        if not self._may(scope):
            return _NOT_FOUND
        return prepared(200, self._metrics.told(), api=True, kind=CONTENT_TYPE)

    def _may(self, scope: Scope) -> bool:
        """A proxy on this machine asks from a loopback address for anybody: what was forwarded is not answered."""
        peer = peer_ip(scope)
        if not peer or any(header(scope, name) for name in _FORWARDED):
            return False
        return peer in self._may_look
