"""What a registration's answer means, and that production is never asked with an address it would refuse."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.registration import DefaultAction, Registered, Registration
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.shop import ShopAccount

pytestmark = pytest.mark.anyio

Client = Callable[..., DarajaClient]
REGISTER, PULL_REGISTER = "/mpesa/c2b/v2/registerurl", "/pulltransactions/v1/register"
BASE = "https://pay.example.co.ke/h/k"
DUPLICATE = {"errorCode": "500.003.1001", "errorMessage": "DUPLICATE notification info, SP ID is 1"}


def _error(status: int, code: str, message: str = "") -> Any:
    return httpx.Response(status, json={"errorCode": code, "errorMessage": message})


async def _registered(client: DarajaClient, base: str = BASE, **more: Any) -> Registration:
    return await client.register_urls(
        confirmation_url=f"{base}/c2b/confirm", validation_url=f"{base}/c2b/validate", **more
    )


async def _pull_registered(client: DarajaClient) -> Registration:
    return await client.pull_register(nominated=Msisdn.parse("0712000111"), callback_url=f"{BASE}/pull")


@pytest.mark.parametrize("body", [{"ResponseDescription": "Success"}, {"ResponseCode": 0}])
async def test_success_is_a_code_or_without_one_the_word(daraja: Any, make_client: Client, body: Any) -> None:
    daraja.on(REGISTER, httpx.Response(200, json=body))
    assert await _registered(make_client()) == Registration(
        Registered.REGISTERED, "Safaricom will tell the relay of every payment.", "0" if "ResponseCode" in body else ""
    )


async def test_a_till_registers_its_store_number_and_the_default_action(
    daraja: Any, make_client: Client, till: ShopAccount
) -> None:
    daraja.on(REGISTER, httpx.Response(200, json={"ResponseCode": "0"}))
    await _registered(make_client(account=till), default_action=DefaultAction.CANCELLED)
    (sent,) = daraja.bodies(REGISTER)
    assert (sent["ShortCode"], sent["ResponseType"]) == ("7654321", "Cancelled")


async def test_already_registered_warns_of_old_addresses_and_says_where_to_look(
    daraja: Any, make_client: Client
) -> None:
    daraja.on(REGISTER, _error(500, "500.003.1001", "Urls are already registered"))
    told = await _registered(make_client())
    assert told.state is Registered.ALREADY_REGISTERED
    assert "they may be old ones" in told.sentence
    assert "URL Management" in told.sentence


@pytest.mark.parametrize(
    ("host", "state", "words"),
    [
        ("sandbox.safaricom.co.ke", Registered.ALREADY_IN_SANDBOX, "The sandbox already has addresses"),
        ("api.safaricom.co.ke", Registered.ELSEWHERE, "older platform"),
    ],
)
async def test_the_two_meanings_of_duplicate_are_told_apart(
    daraja: Any, make_client: Client, *, host: str, state: Registered, words: str
) -> None:
    daraja.on(REGISTER, httpx.Response(500, json=DUPLICATE))
    told = await _registered(make_client(base_url=f"https://{host}"))
    assert told.state is state
    assert words in told.sentence


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (_error(400, "400.003.02", "Bad Request"), Registered.REFUSED, "M-Pesa said: “Bad Request” (400.003.02)."),
        (_error(400, "400.002.05"), Registered.REFUSED, "M-Pesa answered 400.002.05."),
        (_error(404, "404.003.01", "Resource not found"), Registered.REFUSED, "does not answer like M-Pesa"),
        (_error(404, "404.001.04", "Invalid header"), Registered.REFUSED, "Invalid header"),
        (_error(500, "500.003.02", "Spike Arrest"), Registered.UNREACHABLE, "busy or down"),
        (_error(500, "500.003.03", "Quota"), Registered.UNREACHABLE, "busy or down"),
        (_error(500, "500.003.1001", "Internal"), Registered.UNCLEAR, "It may have been registered"),
        (httpx.Response(503, content=b"Incapsula incident"), Registered.UNREACHABLE, "firewall"),
        (httpx.Response(502, content=b""), Registered.UNCLEAR, "It may have been registered"),
        (httpx.Response(200, content=b"<html>"), Registered.UNCLEAR, "could not be read"),
        (httpx.Response(200, json={"ResponseDescription": "failure"}), Registered.UNCLEAR, "could not be read"),
        (httpx.Response(200, json={"ResponseCode": "7"}), Registered.UNCLEAR, "M-Pesa answered 7."),
        (httpx.ConnectError("no route"), Registered.UNREACHABLE, "cannot be reached"),
        (httpx.ReadTimeout("slow"), Registered.UNCLEAR, "It may have been registered; see the portal."),
    ],
)
async def test_every_other_answer_says_whether_anything_was_registered(
    daraja: Any, make_client: Client, *, answer: Any, state: Registered, words: str
) -> None:
    daraja.on(REGISTER, answer)
    told = await _registered(make_client())
    assert told.state is state
    assert words in told.sentence
    assert len(daraja.sent_to(REGISTER)) == 1


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (httpx.Response(400, content=b""), Registered.REFUSED, "consumer key and secret"),
        (httpx.Response(500, content=b""), Registered.UNREACHABLE, "gave no access token"),
        (httpx.Response(403, content=b"Imperva"), Registered.UNREACHABLE, "firewall"),
        (httpx.ReadTimeout("slow"), Registered.UNREACHABLE, "did not answer"),
    ],
)
async def test_without_a_token_nothing_was_registered(
    daraja: Any, make_client: Client, *, answer: Any, state: Registered, words: str
) -> None:
    daraja.token(answer)
    told = await _registered(make_client())
    assert told.state is state
    assert words in told.sentence
    assert daraja.sent_to(REGISTER) == []


async def test_a_token_refused_twice_means_that_the_app_lacks_the_product(daraja: Any, make_client: Client) -> None:
    daraja.on(REGISTER, *(_error(400, "400.003.01", "Invalid Access Token") for _ in range(2)))
    told = await _registered(make_client())
    assert told.state is Registered.REFUSED
    assert "does not have the product “M-Pesa C2B”" in told.sentence


@pytest.mark.parametrize("base", ["http://pay.example.co.ke", "https://192.168.1.5", "https://localhost"])
async def test_an_address_safaricom_cannot_use_is_not_sent(daraja: Any, make_client: Client, base: str) -> None:
    told = await _registered(make_client(), base)
    assert (told.state, daraja.requests) == (Registered.REFUSED, [])
    assert "Safaricom" in told.sentence


async def test_the_validation_address_is_looked_at_too(daraja: Any, make_client: Client) -> None:
    told = await make_client().register_urls(
        confirmation_url=f"{BASE}/c2b/confirm", validation_url="https://pay.example.co.ke/exec"
    )
    assert (told.state, daraja.requests) == (Registered.REFUSED, [])
    assert "“exec”" in told.sentence


async def test_in_training_all_is_on_this_computer(daraja: Any, make_client: Client) -> None:
    daraja.on(REGISTER, httpx.Response(200, json={"ResponseCode": "0"}))
    told = await _registered(make_client(base_url="http://127.0.0.1:9"), "http://127.0.0.1:8080/h/k")
    assert told.state is Registered.REGISTERED


@pytest.mark.parametrize("key", ["ResponseStatus", "Response Status", "responsestatus"])
@pytest.mark.parametrize(("code", "state"), [("1000", Registered.REGISTERED), (1001, Registered.ALREADY_REGISTERED)])
async def test_pull_spells_its_status_in_several_ways(
    daraja: Any, make_client: Client, *, key: str, code: object, state: Registered
) -> None:
    daraja.on(PULL_REGISTER, httpx.Response(200, json={key: code}))
    assert (await _pull_registered(make_client())).state is state


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (_error(400, "400.001", "Invalid ShortCode"), Registered.REFUSED, "Invalid ShortCode"),
        (
            httpx.Response(200, json={"ResponseStatus": "9", "ResponseDescription": "No"}),
            Registered.UNCLEAR,
            "“No” (9)",
        ),
        (httpx.Response(200, json=[]), Registered.UNCLEAR, "could not be read"),
    ],
)
async def test_a_pull_registration_may_fail(
    daraja: Any, make_client: Client, *, answer: Any, state: Registered, words: str
) -> None:
    daraja.on(PULL_REGISTER, answer)
    told = await _pull_registered(make_client())
    assert told.state is state
    assert words in told.sentence
