"""What is held back: what the log says of it otherwise, and what believing it does."""

import json
from typing import Any

import pytest
from console_desk import PASSWORD, words_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay import protocol
from relay.console import payment
from relay.console.words import masked_name, masked_phone
from relay.stores import quarantine
from relay.stores.store import opened, transaction

STORES = ["sqlite", "postgresql"]
pytestmark = pytest.mark.anyio
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
STRANGER = "203.0.113.9"


async def held(joan: Any, till: Any, receipt: str = "UJE7K2M9QX", **more: str) -> None:
    await joan.pay(till, receipt, sender=STRANGER, MSISDN="254712345678", FirstName="Akinyi", **more)


async def pulled(joan: Any, till: Any, receipt: str, amount: str) -> None:
    row = {"transactionId": receipt, "trxDate": "2026-10-14T12:30:12Z", "amount": amount, "billreference": "T1-7-1"}
    said = json.dumps({"short_code": "600966", "rows": [row]}).encode()
    headers = {"Authorization": f"Bearer {till.token}"}
    assert (await joan.bench.post(protocol.PULLED_PATH, said, headers=headers)).status == 200


async def test_what_is_held_back_is_listed_masked_and_with_its_sender(joan: Any, till: Any, eventually: Any) -> None:
    await held(joan, till)
    await joan.pay(till, "UJE7K2M9QY")
    listed = words_of(await joan.get("/held"))
    assert "Duka Payment by a customer KSh 150 0712 ••• 678 UJE7K2M9QX Look at it" in listed
    assert "UJE7K2M9QY" not in listed

    async def noted() -> bool:
        return STRANGER in words_of(await joan.get(f"/held/{till.stream}/1"))

    await eventually(noted)
    one = await joan.get(f"/held/{till.stream}/1")
    assert "A•••" in one.text
    assert "T1-7-1" in one.text
    assert "There may be more" not in one.text
    for secret in ("254712345678", "Akinyi"):
        assert secret not in one.text
    assert (await joan.get(f"/held/{till.stream}/2")).status_code == 404
    assert "1 to look at" in words_of(await joan.get("/shops"))
    assert "Held back ! 1 to look at" in words_of(await joan.get("/health"))


async def test_a_flood_of_one_payment_is_compared_with_what_is_true_of_it_and_the_newest(
    joan: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.stores.quarantine.MOST_COMPARED", 3)
    await held(joan, till)
    await pulled(joan, till, "UJE7K2M9QX", "150")
    for amount in range(160, 166):
        await held(joan, till, TransAmount=str(amount))
    said = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert [amount for amount in range(160, 166) if f"KSh {amount}" in said] == [164, 165]
    assert "Pull" in said
    assert "There may be more in the log" in said


async def test_of_many_the_newest_come_first_a_page_at_a_time(
    joan: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.console.held.PAGE", 2)
    joan.bench.add_shop("Kiosk")
    other = await joan.bench.pair("Kiosk")
    for number in range(3):
        await held(joan, till, f"UJE7K2M9Q{number}")
    await held(joan, other, "UJE7K2M9ZZ")
    first = await joan.get("/held")
    assert [receipt in first.text for receipt in ("M9ZZ", "M9Q2", "M9Q1")] == [True, True, False]
    older = first.text.partition("Older ones")[0].rpartition('href="/console')[2].partition('"')[0]
    second = await joan.get(older.replace("&amp;", "&"))
    assert [receipt in second.text for receipt in ("M9ZZ", "M9Q1", "M9Q0", "Older ones")] == [False, True, True, False]
    alone = await joan.get(f"/held?stream={other.stream}")
    assert [receipt in alone.text for receipt in ("M9ZZ", "M9Q2", "Show all shops")] == [True, False, True]
    for nonsense in ("x", "1", "1.x", "9" * 50, f"{10**30}.1", f"1.{10**30}"):
        assert (await joan.get(f"/held?behind={nonsense}")).status_code == 200


@pytest.mark.parametrize(
    "seq", ["x", "-1", "1.0", "\u0661", "9" * 12, str(2**40 + 1), "9" * 20, pytest.param("9" * 4301, id="long")]
)
async def test_what_is_no_place_of_the_log_is_not_there(joan: Any, till: Any, seq: str) -> None:
    await held(joan, till)
    path = f"/held/{till.stream}/{seq}"
    shown = await joan.get(path)
    believed = await joan.post(f"{path}/believe", reason="seen in the portal", password=PASSWORD)
    assert [(page.status_code, "Nothing here" in page.text) for page in (shown, believed)] == [(404, True)] * 2


async def test_believing_appends_a_trusted_copy_and_changes_nothing(joan: Any, till: Any) -> None:
    await held(joan, till)
    (before,) = await joan.bench.events(till)
    page = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "nothing else in the log speaks of this payment" in page
    assert "Money: every till of the shop is told of this payment" in page
    done = await joan.post(f"/held/{till.stream}/1/believe", reason="seen in the portal", password=PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/console/held?done=believed")
    assert "Believed." in words_of(await joan.get("/held?done=believed"))
    first, again = await joan.bench.events(till)
    assert first == before
    assert (again.key, again.rev, again.trust, again.src) == (before.key, 1, "trusted", "operator")
    assert bytes(again.body) == bytes(before.body)
    assert "Nothing is held back" in words_of(await joan.get("/held"))
    assert joan.record()[0] == "believed a message"
    assert "seen in the portal" in words_of(await joan.get("/record"))


async def test_it_needs_a_reason_and_the_password(joan: Any, till: Any) -> None:
    await held(joan, till)
    path = f"/held/{till.stream}/1/believe"
    for form, status in (
        ({"reason": "", "password": PASSWORD}, 400),
        ({"reason": "no", "password": PASSWORD}, 400),
        ({"reason": "seen in the portal", "password": "x"}, 403),
        ({"reason": "seen in the portal"}, 403),
    ):
        reply = await joan.post(path, **form)
        assert (reply.status_code, "Nothing was done" in reply.text) == (status, True)
    assert len(await joan.bench.events(till)) == 1
    assert 'value="seen in the portal"' in reply.text


async def test_what_was_settled_meanwhile_is_not_told_twice(joan: Any, till: Any) -> None:
    await held(joan, till)
    await joan.pay(till)
    reply = await joan.post(f"/held/{till.stream}/1/believe", reason="seen in the portal", password=PASSWORD)
    assert (reply.status_code, "settled already" in reply.text) == (409, True)
    assert len(await joan.bench.events(till)) == 2
    page = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "✓ the log holds this payment already, and it is believed" in page
    assert "Believe it" not in page


async def test_a_forgery_of_a_believed_payment_is_said_to_be_one(joan: Any, till: Any) -> None:
    await joan.pay(till)
    await held(joan, till, amount="99000.00")
    page = words_of(await joan.get(f"/held/{till.stream}/2"))
    assert "! another amount is believed Leave it: this one may be forged." in page
    assert "Payment by a customer KSh 150 a callback ✓ yes" in page
    assert "Nothing is held back" in words_of(await joan.get("/held"))


async def test_what_pull_said_of_the_same_receipt_is_laid_beside_it(joan: Any, till: Any) -> None:
    body = {"TransID": "UJE7K2M9QX", "TransAmount": "150", "BusinessShortCode": "600111", "BillRefNumber": "x"}
    path = till.callback_base.removeprefix("http://relay.test") + "/c2b/confirm"
    await joan.bench.post(path, json.dumps(body).encode(), client=STRANGER)
    await pulled(joan, till, "UJE7K2M9QX", "150.00")
    same = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "Payment that Safaricom listed KSh 150 Pull ✓ yes" in same
    assert "✓ the log holds this payment already, and it is believed" in same
    body["TransID"] = "UJE7K2M9QY"
    await joan.bench.post(path, json.dumps(body).encode(), client=STRANGER)
    await pulled(joan, till, "UJE7K2M9QY", "90.00")
    other = words_of(await joan.get(f"/held/{till.stream}/3"))
    assert "! what is believed says another amount" in other


async def test_the_answer_to_a_charge_with_a_false_nonce_is_held_with_its_money(
    joan: Any, till: Any, bodies: Any
) -> None:
    path = till.callback_base.removeprefix("http://relay.test") + "/stk/" + "0" * 32
    await joan.bench.post(path, bodies.stk(), client="196.201.214.200")
    page = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "What Answer to a charge Amount KSh 150 Receipt UJE7K2M9QX" in page
    assert "Result code 0" in page
    await joan.pay(till)
    again = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "Payment by a customer KSh 150 a callback ✓ yes" in again


async def test_what_cannot_be_read_cannot_be_believed(joan: Any, till: Any) -> None:
    path = till.callback_base.removeprefix("http://relay.test") + "/c2b/confirm"
    await joan.bench.post(path, b"\xff\xfe", client=STRANGER)
    assert "Message that could not be read – – –" in words_of(await joan.get("/held"))
    page = words_of(await joan.get(f"/held/{till.stream}/1"))
    assert "what cannot be read cannot be believed" in page
    assert "Believe it" not in page


async def test_a_flood_of_forgeries_is_counted_no_further_than_is_worth_it(
    joan: Any, till: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.stores.quarantine.MOST_COUNTED", 3)
    for number in range(5):
        await held(joan, till, f"UJE7K2M9Q{number}")
    assert joan.bench.in_store(lambda connection: quarantine.count(connection, None)) == 3
    assert "3 or more to look at" in words_of(await joan.get("/shops"))
    assert "3 or more to look at" in words_of(await joan.get("/health"))


def test_every_question_of_the_quarantine_has_its_index(tmp_path: Any) -> None:
    with transaction(opened(f"sqlite:///{tmp_path / 'r.db'}")) as connection:
        asked: list[str] = []
        real = connection.connection.driver_connection
        real.set_trace_callback(asked.append)
        quarantine.waiting(connection, None, quarantine.Place(5, 5), 50)
        quarantine.waiting(connection, 1, None, 50)
        quarantine.count(connection, None)
        quarantine.count(connection, 1)
        real.set_trace_callback(None)
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()) for statement in asked]
    assert len(plans) == 4
    assert all("event_quarantined" in plan and "SCAN event USING INDEX event_identity" not in plan for plan in plans)
    assert not any("TEMP B-TREE" in plan for plan in plans)


# What a body says.


@unhurried
@given(st.sampled_from(sorted(payment.KINDS)), st.binary(max_size=300))
def test_no_body_stops_it(kind: str, body: bytes) -> None:
    assert isinstance(payment.told(kind, body), payment.Told)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Body", "stkCallback", "CallbackMetadata", "Item", "Name", "Value", "Result", "MSISDN", "TransAmount"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@unhurried
@given(st.sampled_from(sorted(payment.KINDS)), _json)
def test_no_shape_stops_it_and_no_text_is_long(kind: str, document: Any) -> None:
    told = payment.told(kind, json.dumps(document).encode())
    assert all(len(text) <= 40 for text in told)
    payment.money(told.amount)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("150.00", "KSh 150"),
        ("150.5", "KSh 150.50"),
        ("1234567", "KSh 1,234,567"),
        ("", ""),
        ("much", "much"),
        ("1e400", "1e400"),
        ("NaN", "NaN"),
    ],
)
def test_money_in_words(amount: str, said: str) -> None:
    assert payment.money(amount) == said


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("254712345678", "0712 ••• 678"),
        ("2547 ***** 126", "••• 126"),
        ("", ""),
        ("5f3a" * 16, "••• f3a"),
        ("12", "••• 12"),
    ],
)
def test_phones_are_masked(phone: str, said: str) -> None:
    assert masked_phone(phone) == said


def test_names_are_masked() -> None:
    assert (masked_name(" Akinyi "), masked_name("")) == ("A•••", "")
