"""A QR code is a picture that was checked, or a sentence."""

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.obstacles import Effect, Obstacle
from pos_app.domain.money import AmountError, Money

pytestmark = pytest.mark.anyio

Client = Callable[..., DarajaClient]
QR = "/mpesa/qrcode/v1/generate"
A_SALE = Money.shillings(150)


async def _asked(client: DarajaClient, amount: Money = A_SALE) -> bytes | Obstacle:
    return await client.dynamic_qr(merchant_name="Example Shop", reference="A-142", amount=amount, size=240)


async def test_a_paybill_names_itself_and_the_reference(daraja: Any, make_client: Client, qr_reply: Any) -> None:
    daraja.on(QR, httpx.Response(200, json=qr_reply))
    await _asked(make_client())
    (sent,) = daraja.bodies(QR)
    assert (sent["TrxCode"], sent["CPI"], sent["RefNo"], sent["Size"]) == ("PB", "600966", "A-142", "240")


async def test_cents_cannot_be_asked_for(daraja: Any, make_client: Client) -> None:
    with pytest.raises(AmountError):
        await _asked(make_client(), Money(150_50))
    assert daraja.requests == []


@pytest.mark.parametrize("code", ["00", "AG_20261014_010010480kdmzrtqwx17"])
async def test_a_generated_code_is_shown(
    daraja: Any, make_client: Client, *, code: str, qr_reply: Any, picture: bytes
) -> None:
    daraja.on(QR, httpx.Response(200, json={**qr_reply, "ResponseCode": code}))
    assert await _asked(make_client()) == picture


@pytest.mark.parametrize(
    ("changes", "effect", "code"),
    [
        ({"ResponseCode": "0"}, Effect.REFUSED, "0"),
        ({"ResponseCode": "07", "ResponseDescription": "No"}, Effect.REFUSED, "07"),
        ({"ResponseCode": None}, Effect.UNCLEAR, "HTTP 200"),
        ({"errorCode": "400.002.02", "errorMessage": "Invalid Size"}, Effect.REFUSED, "400.002.02"),
    ],
)
async def test_anything_else_is_a_sentence(
    daraja: Any, make_client: Client, *, changes: dict[str, object], effect: Effect, code: str, qr_reply: Any
) -> None:
    daraja.on(QR, httpx.Response(200, json={**qr_reply, **changes}))
    told = await _asked(make_client())
    assert isinstance(told, Obstacle)
    assert (told.effect, told.code) == (effect, code)


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: None, id="absent"),
        pytest.param(lambda _: 7, id="number"),
        pytest.param(lambda _: "iVBORw0KGgoAAAANSUhEUg...", id="the_contracts_own_shortened_one"),
        pytest.param(lambda _: "é", id="not_ascii"),
        pytest.param(lambda _: _encoded(b"<svg/>"), id="another_kind"),
        pytest.param(lambda picture: _encoded(picture[:20]), id="cut_off"),
        pytest.param(lambda picture: _encoded(picture + b"x" * 256 * 1024), id="too_long"),
        pytest.param(lambda picture: _encoded(picture[:16] + b"\0\0\xff\xff" * 2 + picture[24:]), id="too_wide"),
        pytest.param(lambda picture: _encoded(picture[:16] + b"\0" * 8 + picture[24:]), id="nothing_wide"),
    ],
)
async def test_what_is_no_small_png_is_never_shown(
    daraja: Any, make_client: Client, *, spoil: Callable[[bytes], object], qr_reply: Any, picture: bytes
) -> None:
    daraja.on(QR, httpx.Response(200, json={**qr_reply, "QRCode": spoil(picture)}))
    told = await _asked(make_client())
    assert isinstance(told, Obstacle)
    assert "no QR code that can be shown" in told.sentence


async def test_no_network_is_a_sentence(daraja: Any, make_client: Client) -> None:
    daraja.on(QR, httpx.ConnectError("no route"))
    told = await _asked(make_client())
    assert isinstance(told, Obstacle)
    assert told.effect is Effect.NOT_REACHED
