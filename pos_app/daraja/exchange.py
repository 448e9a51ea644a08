"""Sends one HTTP request and says what came back, or whether the request may have left; sends nothing twice.

It must not know what an endpoint is for, nor what its answer means.
"""

import asyncio
import json
import logging
import re
from dataclasses import dataclass

import httpx

from pos_app.daraja.errors import AddressError
from pos_app.daraja.redaction import code_for_log, for_log
from pos_app.daraja.wire import Endpoint, error_envelope
from pos_app.domain.callback_address import is_this_computer

_SECRET_MIN = 16  # Shorter ones are nobody's, and would cut holes into ids.
_FIREWALL_WORDS = (b"incapsula", b"imperva")

# Raised before the first byte of the request. A kept-alive connection found dead raises ReadError or
# RemoteProtocolError instead, after the request was written: Daraja may have it.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
NO_ANSWER, NO_CONNECTION = "NO-ANSWER", "NO-CONNECTION"
_HOST = re.compile(rb"[A-Za-z0-9.:-]+")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is None unless it was JSON that is not too long; `is_firewall` marks a page of the WAF before Daraja."""

    status: int
    body: object
    is_firewall: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """No answer. `may_have_left` is False only when certainly no byte of the request did.

    `cause` is for the person who reads it out to support.
    """

    may_have_left: bool
    cause: str
    is_certificate: bool = False


class Exchange:
    """`connect_timeout` and `read_timeout` in seconds; `secrets` are cut out of every answer."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._secrets = secrets
        self._http = http
        self._base = checked_base_url(base_url)
        self._timeout = httpx.Timeout(read_timeout, connect=connect_timeout, pool=connect_timeout)
        # httpx times each read; this ends an answer that drips in for ever. Longer than all phases before sending.
        self._deadline = 3 * connect_timeout + 2 * read_timeout

    def hide(self, secret: str) -> None:
        """One more that is cut out of every answer."""
        if secret not in self._secrets:
            self._secrets = (*self._secrets, secret)

    @property
    def host(self) -> str:
        return httpx.URL(self._base).host

    async def send(
        self, endpoint: Endpoint, authorization: str, fields: dict[str, object] | None = None
    ) -> Reply | Broken:
        """One request, never repeated. Cancelled, it may or may not have left."""
        try:
            async with asyncio.timeout(self._deadline):
                status, raw = await self._receive(endpoint, authorization, fields)
        except _NEVER_LEFT as error:
            return self._broken(endpoint, error, may_have_left=False)
        except (httpx.HTTPError, OSError) as error:
            return self._broken(endpoint, error, may_have_left=True)
        reply = _read(status, raw, (authorization.partition(" ")[2], *self._secrets))
        envelope = error_envelope(reply.body)
        code, request_id = (envelope.code, envelope.request_id) if envelope else ("", "")
        _log.info("%s: HTTP %d, error %s, request %s", endpoint.name, status, code_for_log(code), for_log(request_id))
        return reply

    async def _receive(
        self, endpoint: Endpoint, authorization: str, fields: dict[str, object] | None
    ) -> tuple[int, bytes]:
        streaming = self._http.stream(
            endpoint.method,
            self._base + endpoint.path,
            headers={"Authorization": authorization, "Accept": "application/json", "Accept-Encoding": "identity"},
            json=fields,
            timeout=self._timeout,
            follow_redirects=False,
            auth=None,
        )
        raw = bytearray()
        async with streaming as response:
            async for chunk in response.aiter_bytes():
                raw += chunk
                if len(raw) > endpoint.reply_max:
                    return response.status_code, b""
        return response.status_code, bytes(raw)

    def _broken(self, endpoint: Endpoint, error: Exception, *, may_have_left: bool) -> Broken:
        left = "may have left" if may_have_left else "did not leave"
        _log.warning("%s: %s, %s", endpoint.name, type(error).__name__, left)
        cause = NO_ANSWER if may_have_left else NO_CONNECTION
        return Broken(may_have_left, cause, is_certificate="CERTIFICATE_VERIFY_FAILED" in str(error))


def _read(status: int, raw: bytes, secrets: tuple[str, ...]) -> Reply:
    """Without our secrets: an error may echo what was sent (contract §1, 401.002.01)."""
    for secret in secrets:
        if len(secret) >= _SECRET_MIN:
            raw = raw.replace(secret.encode(), "•••".encode())
    try:
        return Reply(status, json.loads(raw))
    except (ValueError, RecursionError):
        lowered = raw.lower()
        is_firewall = status in {403, 503} and any(word in lowered for word in _FIREWALL_WORDS)
        return Reply(status, None, is_firewall)


def checked_base_url(base_url: str) -> str:
    """The address without its last slash. Raises AddressError; only this computer may be spoken to without TLS."""
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as error:
        raise AddressError("That is not an address of M-Pesa's service.") from error
    if not _HOST.fullmatch(url.raw_host) or url.scheme not in {"https", "http"} or url.query or url.fragment:
        raise AddressError("The address of M-Pesa's service looks like https://api.safaricom.co.ke.")
    if url.scheme == "http" and not is_this_computer(url.host):
        raise AddressError("The address of M-Pesa's service must begin with https://.")
    return str(url).rstrip("/")
