"""The operator over the control API: certificate, scenarios, float, locks; and the statement of what went out."""

from typing import Any

import httpx
import pytest
from cryptography import x509

from pos_app.simulator.clock import ManualClock
from pos_app.simulator.daraja import Daraja
from pos_app.simulator.initiator.scenarios import operation_scenario
from pos_app.simulator.ledger import Payout

Served = tuple[Daraja, str]


def post(url: str, name: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{url}/simulator/{name}", json=fields, trust_env=False)


def get(url: str, name: str) -> httpx.Response:
    return httpx.get(f"{url}/simulator/{name}", trust_env=False)


def test_trap_35_the_certificate_is_there_to_fetch_and_ran_out_long_ago(served: Served) -> None:
    core, url = served
    fetched = get(url, "operator/certificate")
    certificate = x509.load_pem_x509_certificate(fetched.content)
    assert certificate.not_valid_after_utc.timestamp() < ManualClock().now()
    assert fetched.content == core.operator.certificate


def test_the_operator_is_told_and_seen(served: Served) -> None:
    core, url = served
    assert post(url, "operator/deposit", shortcode="174379", amount=5000).status_code == 200
    assert post(url, "operator/scenario", of="payments", scenario="result_lost").status_code == 200
    assert post(url, "operator/scenario", of="questions", scenario="sandbox", next=2).status_code == 200
    assert post(url, "operator/roles", roles=["status"]).status_code == 200
    assert post(url, "operator/unregistered", phone="254712345678", on=True).status_code == 200
    core.operator.wrong_tries = 3
    core.initiator.operations.accept(
        "b2c", {"Amount": 10, "PartyA": 174379, "ResultURL": ""}, operation_scenario("pending"), core.clock.now()
    )
    seen = get(url, "operator").json()
    assert (seen["locked"], seen["roles"]) == (True, ["status"])
    assert [(one["kind"], one["status"]) for one in seen["operations"]] == [("b2c", "Initiated")]
    assert get(url, "operations").json() == seen["operations"]
    assert seen["scenarios"]["payments"] == {"result_copies": 0}
    assert post(url, "operator/unlock", password="new").status_code == 200
    assert post(url, "operator/unregistered", phone="254712345678", on=False).status_code == 200
    assert (core.operator.locked, core.operator.password) == (False, "new")
    assert core.initiator.unregistered == set()
    assert core.ledger.balance("shop:174379") == 5000


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("operator/deposit", {"shortcode": "600000", "amount": 5}),
        ("operator/deposit", {"shortcode": "174379", "amount": 0}),
        ("operator/deposit", {"shortcode": "174379", "amount": True}),
        ("operator/scenario", {"of": "refunds", "scenario": None}),
        ("operator/scenario", {"of": "payments", "scenario": "nothing like it"}),
        ("operator/scenario", {"of": "payments", "scenario": {"code": "?"}}),
        ("operator/roles", {"roles": ["king"]}),
        ("operator/unregistered", {"phone": "0712345678", "on": True}),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(served: Served, name: str, fields: dict[str, Any]) -> None:
    refused = post(served[1], name, **fields)
    assert refused.status_code == 400
    assert refused.json()["error"]


def test_the_statement_and_the_ledger_tell_what_came_and_what_went(served: Served) -> None:
    core, url = served
    post(url, "operator/deposit", shortcode="174379", amount=1000)
    post(url, "c2b/pay", to="174379", phone="254712345678", amount=500, account="A")
    core.clock.advance(60)
    receipt = core.ledger.payments[0].receipt
    now = core.clock.now()
    core.ledger.pay_out(Payout("UJEA000001", 200, "254712345678", "174379", "ref-1", now), 5)
    core.ledger.pay_out(Payout("UJEA000002", 500, "254712345678", "174379", "ref-2", now, receipt))
    rows = get(url, "statement?shortcode=174379").text.splitlines()
    told = [row.split(",") for row in rows[1:]]
    assert [(row[0], row[5], row[6], row[7]) for row in told[:3]] == [
        ("UJEA000002", "", "-500.00", "800.00"),
        ("UJEA000001", "", "-200.00", "1300.00"),
        (receipt, "500.00", "", "1500.00"),
    ]
    assert told[0][11] == receipt
    books = get(url, "ledger").json()
    assert (books["paid"], books["paid_out"], books["sum"]) == (500, 700, 0)
    assert books["balances"]["charges:174379"] == -5
