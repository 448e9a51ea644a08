"""The rules of a shop for payments that ask to come in: every refusal has its own code, and doubt has the default."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay import rules
from relay.rules import Asked, Rules, RulesError

NOON = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)  # 12:00 in Nairobi


def asked(amount: int | None = 50_000, reference: str = "HSE 12B") -> Asked:
    return Asked("UJE2A9C4KF", amount, reference)


def test_without_rules_everything_is_accepted() -> None:
    assert rules.verdict(Rules(), asked(), NOON) == rules.ACCEPTED


@pytest.mark.parametrize(("cents", "code"), [(999, "C2B00013"), (1000, "0"), (70_000, "0"), (70_001, "C2B00013")])
def test_an_amount_outside_the_bounds_is_refused_as_an_amount(cents: int, code: str) -> None:
    assert rules.verdict(Rules(min=1000, max=70_000), asked(cents), NOON) == code


@pytest.mark.parametrize(
    ("reference", "code"), [("hse12b", "0"), (" HSE-12B. ", "0"), ("HSE 12", "C2B00012"), ("", "C2B00012")]
)
def test_an_account_nobody_knows_is_refused_as_an_account(reference: str, code: str) -> None:
    assert rules.verdict(Rules(references=["Hse 12b"]), asked(reference=reference), NOON) == code


@pytest.mark.parametrize(
    ("span", "hour", "code"),
    [
        (("22:00", "06:00"), 23, "C2B00016"),
        (("22:00", "06:00"), 5, "C2B00016"),
        (("22:00", "06:00"), 6, "0"),
        (("13:00", "14:00"), 13, "C2B00016"),
        (("13:00", "14:00"), 14, "0"),
    ],
)
def test_a_closed_hour_is_one_of_nairobi(span: tuple[str, str], hour: int, code: str) -> None:
    at = datetime(2026, 10, 14, (hour - 3) % 24, 0, tzinfo=UTC)
    assert rules.verdict(Rules(closed=[span]), asked(), at) == code


def test_a_shop_that_is_closed_says_so_whatever_the_payment() -> None:
    rule = Rules(closed=[("00:00", "23:59")], max=1, references=[])
    assert [rules.verdict(rule, what, NOON) for what in (asked(), asked(None), None)] == ["C2B00016"] * 3


@pytest.mark.parametrize("what", [None, asked(amount=None)])
def test_what_cannot_be_read_gets_the_default(what: Asked | None) -> None:
    assert rules.verdict(Rules(min=1), what, NOON) == "0"
    assert rules.verdict(Rules(min=1, default="reject"), what, NOON) == "C2B00016"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"min": "1"}', "min"),
        (b'{"min": -1}', "min"),
        (b'{"max": -1}', "max"),
        (b'{"min": 2, "max": 1}', "min is above max"),
        (b'{"closed": [["24:00", "06:00"]]}', "closed"),
        (b'{"closed": [["22:00"]]}', "closed"),
        (b'{"default": "maybe"}', "default"),
        (b'{"limit": 1}', "limit"),
        (b'{"references": [' + b'"a",' * 1000 + b'"a"]}', "references"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused_with_its_field(document: bytes, named: str) -> None:
    with pytest.raises(RulesError, match=named):
        rules.parse(document)


def test_a_whole_document_is_taken() -> None:
    document = (
        b'{"min":100,"max":null,"references":["T1-1"],"closed":[["22:00","06:00"]],"default":"reject","ask":true}'
    )
    assert rules.parse(document) == Rules(100, None, ["T1-1"], [("22:00", "06:00")], "reject", ask=True)


def test_e37_the_validation_request_is_read() -> None:
    body = b'{"TransactionType":"Pay Bill","TransID":"UJE2A9C4KF","TransAmount":"500.00","BillRefNumber":"HSE 12B"}'
    assert rules.read(body) == Asked("UJE2A9C4KF", 50_000, "HSE 12B")


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ('"10"', 1000),
        ("10", 1000),
        ('"10.5"', 1050),
        ('"0.001"', None),
        ('"NaN"', None),
        ('"1e999999999"', None),
        ("null", None),
    ],
)
def test_an_amount_is_read_in_every_spelling_or_not_at_all(amount: str, cents: int | None) -> None:
    found = rules.read(f'{{"TransID":"UJE2A9C4KF","TransAmount":{amount},"BillRefNumber":null}}'.encode())
    assert found == Asked("UJE2A9C4KF", cents, "")


@given(st.binary(max_size=200))
def test_any_bytes_get_a_verdict(body: bytes) -> None:
    assert rules.verdict(Rules(min=1, references=["a"]), rules.read(body), NOON) in rules.CODES


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"7", b'{"TransID":"","TransAmount":"1"}', b'{"TransID":7,"TransAmount":"1"}']
)
def test_what_is_no_validation_request_is_none(body: bytes) -> None:
    assert rules.read(body) is None


def test_a_receipt_is_read_in_the_spelling_of_its_confirmation() -> None:
    asked = rules.read(b'{"TransID":" uje2a9c4kf","TransAmount":"1","BillRefNumber":""}')
    assert asked is not None
    assert asked.receipt == "UJE2A9C4KF"
