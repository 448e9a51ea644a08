"""Connections that really break, over real sockets: what httpx raises decides whether a push may have been sent."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.domain.evidence import Fact
from pos_app.domain.reason import Reason

pytestmark = pytest.mark.anyio

TOKEN = b'{"access_token":"k3JfQ0ZrVw8uYb2mT7sXeL1pHd9c","expires_in":"3599"}'
ACCEPTED = b'{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","MerchantRequestID":"m-1"}'


def _http(body: Any, *, extra: Any = b"") -> Any:
    return b"HTTP/1.1 200 OK\r\n" + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _real() -> Any:
    return httpx.AsyncHTTPTransport(retries=0, trust_env=False)


async def _push(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any], on_push: Any
) -> Any:
    """The fact a push ends in when the server treats it so, and how many pushes reached the server."""
    pushes = []

    async def handler(request: Any, reader: Any, writer: Any) -> Any:
        if request.startswith(b"GET"):
            writer.write(_http(TOKEN))
            return
        pushes.append(request)
        await on_push(reader, writer)

    client = make_client(await serve(handler), transport=_real(), connect_timeout=5, read_timeout=0.3)
    evidence = await client.stk_push(**charge)
    return evidence, len(pushes)


async def test_an_accepted_push_over_a_real_connection(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def answer(_reader: Any, writer: Any) -> Any:
        writer.write(_http(ACCEPTED))

    evidence, pushes = await _push(serve, make_client, charge, answer)
    assert (evidence.fact, pushes) == (Fact.ACCEPTED, 1)


async def test_a_server_that_hangs_up_without_a_word_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def hang_up(_reader: Any, writer: Any) -> Any:
        writer.close()

    evidence, pushes = await _push(serve, make_client, charge, hang_up)
    assert (evidence.fact, evidence.code, pushes) == (Fact.REPLY_LOST, NO_ANSWER, 1)


async def test_a_reset_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def reset(_reader: Any, writer: Any) -> Any:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    evidence, pushes = await _push(serve, make_client, charge, reset)
    assert (evidence.fact, pushes) == (Fact.REPLY_LOST, 1)


async def test_silence_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def say_nothing(reader: Any, _writer: Any) -> Any:
        await reader.read()

    evidence, pushes = await _push(serve, make_client, charge, say_nothing)
    assert (evidence.fact, evidence.code, pushes) == (Fact.REPLY_LOST, NO_ANSWER, 1)


async def test_half_an_answer_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def half(_reader: Any, writer: Any) -> Any:
        writer.write(_http(ACCEPTED)[:-10])
        writer.close()

    evidence, pushes = await _push(serve, make_client, charge, half)
    assert (evidence.fact, pushes) == (Fact.REPLY_LOST, 1)


async def test_noise_instead_of_http_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def noise(_reader: Any, writer: Any) -> Any:
        writer.write(b"\x15\x03\x01 not http at all\r\n\r\n")
        writer.close()

    evidence, pushes = await _push(serve, make_client, charge, noise)
    assert (evidence.fact, pushes) == (Fact.REPLY_LOST, 1)


async def test_an_endless_answer_is_cut_off(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def endless(_reader: Any, writer: Any) -> Any:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    evidence, pushes = await _push(serve, make_client, charge, endless)
    assert (evidence.fact, evidence.code, pushes) == (Fact.REPLY_LOST, "HTTP 200", 1)


async def test_an_answer_that_drips_in_is_given_up(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    pushes = []

    async def handler(request: Any, _reader: Any, writer: Any) -> Any:
        if request.startswith(b"GET"):
            writer.write(_http(TOKEN))
            return
        pushes.append(request)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.02)

    client = make_client(await serve(handler), transport=_real(), connect_timeout=0.1, read_timeout=0.1)
    evidence = await client.stk_push(**charge)
    assert (evidence.fact, evidence.code, len(pushes)) == (Fact.REPLY_LOST, NO_ANSWER, 1)


async def test_a_compressed_answer_is_read(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    import gzip

    async def zipped(_reader: Any, writer: Any) -> Any:
        writer.write(_http(gzip.compress(ACCEPTED), extra=b"Content-Encoding: gzip\r\n"))

    evidence, _ = await _push(serve, make_client, charge, zipped)
    assert evidence.fact is Fact.ACCEPTED


async def test_a_broken_compression_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def zipped(_reader: Any, writer: Any) -> Any:
        writer.write(_http(b"not gzip", extra=b"Content-Encoding: gzip\r\n"))

    evidence, pushes = await _push(serve, make_client, charge, zipped)
    assert (evidence.fact, evidence.code, pushes) == (Fact.REPLY_LOST, NO_ANSWER, 1)


async def test_a_kept_connection_that_dies_under_a_push_leaves_the_outcome_unknown(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    """The token's connection is reused; the server reads the push and closes: it may have acted on it."""

    async def die(_reader: Any, writer: Any) -> Any:
        writer.transport.abort()

    evidence, pushes = await _push(serve, make_client, charge, die)
    assert (evidence.fact, pushes) == (Fact.REPLY_LOST, 1)


async def test_a_closed_port_means_not_sent(make_client: Callable[..., DarajaClient], charge: dict[str, Any]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = make_client(f"http://127.0.0.1:{port}", transport=_real())
    evidence = await client.stk_push(**charge)
    assert (evidence.fact, evidence.reason, evidence.code) == (Fact.NOT_SENT, Reason.NOT_SENT, NO_CONNECTION)


async def test_a_port_that_closes_between_token_and_push_means_not_sent(
    make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def once(reader: Any, writer: Any) -> Any:
        await reader.readuntil(b"\r\n\r\n")
        server.close()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(TOKEN), TOKEN))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    client = make_client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", transport=_real())
    evidence = await client.stk_push(**charge)
    assert (evidence.fact, evidence.code) == (Fact.NOT_SENT, NO_CONNECTION)


async def test_a_name_that_does_not_exist_means_not_sent(
    make_client: Callable[..., DarajaClient], charge: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    client = make_client("https://nowhere.invalid", transport=_real())
    evidence = await client.stk_push(**charge)
    assert (evidence.fact, evidence.code) == (Fact.NOT_SENT, NO_CONNECTION)


async def test_a_failed_tls_handshake_means_not_sent(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], charge: dict[str, Any]
) -> None:
    async def never(_request: Any, _reader: Any, _writer: Any) -> Any:
        raise AssertionError("a plain request arrived")

    plain = await serve(never)
    client = make_client(plain.replace("http://", "https://"), transport=_real(), connect_timeout=0.3)
    evidence = await client.stk_push(**charge)
    assert (evidence.fact, evidence.reason) == (Fact.NOT_SENT, Reason.NOT_SENT)
