"""Every example payload of the contract (§11) of payments that customers send by themselves, verbatim."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.pull import PullRow
from pos_app.daraja.registration import MsisdnStyle, Registered
from pos_app.daraja.validation import c2b_validation
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import ShopAccount

pytestmark = pytest.mark.anyio

Example = Callable[[str], Any]
Client = Callable[..., DarajaClient]
REGISTER_V2, PULL_REGISTER = "/mpesa/c2b/v2/registerurl", "/pulltransactions/v1/register"
PULL, QR = "/pulltransactions/v1/query", "/mpesa/qrcode/v1/generate"
E32_URLS: dict[str, Any] = {
    "confirmation_url": "https://pay.example.co.ke/c2b/confirm/4be1",
    "validation_url": "https://pay.example.co.ke/c2b/validate/4be1",
}
# The whole of 2026-10-14 in Kenya.
E81_WINDOW = datetime(2026, 10, 13, 21, 0, tzinfo=UTC), datetime(2026, 10, 14, 20, 59, 59, tzinfo=UTC)


async def test_e32_the_addresses_are_registered_as_the_example(
    example: Example, daraja: Any, make_client: Client
) -> None:
    daraja.on(REGISTER_V2, httpx.Response(200, json=example("E33")))
    await make_client().register_urls(**E32_URLS)
    assert daraja.bodies(REGISTER_V2) == [example("E32")]


@pytest.mark.parametrize(
    ("name", "status", "state", "code"),
    [
        pytest.param("E33", 200, Registered.REGISTERED, "0", id="e33_ok"),
        pytest.param("E34", 200, Registered.REGISTERED, "", id="e34_ok_without_response_code"),
        pytest.param("E35", 500, Registered.ALREADY_REGISTERED, "500.003.1001", id="e35_registered_twice"),
        pytest.param("E36", 500, Registered.ELSEWHERE, "500.003.1001", id="e36_clash"),
    ],
)
async def test_e33_to_e36_a_registration_is_read_for_what_it_is(
    example: Example, daraja: Any, make_client: Client, *, name: str, status: int, state: Registered, code: str
) -> None:
    daraja.on(REGISTER_V2, httpx.Response(status, json=example(name)))
    registration = await make_client(base_url="https://api.safaricom.co.ke").register_urls(**E32_URLS)
    assert (registration.state, registration.code) == (state, code)


def test_e37_a_validation_asks_about_money_that_has_not_moved(example: Example) -> None:
    intended = c2b_validation(example("E37"))
    assert intended is not None
    assert (intended.receipt, intended.amount, intended.short_code) == ("UJE2A9C4KF", Money.shillings(500), "600966")
    assert (intended.transaction_type, intended.bill_reference) == ("Pay Bill", "HSE 12B")
    assert (intended.payer_name, intended.payer_phone) == ("JOHN", "07•• ••• 678")


async def test_e79_e63_a_qr_code_of_a_till_is_asked_for_and_shown(
    example: Example, daraja: Any, make_client: Client, *, till: ShopAccount, qr_reply: Any, picture: bytes
) -> None:
    daraja.on(QR, httpx.Response(200, json=qr_reply))
    told = await make_client(account=till).dynamic_qr(
        merchant_name="Example Shop", reference="Sale 1042", amount=Money.shillings(150)
    )
    assert told == picture
    assert daraja.bodies(QR) == [example("E79")]


async def test_e80_e64_pull_is_registered_and_production_spells_its_status_with_a_space(
    example: Example, daraja: Any, make_client: Client
) -> None:
    daraja.on(PULL_REGISTER, httpx.Response(200, json=example("E64")))
    registration = await make_client().pull_register(
        nominated=Msisdn.parse("0712000111"), callback_url="https://pay.example.co.ke/pull/1"
    )
    assert (registration.state, registration.code) == (Registered.ALREADY_REGISTERED, "1001")
    assert daraja.bodies(PULL_REGISTER) == [example("E80")]


async def test_e81_e65_pull_rows_come_in_an_array_within_an_array(
    example: Example, daraja: Any, make_client: Client
) -> None:
    daraja.on(PULL, httpx.Response(200, json=example("E65")))
    pulled = await make_client().pull(*E81_WINDOW)
    assert daraja.bodies(PULL) == [example("E81")]
    assert pulled.is_complete
    assert pulled.rows == (
        PullRow(
            receipt="UJE2A9C4KF",
            amount=Money.shillings(500),
            paid_at=datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC),  # as in E41, which is the same payment
            bill_reference="HSE 12B",
            payer_phone="07•• ••• 678",
            sender_name="",
            transaction_type="c2b-pay-bill-debit",
            raw=example("E65")["Response"][0][0],
        ),
    )


async def test_e66_an_empty_pull_has_no_rows_and_no_gap(example: Example, daraja: Any, make_client: Client) -> None:
    daraja.on(PULL, httpx.Response(200, json=example("E66")))
    pulled = await make_client().pull(*E81_WINDOW)
    assert (pulled.rows, pulled.unreadable, pulled.is_complete) == ((), (), True)


async def test_version_1_differs_in_its_path_alone(example: Example, daraja: Any, make_client: Client) -> None:
    path = "/mpesa/c2b/v1/registerurl"
    daraja.on(path, httpx.Response(200, json=example("E33")))
    await make_client().register_urls(**E32_URLS, style=MsisdnStyle.HASHED)
    assert daraja.bodies(path) == [example("E32")]
