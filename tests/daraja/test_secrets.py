"""A canary: no token, key, passkey, password, phone, CheckoutRequestID or body reaches a log, a repr or a text."""

import base64
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja.access_check import AccessCheck
from pos_app.daraja.client import DarajaClient
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import Credentials

pytestmark = pytest.mark.anyio

TOKEN = "k3JfQ0ZrVw8uYb2mT7sXeL1pHd9c"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
PHONE = "712345678"
CHECKOUT_REQUEST_ID = "ws_CO_14102026153012345712345678"
NONCE = "9f2c7d1e8a3b4c5d6e7f8091a2b3c4d5"
SECRETS = (
    TOKEN,
    "the-consumer-key-1",
    "the-consumer-secret-1",
    base64.b64encode(b"the-consumer-key-1:the-consumer-secret-1").decode(),
    PASSKEY,
    base64.b64encode(f"600966{PASSKEY}20261014153012".encode()).decode(),
    PHONE,
    CHECKOUT_REQUEST_ID,
    NONCE,
)


def _leaky(status: int) -> Any:
    """An error that echoes everything it was sent."""
    message = f"Invalid Access Token - {' '.join(SECRETS)} {PHONE}"
    return httpx.Response(
        status, json={"requestId": f"1-254{PHONE}\n{TOKEN}", "errorCode": "x", "errorMessage": message}
    )


async def test_nothing_secret_reaches_a_log_a_repr_or_a_text(
    daraja: Any,
    make_client: Callable[..., DarajaClient],
    credentials: Credentials,
    *,
    charge: dict[str, Any],
    example: Callable[[str], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    charge["callback_url"] = f"https://pay.example.co.ke/h/0123456789abcdef0123456789abcdef/stk/{NONCE}"
    client = make_client()
    daraja.push(
        *(httpx.Response(401, json=example("E9")) for _ in range(2)),
        httpx.Response(200, json=example("E6")),
        httpx.ReadError(f"reset {TOKEN}"),
        _leaky(500),
    )
    daraja.query(
        httpx.Response(500, json=example("E31")), _leaky(500), _leaky(500), httpx.Response(200, json=example("E26"))
    )
    daraja.token(httpx.Response(200, json=example("E1")), httpx.Response(200, json=example("E2")))
    pushes = [await client.stk_push(**charge) for _ in range(4)]
    checks = [await client.check_passkey(), await client.check_passkey(), await client.check_access()]
    queried = await client.stk_query(CHECKOUT_REQUEST_ID)
    assert len(caplog.records) > 10

    said = [record.getMessage() for record in caplog.records if record.name.startswith("pos_app")]
    said += [record.getMessage() for record in caplog.records if record.name.startswith("httpx")]
    said += [repr(value) for value in (client, credentials, str(credentials), *checks)]
    said += [evidence.text for evidence in (*pushes, queried)] + [check.sentence for check in checks]
    for secret in SECRETS:
        assert not [line for line in said if secret in line], secret


async def test_a_token_refused_by_the_endpoint_is_not_quoted(
    daraja: Any, make_client: Callable[..., DarajaClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    authorization = base64.b64encode(b"the-consumer-key-1:the-consumer-secret-1").decode()
    body = {"errorCode": "400.008.01", "errorMessage": f"Invalid Authentication passed {authorization}"}
    daraja.token(httpx.Response(400, json=body))
    check = await make_client().check_access()
    assert isinstance(check, AccessCheck)
    assert authorization not in repr(check) + caplog.text


async def test_the_log_names_endpoint_status_code_and_request(
    daraja: Any,
    make_client: Callable[..., DarajaClient],
    charge: dict[str, Any],
    example: Callable[[str], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="pos_app")
    daraja.push(httpx.Response(500, json=example("E10")), httpx.ReadTimeout("slow"))
    client = make_client()
    await client.stk_push(**charge)
    await client.stk_push(**charge)
    assert "stk push: HTTP 500, error 500.001.1001, request 21907-5512884-1" in caplog.messages
    assert "stk push: ReadTimeout, may have left" in caplog.messages


async def test_a_registration_a_pull_and_a_qr_code_keep_the_secrets_too(
    daraja: Any, make_client: Callable[..., DarajaClient], credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "0123456789abcdef0123456789abcdef"
    client, base = make_client(), f"https://pay.example.co.ke/h/{key}"
    row = {"transactionId": "UJE2A9C4KF", "amount": "5.00", "msisdn": f"254{PHONE}", "billreference": "A-142"}
    rows = {"ResponseCode": "1000", "Response": [[row, {"msisdn": f"254{PHONE}"}]]}
    daraja.on("/mpesa/c2b/v2/registerurl", _leaky(400))
    daraja.on("/pulltransactions/v1/register", _leaky(500))
    daraja.on("/pulltransactions/v1/query", httpx.Response(200, json=rows), _leaky(500))
    daraja.on("/mpesa/qrcode/v1/generate", _leaky(500))
    window = datetime(2026, 10, 14, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)
    told = [
        await client.register_urls(confirmation_url=f"{base}/c2b/confirm", validation_url=f"{base}/c2b/validate"),
        await client.register_urls(confirmation_url=f"{base}/mpesa", validation_url=base),
        await client.pull_register(nominated=Msisdn.parse(PHONE), callback_url=base),
        await client.pull(*window),
        await client.pull(*window),
        await client.dynamic_qr(merchant_name="Shop", reference="A-142", amount=Money.shillings(5)),
    ]
    said = [record.getMessage() for record in caplog.records if record.name.startswith(("pos_app", "httpx"))]
    for secret in (*SECRETS, key):
        assert not [line for line in (*said, *map(repr, told)) if secret in line], secret
