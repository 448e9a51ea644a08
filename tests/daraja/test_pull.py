"""What Pull brings: every page, every spelling; no row is dropped, and no failure is taken for “nothing there”."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.daraja.client import DarajaClient
from pos_app.daraja.errors import RequestError
from pos_app.daraja.exchange import NO_ANSWER, NO_CONNECTION
from pos_app.daraja.obstacles import Effect
from pos_app.daraja.pull import PAGE_ROWS, Pulled, pull_row, told_row
from pos_app.daraja.values import EAT
from pos_app.domain.money import Money

pytestmark = pytest.mark.anyio

Client = Callable[..., DarajaClient]
PULL = "/pulltransactions/v1/query"
START, END = datetime(2026, 10, 14, 10, 0, tzinfo=UTC), datetime(2026, 10, 14, 12, 15, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ROW_KEYS = ("transactionId", "trxDate", "msisdn", "sender", "transactiontype", "billreference", "amount")


def _row(number: int, **changes: object) -> dict[str, object]:
    return {"transactionId": f"UJE{number:07d}", "trxDate": "2026-10-14 15:00:00", "amount": "10.00", **changes}


def _page(first: int, count: int) -> Any:
    rows = [_row(number) for number in range(first, first + count)]
    return httpx.Response(200, json={"ResponseCode": "1000", "Response": [rows]})


def _answer(status: int = 200, **body: Any) -> Any:
    return httpx.Response(status, json=body)


async def _pulled(daraja: Any, client: DarajaClient, *answers: Any, offset: int = 0) -> Pulled:
    daraja.on(PULL, *answers)
    return await client.pull(START, END, offset)


async def test_pages_are_asked_for_until_a_short_one(daraja: Any, make_client: Client) -> None:
    pulled = await _pulled(daraja, make_client(), _page(1, PAGE_ROWS), _page(101, PAGE_ROWS), _page(201, 7))
    assert [sent["OffSetValue"] for sent in daraja.bodies(PULL)] == ["0", "100", "200"]
    assert len({row.receipt for row in pulled.rows}) == 207
    assert pulled.is_complete


@pytest.mark.parametrize(
    "last",
    [
        _answer(ResponseCode="1001", Response=[[]]),
        _answer(500, errorCode="500.001", errorMessage="Failed to retrieve: No available transactions"),
    ],
)
async def test_a_full_last_page_is_followed_by_an_empty_one(daraja: Any, make_client: Client, last: Any) -> None:
    pulled = await _pulled(daraja, make_client(), _page(1, PAGE_ROWS), last)
    assert (len(pulled.rows), pulled.is_complete) == (PAGE_ROWS, True)


async def test_a_pull_may_begin_further_down(daraja: Any, make_client: Client) -> None:
    await _pulled(daraja, make_client(), _page(1, PAGE_ROWS), _page(101, 1), offset=40)
    assert [sent["OffSetValue"] for sent in daraja.bodies(PULL)] == ["40", "140"]


async def test_what_came_before_a_break_is_kept(daraja: Any, make_client: Client) -> None:
    pulled = await _pulled(daraja, make_client(), _page(1, PAGE_ROWS), httpx.ReadTimeout("slow"))
    assert len(pulled.rows) == PAGE_ROWS
    assert pulled.gap is not None
    assert (pulled.gap.effect, pulled.gap.code, pulled.is_complete) == (Effect.UNCLEAR, NO_ANSWER, False)


async def test_an_offset_that_is_not_heeded_ends_the_asking(daraja: Any, make_client: Client) -> None:
    pulled = await _pulled(daraja, make_client(), _page(1, PAGE_ROWS), _page(1, PAGE_ROWS))
    assert len(pulled.rows) == PAGE_ROWS
    assert pulled.gap is not None
    assert pulled.gap.code == "endless"


async def test_a_list_without_end_is_given_up(daraja: Any, make_client: Client) -> None:
    pages = (_page(1 + PAGE_ROWS * number, PAGE_ROWS) for number in range(200))
    pulled = await _pulled(daraja, make_client(), *pages)
    assert (len(pulled.rows), pulled.is_complete) == (20_000, False)


@pytest.mark.parametrize(
    "answer",
    [
        _answer(ResponseCode="1001"),
        _answer(ResponseCode="1000", Response=[[]]),
        _answer(ResponseCode=1000, Response=[]),
        httpx.Response(200, json={"Response Code": "1001", "response": None}),
        _answer(500, ResponseMessage="failed to retrieve, no available transactions"),
    ],
)
async def test_nothing_there_is_an_answer_in_many_spellings(daraja: Any, make_client: Client, answer: Any) -> None:
    pulled = await _pulled(daraja, make_client(), answer)
    assert (pulled.rows, pulled.is_complete) == ((), True)


@pytest.mark.parametrize(
    ("answer", "effect", "code"),
    [
        (_answer(400, errorCode="400.001", errorMessage="Invalid ShortCode"), Effect.REFUSED, "400.001"),
        (_answer(500, errorCode="500.001.1001", errorMessage="failed"), Effect.UNCLEAR, "500.001.1001"),
        (_answer(500, errorCode="500.003.02", errorMessage="busy"), Effect.NOT_REACHED, "500.003.02"),
        (_answer(500, nothing="no available transactions"), Effect.UNCLEAR, "HTTP 500"),
        (_answer(400, errorMessage="no available transactions"), Effect.UNCLEAR, "HTTP 400"),
        (_answer(ResponseCode="1000"), Effect.UNCLEAR, "HTTP 200"),
        (_answer(ResponseCode="1000", Response="none"), Effect.UNCLEAR, "HTTP 200"),
        (_answer(Response=[[]]), Effect.UNCLEAR, "HTTP 200"),
        (_answer(ResponseCode="1002", ResponseMessage="Odd", Response=[[]]), Effect.UNCLEAR, "1002"),
        (httpx.Response(200, content=b"no available transactions"), Effect.UNCLEAR, "HTTP 200"),
        (httpx.Response(503, content=b"Incapsula"), Effect.NOT_REACHED, "WAF"),
        (httpx.ConnectError("no route"), Effect.NOT_REACHED, NO_CONNECTION),
    ],
)
async def test_no_failure_means_that_nothing_is_there(
    daraja: Any, make_client: Client, *, answer: Any, effect: Effect, code: str
) -> None:
    pulled = await _pulled(daraja, make_client(), answer)
    assert pulled.gap is not None
    assert (pulled.gap.effect, pulled.gap.code, pulled.is_complete) == (effect, code, False)


@pytest.mark.parametrize("code", ["", "1001", "1002", None])
async def test_rows_are_money_whatever_the_code_beside_them(daraja: Any, make_client: Client, code: object) -> None:
    pulled = await _pulled(daraja, make_client(), _answer(ResponseCode=code, Response=[[_row(1)]]))
    assert [row.receipt for row in pulled.rows] == ["UJE0000001"]


async def test_rows_need_not_stand_in_a_second_array(daraja: Any, make_client: Client) -> None:
    pulled = await _pulled(daraja, make_client(), _answer(ResponseCode="1000", Response=[_row(1), [_row(2)]]))
    assert [row.receipt for row in pulled.rows] == ["UJE0000001", "UJE0000002"]


@pytest.mark.parametrize(
    "bad", [None, {}, "x", [1], _row(1, amount="free"), _row(1, amount="-5.00"), _row(1, transactionId="?")]
)
async def test_a_row_that_cannot_be_read_is_kept_as_it_came(daraja: Any, make_client: Client, bad: Any) -> None:
    pulled = await _pulled(daraja, make_client(), _answer(ResponseCode="1000", Response=[[_row(2), bad]]))
    assert len(pulled.rows) == 1
    assert pulled.unreadable == (bad,)
    assert (pulled.gap, pulled.is_complete) == (None, False)


async def test_a_long_page_is_read_whole(daraja: Any, make_client: Client) -> None:
    rows = [_row(number, organizationname="x" * 3000) for number in range(1, 51)]
    pulled = await _pulled(daraja, make_client(), _answer(ResponseCode="1000", Response=[rows]))
    assert (len(pulled.rows), pulled.is_complete) == (50, True)


@pytest.mark.parametrize(
    ("text", "paid_at"),
    [
        ("2026-10-14T16:05:03Z", datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)),
        ("2026-10-14T16:05:03+00:00", datetime(2026, 10, 14, 16, 5, 3, tzinfo=UTC)),
        ("2026-10-14T16:05:03+03:00", datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)),
        ("2026-10-14T16:05:03", datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)),
        ("2026-10-14 16:05:03", datetime(2026, 10, 14, 13, 5, 3, tzinfo=UTC)),
        ("2026-10-14 16:05:03.5", datetime(2026, 10, 14, 13, 5, 3, 500_000, tzinfo=UTC)),
        ("0001-01-01 00:00:00", None),
        ("14.10.2026 16:05:03", None),
        ("", None),
        (None, None),
    ],
)
def test_a_row_without_a_zone_or_with_the_contracts_z_is_east_africa_time(text: object, paid_at: object) -> None:
    row = pull_row(_row(1, trxDate=text))
    assert row is not None
    assert row.paid_at == paid_at


@pytest.mark.parametrize("since", [timedelta(hours=2), timedelta(hours=6), timedelta(hours=47)])
@pytest.mark.parametrize("zone", [EAT, UTC])
async def test_what_a_list_means_by_z_is_told_by_all_its_rows(
    daraja: Any, make_client: Client, since: timedelta, zone: tzinfo
) -> None:
    """A row alone, of more than three hours ago, could be either; and then the balance before it would not add up."""
    paid = [END - since + (since / 8) * part for part in range(8)]
    listed = [_row(at, trxDate=f"{one.astimezone(zone):%Y-%m-%dT%H:%M:%S}Z") for at, one in enumerate(paid, 1)]
    daraja.on(PULL, _answer(ResponseCode="1000", Response=[listed]))
    pulled = await make_client().pull(END - since, END)
    assert [row.paid_at for row in pulled.rows] == paid
    assert [told.paid_at for row in pulled.rows if (told := pull_row(json.loads(told_row(row))))] == paid


@pytest.mark.parametrize(
    ("sender", "name"), [("MPESA", ""), ("mpesa", ""), ("JOHN\tDOE", "JOHN DOE"), ("<b>J</b>", "<b>J</b>"), (None, "")]
)
def test_a_placeholder_is_nobodys_name(sender: object, name: str) -> None:
    row = pull_row(_row(1, sender=sender))
    assert row is not None
    assert row.sender_name == name


def test_names_are_read_in_any_spelling_and_a_whole_phone_is_masked() -> None:
    raw = {"TransactionID": " uje2a9c4kf ", "Amount": 500, "Bill Reference": " HSE 12B ", "MSISDN": 254712345678}
    row = pull_row(raw)
    assert row is not None
    assert (row.receipt, row.amount, row.bill_reference) == ("UJE2A9C4KF", Money.shillings(500), "HSE 12B")
    assert row.payer_phone == "0712 ••• 678"
    assert row.raw is raw
    assert "712345" not in repr(Pulled((row,), unreadable=(raw,)))


@given(JSON, st.fixed_dictionaries({}, optional=dict.fromkeys(ROW_KEYS, JSON)))
def test_any_row_is_money_or_nothing(anything: object, fields: dict[str, object]) -> None:
    for raw in (anything, fields, _row(1, **fields)):
        row = pull_row(raw)
        assert row is None or (row.receipt and row.amount > Money(0))


async def test_a_window_is_sent_in_east_africa_time_from_any_zone(daraja: Any, make_client: Client) -> None:
    daraja.on(PULL, _page(1, 1))
    await make_client().pull(START, END.astimezone(timezone(timedelta(hours=-5))))
    (sent,) = daraja.bodies(PULL)
    assert (sent["StartDate"], sent["EndDate"]) == ("2026-10-14 13:00:00", "2026-10-14 15:15:00")


async def test_a_window_that_ends_before_it_begins_is_a_misuse(daraja: Any, make_client: Client) -> None:
    with pytest.raises(RequestError):
        await make_client().pull(END, START)
    assert daraja.requests == []
