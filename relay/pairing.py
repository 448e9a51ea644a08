"""Pairing a till with its shop: a one-time code for a token (`POST /v1/pair`).

It must not know events. Wrong codes are counted per invitation and per network.
"""

import logging
import time
from collections import OrderedDict

import msgspec

from relay.addresses import network_of
from relay.http import (
    BodyReader,
    BodyRefusedError,
    CallerGoneError,
    Receive,
    Scope,
    Send,
    answer,
    answer_json,
    client_ip,
    prepared,
)
from relay.log import EventLog
from relay.protocol import (
    ERROR_TOO_MANY_CODES,
    ERROR_WRONG_CODE,
    PairResponse,
    decode_pair_request,
    encode,
    error_body,
)
from relay.settings import Settings
from relay.stores import directory
from relay.stores.directory import Device

WRONG_PER_MINUTE = 20
_NETWORKS = 10_000
_MAX_NAME = 80

_WRONG = prepared(403, error_body(ERROR_WRONG_CODE), api=True)
_MALFORMED = prepared(400, b'{"error":"not a pairing request"}', api=True)
_TOO_OFTEN = prepared(429, error_body(ERROR_TOO_MANY_CODES), api=True)

logger = logging.getLogger("relay.pairing")


class Pairing:
    def __init__(self, log: EventLog, settings: Settings, bodies: BodyReader) -> None:
        self._log = log
        self._bodies = bodies
        self._settings = settings
        self._wrong = _WrongCodes()
        self.public_url = settings.public_url
        """Where callbacks reach this relay; the address it took, where nobody said one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        network = network_of(client_ip(scope, self._settings.trusted_proxies))
        try:
            request = decode_pair_request(await self._bodies.read(receive))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, BodyRefusedError):
            return await answer(send, _MALFORMED)
        except CallerGoneError:
            return None
        if not self._wrong.begin(network):
            return await answer(send, _TOO_OFTEN)
        device = Device(request.device, _printable(request.name).strip()[:_MAX_NAME], request.till_code)
        code = _printable(request.code)
        paired = await self._log.run(
            lambda connection: directory.pair(connection, code, device, int(time.time() * 1000))
        )
        if paired is None:
            logger.warning("a wrong pairing code")
            return await answer(send, _WRONG)
        self._wrong.take_back(network)
        logger.info("%s paired with %s", paired.till_id, paired.shop.stream)
        return await answer_json(send, 200, encode(self._response(paired)))

    def _response(self, paired: directory.Paired) -> PairResponse:
        shop = paired.shop
        return PairResponse(
            till_id=paired.till_id,
            till_code=paired.till_code,
            token=paired.token,
            shop=shop.name,
            stream=shop.stream,
            callback_base=f"{self.public_url}/h/{shop.callback_key}",
            nonce_key=shop.nonce_key,
        )


def _printable(text: str) -> str:
    """Without what no database need keep and no terminal should be sent."""
    return "".join(filter(str.isprintable, text))


class _WrongCodes:
    """How many wrong codes each network sent in its present minute; forgets the oldest network when there are many.

    A code is wrong until it proves right, or all that are tried at once would be tried.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def begin(self, network: str) -> bool:
        """Counts one code; false where it may not be tried."""
        minute, wrong = self._counts.get(network, (0, 0))
        wrong = wrong if minute == _minute() else 0
        if wrong >= WRONG_PER_MINUTE:
            return False
        self._counts[network] = (_minute(), wrong + 1)
        self._counts.move_to_end(network)
        if len(self._counts) > _NETWORKS:
            self._counts.popitem(last=False)
        return True

    def take_back(self, network: str) -> None:
        """The code was right."""
        minute, wrong = self._counts.get(network, (0, 0))
        if wrong > 1:
            self._counts[network] = (minute, wrong - 1)
        else:
            self._counts.pop(network, None)


def _minute() -> int:
    return int(time.monotonic() // 60)
