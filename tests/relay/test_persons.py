"""One person's messages: found however M-Pesa writes the number, shown, and blanked without breaking the chain."""

import base64
import hashlib
import io
import json
import logging
import re
from typing import Any, NamedTuple

import pytest
from database_server import ON_A_FILE

from relay import persons
from relay.__main__ import main
from relay.persons import Person
from relay.protocol import Cursor, PairResponse, make_nonce
from relay.stores import trimming

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]
PHONE = "254712345678"


@pytest.fixture(autouse=True)
def logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of its own process may take over the log; one in this process may not."""
    monkeypatch.setattr("relay.logs.start", lambda *_: None)


def who(phone: str = PHONE) -> Person:
    found = persons.person(phone)
    assert found is not None
    return found


@pytest.mark.parametrize("written", ["254712345678", "+254 712 345 678", "0712345678", "0712-345-678", "712345678\n"])
def test_a_number_is_one_however_it_is_written(written: str) -> None:
    assert persons.person(written) == who()


@pytest.mark.parametrize(
    "written", ["", "07123", "255712345678", "0812345678", "25471234567x", "2547123456789", "٠٧١٢٣٤٥٦٧٨"]
)
def test_what_is_no_kenyan_mobile_number_is_none(written: str) -> None:
    assert persons.person(written) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"Name":"PhoneNumber","Value":254712345678}',
        '{"MSISDN":"254712345678"}',
        '{"PhoneNumber":2.54712345678E11}',
        '{"BillRefNumber":"0712 345 678"}',
        '{"ReceiverPartyPublicName":"254712345678 - JOHN DOE"}',
        '{"CheckoutRequestID":"ws_CO_14102026153012345712345678","ResultCode":1032}',
        "phone=%2B254712345678&x",
        json.dumps({"MSISDN": hashlib.sha256(PHONE.encode()).hexdigest()}),
        json.dumps({"MSISDN": hashlib.sha256(b"0712345678").hexdigest().upper()}),
    ],
)
def test_a_number_is_found_in_every_way_that_it_is_called_back(body: str) -> None:
    assert persons.names(body.encode(), who())
    assert not persons.names(body.encode(), who("254712345679"))


@pytest.mark.parametrize(
    "body",
    ['{"TransAmount":"712345678.00"}', '{"A":"1712345678"}', '{"A":"2547123456780"}', '{"A":"ws_CO_1712345678"}'],
)
def test_the_same_digits_in_another_number_are_not_it(body: str) -> None:
    wanted = body.startswith('{"TransAmount')
    # An amount of nine digits that are the number's is nobody's amount in a shop.
    assert persons.names(body.encode(), who()) is wanted


@pytest.mark.parametrize(
    ("masked", "may"),
    [
        ("2547 ***** 678", True),
        ("2547*****678", True),
        ("2547 ***** 679", False),
        ("*****", False),
        ("2541***678", False),
    ],
)
def test_a_masked_number_may_be_the_one_where_what_is_shown_agrees(masked: str, may: bool) -> None:
    assert persons.may_name(json.dumps({"MSISDN": masked}).encode(), who()) is may


def test_a_hash_that_is_masked_too_may_be_the_one() -> None:
    whole = hashlib.sha256(PHONE.encode()).hexdigest()
    assert persons.may_name(json.dumps({"MSISDN": f"{whole[:6]}*****{whole[-6:]}"}).encode(), who())


class Kit(NamedTuple):
    bench: Any
    till: PairResponse
    capsys: pytest.CaptureFixture[str]

    def run(self, verb: str, *arguments: str) -> tuple[int, str, str]:
        ended = main([verb, "--shop", "Duka", "--store", self.bench.store, *arguments])
        return ended, *self.capsys.readouterr()

    async def post(self, door: str, body: bytes) -> None:
        path = self.till.callback_base.removeprefix("http://relay.test") + door
        assert (await self.bench.post(path, body)).status == 200

    async def charge(self, phone: str, receipt: str, amount: int = 150) -> None:
        items = [
            {"Name": "Amount", "Value": amount},
            {"Name": "MpesaReceiptNumber", "Value": receipt},
            {"Name": "PhoneNumber", "Value": int(phone)},
        ]
        callback = {"CheckoutRequestID": f"ws_CO_14102026153012345{phone[3:]}", "ResultCode": 0}
        body = json.dumps({"Body": {"stkCallback": {**callback, "CallbackMetadata": {"Item": items}}}})
        await self.post(f"/stk/{make_nonce(self.till.nonce_key)}", body.encode())

    async def paid(self, receipt: str, msisdn: str, **more: str) -> None:
        said = {"TransID": receipt, "TransAmount": "150.00", "BusinessShortCode": "600966", "MSISDN": msisdn}
        await self.post("/c2b/confirm", json.dumps({**said, "FirstName": "JOHN", **more}).encode())


@pytest.fixture
async def kit(bench: Any, till: PairResponse, capsys: pytest.CaptureFixture[str]) -> Kit:
    """A charge of the person with its confirmation and what came of its refund, and payments of others."""
    made = Kit(bench, till, capsys)
    await made.charge(PHONE, "UJEONE")
    await made.paid("UJEONE", "2547 ***** 678")
    await made.charge("254722000111", "UJETWO")
    await made.paid("UJETWO", "2547 ***** 111")
    await made.paid("UJESOME", "2547 ***** 678")
    result = {"ConversationID": "AG_1", "ResultCode": 0, "ResultDesc": "reversal of UJEONE"}
    await made.post(f"/result/{make_nonce(till.nonce_key)}", json.dumps({"Result": result}).encode())
    await made.post("/c2b/confirm", b"Msisdn=+254712345678&not=json")
    return made


async def test_what_is_held_about_a_person_is_printed_with_what_may_be_of_the_same(kit: Kit) -> None:
    ended, said, _ = kit.run("export", "--phone", "0712345678")
    told = json.loads(said)
    assert (ended, told["shop"]) == (0, "Duka")
    assert [(one["seq"], one["kind"], one["receipt"]) for one in told["messages"]] == [
        (1, "stk", "UJEONE"),
        (2, "c2b.confirmation", "UJEONE"),
        (6, "result", None),
        (7, "unparsed", None),
    ]
    assert told["messages"][1]["body"]["FirstName"] == "JOHN"
    assert base64.b64decode(told["messages"][3]["raw"]) == b"Msisdn=+254712345678&not=json"
    # What may be somebody else's is not shown to the person.
    assert [(one["seq"], one["receipt"], one.keys()) for one in told["unsure"]] == [
        (5, "UJESOME", {"seq", "at", "receipt"})
    ]


async def test_a_person_is_erased_in_every_message_and_the_chain_stays_whole(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = await kit.bench.events(kit.till)
    ended, said, _ = kit.run("erase", "--phone", PHONE, "--json")
    assert (ended, json.loads(said)) == (0, {"erased": 4, "unsure": ["UJESOME"]})
    after = await kit.bench.events(kit.till)
    cursor = Cursor()
    for event in after:
        assert event.follows(cursor)
        cursor = Cursor("", event.seq, event.chain)
    gone = {1, 2, 6, 7}
    assert [event.seq for event in after if bytes(event.body) == b"null" and event.raw is None] == sorted(gone)
    assert [event for event in after if event.seq not in gone] == [event for event in before if event.seq not in gone]
    assert f"{kit.till.stream}: erased what was called back about one person: 4" in caplog.text
    assert "12345678" not in caplog.text
    assert json.loads(kit.run("export", "--phone", PHONE)[1])["messages"] == []
    # A copy of the same is still one, and brings nothing back.
    await kit.charge(PHONE, "UJETHREE", amount=1)
    await kit.paid("UJEONE", "2547 ***** 678")
    assert [event.seq for event in await kit.bench.events(kit.till)] == list(range(1, 9))


async def test_a_payment_is_found_by_the_receipt_that_the_person_shows(kit: Kit) -> None:
    ended, said, _ = kit.run("erase", "--receipt", "ujesome", "--receipt", "UJEONE")
    assert (ended, said) == (0, "messages erased: 4\n")
    after = await kit.bench.events(kit.till)
    assert [event.seq for event in after if bytes(event.body) == b"null" and event.raw is None] == [1, 2, 5, 6]


async def test_who_is_asked_about_is_told_what_else_may_be_of_the_same(kit: Kit) -> None:
    said = kit.run("erase", "--phone", PHONE)[1]
    assert said.startswith("messages erased: 4\nM-Pesa shows only a part of the number")
    assert said.endswith("name them with --receipt: UJESOME\n")


async def test_the_number_can_come_unseen(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("0712 345 678\n"))
    assert len(json.loads(kit.run("export", "--phone", "-")[1])["messages"]) == 4


async def test_another_shops_log_is_left_alone(kit: Kit) -> None:
    kit.bench.add_shop("Kiosk")
    assert main(["erase", "--shop", "Kiosk", "--phone", PHONE, "--store", kit.bench.store]) == 0
    assert kit.capsys.readouterr().out == "messages erased: 0\n"
    assert len(json.loads(kit.run("export", "--phone", PHONE)[1])["messages"]) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--phone", "12"], 2, "a phone number looks like 254712345678 or 0712345678"),
        ([], 2, "say whose: --phone, or --receipt"),
        (["--phone", PHONE, "--shop", "Nobody"], 1, "there is no shop called 'Nobody'"),
    ],
)
@ON_A_FILE
def test_who_cannot_be_found_is_said(
    store: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, why: str
) -> None:
    assert main(["erase", "--store", store, "--shop", "Duka", *arguments]) == code
    assert capsys.readouterr().err == f"relay: {why}\n"


@pytest.fixture
def small_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "BITE", 1)


@pytest.mark.usefixtures("small_bites")
async def test_what_a_trimming_left_behind_is_taken_as_well(kit: Kit) -> None:
    log = kit.bench.relay._log
    raise_floor = "UPDATE stream SET floor = 3"
    await log.run(lambda connection: connection.exec_driver_sql(raise_floor).rowcount)
    assert json.loads(kit.run("erase", "--phone", PHONE, "--json")[1])["erased"] == 1
    held = await log.ask(
        lambda connection: connection.exec_driver_sql("SELECT id FROM event WHERE body IS NOT NULL").scalars().all()
    )
    # What has lost its body says no more whose the receipts are.
    assert sorted(place & 0xFFFF for place in held) == [4, 5, 6]


@ON_A_FILE
async def test_the_file_holds_nothing_of_it_any_more_once_the_relay_has_written_it_down(
    settings: Any, running: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings) as bench:
        bench.add_shop("Duka")
        kit = Kit(bench, await bench.pair("Duka"), capsys)
        await kit.charge(PHONE, "UJEONE")
        await kit.paid("UJETWO", PHONE, LastName="Wanjikukamau")
        assert kit.run("erase", "--phone", PHONE)[0] == 0
    held = b"".join(path.read_bytes() for path in bench.file.parent.iterdir())
    assert b"Wanjikukamau" not in held
    assert b"PhoneNumber" not in held


@ON_A_FILE
def test_that_somebody_was_erased_is_logged_and_who_is_not(store: str, relay_command: Any) -> None:
    assert relay_command("shop", "add", "Duka", url=store).returncode == 0
    ran = relay_command("erase", "--shop", "Duka", "--phone", PHONE, url=store)
    assert (ran.returncode, ran.stdout) == (0, "messages erased: 0\n")
    assert re.fullmatch(
        r"\S+Z INFO relay.upkeep st_\w{8}: erased what was called back about one person: 0\n", ran.stderr
    )


async def test_trimming_by_hand_says_what_it_took_and_what_holds_it(kit: Kit, store: str) -> None:
    assert main(["trim", "--store", store, "--json"]) == 0
    assert json.loads(kit.capsys.readouterr().out) == {"bodies": 0, "keys": 0, "held": []}
    old = (
        "UPDATE event SET at = at - 2 * 86400000"
        if store.startswith("sqlite")
        else ("UPDATE event_key SET day = day - 2")
    )
    await kit.bench.relay._log.run(lambda connection: connection.exec_driver_sql(old).rowcount)
    assert main(["trim", "--store", store, "--body-days", "1"]) == 0
    assert kit.capsys.readouterr().out == (
        f"trimmed 0 bodies and 0 keys\n{kit.till.stream}: a till that was here lately has yet to read what is old\n"
    )
    assert main(["trim", "--store", store, "--body-days", "0"]) == 2
    assert kit.capsys.readouterr().err == "relay: body_days must be a whole number from 1 to 3650\n"
