"""The traps of the contract (§12) in what this client says and hears of C2B, Pull and QR codes, each by its number."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pos_app.daraja import wire
from pos_app.daraja.client import DarajaClient
from pos_app.daraja.pull import pull_row
from pos_app.daraja.registration import DefaultAction, MsisdnStyle, Registered
from pos_app.daraja.validation import c2b_validation
from pos_app.domain.evidence import Fact
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn

pytestmark = pytest.mark.anyio

Example = Callable[[str], Any]
Client = Callable[..., DarajaClient]
REGISTER, PULL_REGISTER = "/mpesa/c2b/v2/registerurl", "/pulltransactions/v1/register"
PULL, QR = "/pulltransactions/v1/query", "/mpesa/qrcode/v1/generate"
START, END = datetime(2026, 10, 12, 21, 0, tzinfo=UTC), datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
HASH = "9c1f0b7d52e84a36b0d7f1c2e5a894d3670b1e2f4c8d9a05b6e7f3128d4c5a90"


def _confirmed(body: Any, **changes: Any) -> wire.Confirmation:
    confirmation = wire.c2b_confirmation({**body, **changes})
    assert confirmation is not None
    return confirmation


async def _registered(client: DarajaClient, base: str = "https://pay.example.co.ke/h/k", **more: Any) -> Any:
    return await client.register_urls(
        confirmation_url=f"{base}/c2b/confirm", validation_url=f"{base}/c2b/validate", **more
    )


def test_trap_13_dates_and_phones_are_read_as_text_and_a_lossy_one_is_none(example: Example) -> None:
    assert _confirmed(example("E41"), TransTime=20261014160503).paid_at == datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)
    assert _confirmed(example("E41"), TransTime="2.0261014e13").paid_at is None
    assert _confirmed(example("E41"), MSISDN=2.54712345678e11).payer_phone == ""
    row = pull_row({**example("E65")["Response"][0][0], "msisdn": "2.54712E+11"})
    assert row is not None
    assert row.payer_phone == ""


@pytest.mark.parametrize("key", ["OriginatorCoversationID", "OriginatorConversationID", "Originator Conversation ID"])
async def test_trap_14_a_registration_does_not_depend_on_a_misspelt_key(
    daraja: Any, make_client: Client, key: str
) -> None:
    daraja.on(REGISTER, httpx.Response(200, json={key: "4a19", "ResponseCode": "0"}))
    assert (await _registered(make_client())).state is Registered.REGISTERED


async def test_trap_14_response_status_is_read_with_its_space(daraja: Any, make_client: Client) -> None:
    daraja.on(PULL_REGISTER, httpx.Response(200, json={"Response Status": "1000"}))
    told = await make_client().pull_register(
        nominated=Msisdn.parse("0712000111"), callback_url="https://pay.example.co.ke/pull"
    )
    assert told.state is Registered.REGISTERED


@pytest.mark.parametrize("key", ["msisdn", "MSISDN", "Msisdn"])
def test_trap_15_a_pull_row_names_the_phone_in_any_case(key: str) -> None:
    row = pull_row({"transactionId": "UJE2A9C4KF", "amount": "5.00", key: "254712345678"})
    assert row is not None
    assert row.payer_phone == "0712 ••• 678"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        pytest.param("2547 ***** 126", "07•• ••• 126", id="masked"),
        pytest.param(HASH, "", id="hashed"),
        pytest.param(f"{HASH[:8]} ***** {HASH[-8:]}", "", id="stars_in_the_hash"),
        pytest.param(f"{HASH[:28]}*****{HASH[33:]}", "", id="stars_in_the_hash_without_spaces"),
        pytest.param("254712345678", "0712 ••• 678", id="plain"),
        pytest.param("", "", id="blank"),
    ],
)
@pytest.mark.parametrize("names", [("FirstName",), (), ("FirstName", "MiddleName", "LastName")])
def test_trap_16_no_phone_and_no_name_loses_a_payment(
    example: Example, *, phone: str, shown: str, names: tuple[str, ...]
) -> None:
    body = {key: value for key, value in example("E42").items() if "Name" not in key or key in names}
    confirmation = _confirmed(body, MSISDN=phone)
    assert (confirmation.receipt, confirmation.amount) == ("UJE5D1R8LM", Money.shillings(10))
    assert confirmation.payer_phone == shown
    assert len(confirmation.payer_name.split()) == len(names)


@pytest.mark.parametrize(
    "kind",
    ["Pay Bill", "Customer Merchant Payment", "Buy Goods", "", "Organization To Organization Transfer", "A new one"],
)
def test_trap_17_every_type_is_money_and_says_which_it_is(example: Example, kind: str) -> None:
    confirmation = _confirmed(example("E44"), TransactionType=kind)
    assert (confirmation.transaction_type, confirmation.amount) == (kind, Money.shillings(250))


async def test_trap_32_registered_once_is_no_failure_and_names_the_portal_with_its_two_operators(
    example: Example, daraja: Any, make_client: Client
) -> None:
    daraja.on(REGISTER, httpx.Response(500, json=example("E35")))
    told = await _registered(make_client())
    assert told.state is Registered.ALREADY_REGISTERED
    assert "two operators" in told.sentence


@pytest.mark.parametrize("path", ["/api/mpesa", "/API/MPESA", "/Safaricom", "/c2b.exe", "/cmd", "/mysql", "/jQuery"])
async def test_trap_33_a_forbidden_word_is_named_and_nothing_is_sent(
    daraja: Any, make_client: Client, path: str
) -> None:
    told = await _registered(make_client(), f"https://pay.example.co.ke{path}")
    assert (told.state, daraja.requests) == (Registered.REFUSED, [])
    assert "M-Pesa refuses addresses with “" in told.sentence


@pytest.mark.parametrize(
    ("more", "sent"), [({}, "Completed"), ({"default_action": DefaultAction.CANCELLED}, "Cancelled")]
)
async def test_trap_34_what_a_late_validation_falls_to_is_registered_and_takes_the_money_unless_told_otherwise(
    daraja: Any, make_client: Client, more: Any, sent: str
) -> None:
    daraja.on(REGISTER, httpx.Response(200, json={"ResponseCode": "0"}))
    await _registered(make_client(), **more)
    assert daraja.bodies(REGISTER)[0]["ResponseType"] == sent


async def test_trap_38_pull_is_an_array_in_an_array_and_nominates_the_kyc_phone(
    example: Example, daraja: Any, make_client: Client
) -> None:
    daraja.on(PULL, httpx.Response(200, json=example("E65")))
    daraja.on(PULL_REGISTER, httpx.Response(200, json=example("E64")))
    client = make_client()
    assert [row.receipt for row in (await client.pull(START, END)).rows] == ["UJE2A9C4KF"]
    await client.pull_register(nominated=Msisdn.parse("+254 712 000 111"), callback_url="https://pay.example.co.ke/p")
    (sent,) = daraja.bodies(PULL_REGISTER)
    assert (sent["NominatedNumber"], sent["ShortCode"]) == ("254712000111", "600966")


async def test_trap_39_a_qr_code_succeeds_with_00(
    daraja: Any, make_client: Client, *, qr_reply: Any, picture: bytes
) -> None:
    daraja.on(QR, *(httpx.Response(200, json={**qr_reply, "ResponseCode": code}) for code in ("00", "0")))
    client = make_client()
    told = [await client.dynamic_qr(merchant_name="Shop", reference="A-1", amount=Money.shillings(5)) for _ in range(2)]
    assert told[0] == picture
    assert not isinstance(told[1], bytes)


def test_trap_44_a_fuliza_payment_is_money(example: Example) -> None:
    confirmation = _confirmed(example("E41"), TransactionType="OD Payment Transfer")
    assert (confirmation.transaction_type, confirmation.amount) == ("OD Payment Transfer", Money.shillings(500))


async def test_trap_46_the_address_and_the_version_are_the_owners_choice(daraja: Any, make_client: Client) -> None:
    daraja.on("/v1/prefix/mpesa/c2b/v1/registerurl", httpx.Response(200, json={"ResponseCode": "0"}))
    client = make_client(base_url="https://gateway.example.co.ke/v1/prefix")
    daraja.on("/v1/prefix/oauth/v1/generate", httpx.Response(200, json={"access_token": "t", "expires_in": 3599}))
    assert (await _registered(client, style=MsisdnStyle.HASHED)).state is Registered.REGISTERED


async def test_trap_48_dates_go_out_in_east_africa_time_and_the_words_beside_a_code_decide_nothing(
    daraja: Any, make_client: Client
) -> None:
    body = {"ResponseCode": "1001", "ResponseMessage": "A simulator’s own words: failed", "Response": [[]]}
    daraja.on(PULL, httpx.Response(200, json=body))
    assert (await make_client().pull(START, END)).is_complete
    (sent,) = daraja.bodies(PULL)
    assert (sent["StartDate"], sent["EndDate"]) == ("2026-10-13 00:00:00", "2026-10-14 15:00:00")


def test_trap_49_a_confirmation_of_unknown_origin_stays_marked(example: Example) -> None:
    evidence = wire.confirmation_evidence(_confirmed(example("E41")), END, trusted=False)
    assert (evidence.fact, evidence.trusted) == (Fact.PAID, False)


HOSTILE = {
    "BillRefNumber": "<img src=x>",
    "FirstName": "<b>PAID</b>\x1b[2J",
    "LastName": "a\u202eb\u2028c",
    "TransactionType": "<script>",
}


def test_trap_50_what_a_payer_wrote_stays_plain_text_on_one_line(example: Example) -> None:
    confirmation = _confirmed(example("E41"), **HOSTILE)
    assert (confirmation.bill_reference, confirmation.transaction_type) == ("<img src=x>", "<script>")
    assert confirmation.payer_name == "<b>PAID</b> [2J a b c"
    intended = c2b_validation({**example("E37"), **HOSTILE})
    assert intended is not None
    assert (intended.bill_reference, intended.payer_name) == ("<img src=x>", "<b>PAID</b> [2J a b c")
    row = pull_row({**example("E65")["Response"][0][0], "sender": "<i>\nX", "billreference": "\x00<a>"})
    assert row is not None
    assert (row.sender_name, row.bill_reference) == ("<i> X", "<a>")
