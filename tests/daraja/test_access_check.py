"""What the settings page's test buttons say: exactly what is wrong, and what to do."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.domain.shop import ShopAccount

pytestmark = pytest.mark.anyio

NO_PRODUCT = {"errorCode": "401.002.01", "errorMessage": "… Invalid API call as no apiproduct match found"}


def _error(status: int, code: object, message: str) -> Any:
    return httpx.Response(status, json={"errorCode": code, "errorMessage": message})


@pytest.mark.parametrize("name", ["E31", "E11", "E29", "E30"])
async def test_access_is_good_whatever_daraja_says_of_the_invented_charge(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any], name: str
) -> None:
    daraja.query(httpx.Response(500 if name != "E30" else 200, json=example(name)))
    check = await make_client().check_access()
    assert (check.ok, check.sentence, check.code) == (True, "The consumer key and secret are right.", "")
    assert daraja.pushes == []


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("api.safaricom.co.ke", "the ones from Go Live, not the sandbox’s"),
        ("sandbox.safaricom.co.ke", "the sandbox app’s, not the ones from Go Live"),
        ("daraja.example", "does not accept the consumer key and secret."),
    ],
)
async def test_a_wrong_key_is_named_with_the_hosts_likely_mistake(
    daraja: Any, make_client: Callable[..., DarajaClient], host: str, hint: str
) -> None:
    daraja.token(httpx.Response(400, content=b""))
    check = await make_client(base_url=f"https://{host}").check_access()
    assert (check.ok, check.code) == (False, "HTTP 400")
    assert hint in check.sentence


def _bad_certificate() -> Any:
    return httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError("All connection attempts failed"), "cannot be reached. Check the internet connection"),
        (httpx.ReadTimeout("slow"), "was reached but did not answer"),
        (_bad_certificate(), "its certificate was not accepted. Check this computer’s date"),
    ],
)
async def test_a_broken_connection_says_which_way(
    daraja: Any, make_client: Callable[..., DarajaClient], error: Any, words: str
) -> None:
    daraja.token(error, error)
    daraja.query(error)
    client = make_client()
    for check in (await client.check_access(), await client.check_passkey()):
        assert not check.ok
        assert check.code in {NO_ANSWER, NO_CONNECTION}
        assert words in check.sentence
    assert words in (await client.check_access()).sentence


@pytest.mark.parametrize("where", ["token", "query"])
async def test_the_firewall_is_named(daraja: Any, make_client: Callable[..., DarajaClient], where: str) -> None:
    getattr(daraja, where)(httpx.Response(503, text="Request unsuccessful. Incapsula incident ID: 1"))
    check = await make_client().check_access()
    assert (check.ok, check.code) == (False, "WAF")
    assert "firewall" in check.sentence


@pytest.mark.parametrize("answers", [1, 2])
async def test_a_missing_product_is_named(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any], answers: Any
) -> None:
    if answers == 1:
        daraja.query(httpx.Response(401, json=NO_PRODUCT))
    else:
        daraja.query(*(httpx.Response(404, json=example("E8")) for _ in range(2)))
    check = await make_client().check_access()
    assert not check.ok
    assert "does not have the product “M-Pesa Express”" in check.sentence


@pytest.mark.parametrize(
    ("answer", "words", "code"),
    [
        (httpx.Response(200, text="<html>Welcome</html>"), "does not answer like M-Pesa", "HTTP 200"),
        (httpx.Response(404, text="nothing here"), "does not answer like M-Pesa", "HTTP 404"),
        (_error(404, "404.001.01", "Resource not found"), "does not answer like M-Pesa", "404.001.01"),
        (httpx.Response(502, text="Bad Gateway"), "busy or down", "HTTP 502"),
        (_error(500, "500.003.02", "Spike Arrest"), "busy or down", "500.003.02"),
    ],
)
async def test_a_server_that_is_not_daraja_or_is_down_is_told_apart(
    daraja: Any, make_client: Callable[..., DarajaClient], answer: Any, words: str, code: object
) -> None:
    daraja.query(answer)
    check = await make_client().check_access()
    assert (check.ok, check.code) == (False, code)
    assert words in check.sentence


async def test_a_token_endpoint_that_is_down_blames_nobodys_key(
    daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    daraja.token(httpx.Response(500, text="Service is currently unreachable"))
    check = await make_client().check_access()
    assert (check.ok, check.code) == (False, "HTTP 500")
    assert "gave no access token" in check.sentence


async def test_each_check_asks_for_a_new_token(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any]
) -> None:
    daraja.query(*(httpx.Response(500, json=example("E31")) for _ in range(2)))
    client = make_client()
    await client.warm_up()
    assert (await client.check_access()).ok
    assert (await client.check_passkey()).ok
    assert len(daraja.tokens) == 3


async def test_a_passkey_is_right_when_only_the_charge_is_unknown(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any]
) -> None:
    daraja.query(httpx.Response(500, json=example("E31")))
    check = await make_client().check_passkey()
    assert (check.ok, check.sentence) == (True, "The passkey belongs to 600966.")


async def test_a_wrong_passkey_is_named_with_the_number_it_should_fit(
    daraja: Any, make_client: Callable[..., DarajaClient], example: Callable[[str], Any], till: ShopAccount
) -> None:
    daraja.query(*(httpx.Response(500, json=example("E11")) for _ in range(2)))
    check = await make_client().check_passkey()
    assert (check.ok, check.code) == (False, "500.001.1001")
    assert "does not belong to the PayBill 600966" in check.sentence
    check = await make_client(account=till).check_passkey()
    assert "the store number 7654321 (not the till number)" in check.sentence


async def test_an_unknown_short_code_is_named(daraja: Any, make_client: Callable[..., DarajaClient]) -> None:
    daraja.query(_error(500, "500.001.1001", "Merchant does not exist"))
    check = await make_client().check_passkey()
    assert (check.ok, check.sentence) == (False, "M-Pesa does not know the PayBill 600966. Check it.")


@pytest.mark.parametrize(
    ("answer", "told", "code"),
    [
        (
            _error(500, "500.002.1001", "System internal error."),
            "“System internal error.” (500.002.1001)",
            "500.002.1001",
        ),
        (_error(200, "500.001.1001", ""), "M-Pesa said: 500.001.1001.", "500.001.1001"),
        (
            httpx.Response(200, json={"ResponseCode": "0", "ResultCode": "4999", "ResultDesc": "still processing"}),
            "“still processing” (4999)",
            "4999",
        ),
        (httpx.Response(200, json={"ResponseCode": "26"}), "M-Pesa said: 26.", "26"),
    ],
)
async def test_any_other_answer_is_told_as_it_is(
    daraja: Any, make_client: Callable[..., DarajaClient], answer: Any, told: str, code: object
) -> None:
    daraja.query(answer)
    check = await make_client().check_passkey()
    assert (check.ok, check.code) == (False, code)
    assert told in check.sentence


async def test_a_passkey_check_without_a_token_says_what_is_wrong_with_the_token(
    daraja: Any, make_client: Callable[..., DarajaClient]
) -> None:
    daraja.token(httpx.Response(400, content=b""))
    check = await make_client().check_passkey()
    assert "consumer key and secret" in check.sentence


async def test_a_real_certificate_failure_is_recognised(
    serve: Callable[..., Any], make_client: Callable[..., DarajaClient], tmp_path: Path
) -> None:
    certificate = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    import asyncio

    async def hang_up(_reader: Any, writer: Any) -> Any:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        transport = httpx.AsyncHTTPTransport(trust_env=False)
        check = await make_client(f"https://127.0.0.1:{port}", transport=transport).check_access()
    assert "certificate was not accepted" in check.sentence


def _self_signed(folder: Any) -> Any:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "daraja.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate)
    return path
