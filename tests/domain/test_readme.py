"""The domain's README is true: its diagrams have the code's transitions, its words are the code's names."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import pos_app.domain
from pos_app.domain.attempt import Attempt, AttemptState
from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.money import Money
from pos_app.domain.msisdn import Msisdn
from pos_app.domain.payment import PaymentState
from pos_app.domain.refund_states import TRANSITIONS, RefundState
from pos_app.domain.sale import SaleState
from pos_app.domain.shop import AccountKind, ShopAccount

FOLDER = Path(pos_app.domain.__path__[0])
README = (FOLDER / "README.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^ +(\S+) --> (\S+)(?: : (.+))?$", re.MULTILINE)
CHARGE, PAYMENT, SALE, REFUND = (
    ARROW.findall(block) for block in re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
)
AT = datetime(2026, 10, 14, tzinfo=UTC)
ATTEMPT = Attempt(
    id=1,
    sale_id=7,
    nonce="n",
    amount=Money.shillings(350),
    msisdn=Msisdn("254712345678"),
    account=ShopAccount(AccountKind.PAYBILL, "174379"),
    account_reference="A-7-1",
    created_at=AT,
)


def test_the_charge_diagram_has_every_transition_of_the_code_and_no_other() -> None:
    drawn = {
        (start, fact, end) for start, end, facts in CHARGE if "[*]" not in {start, end} for fact in facts.split(", ")
    }
    real = set()
    for state in AttemptState:
        for fact in Fact:
            told, disposition = replace(ATTEMPT, state=state).apply(Evidence(fact, Source.QUERY, AT))
            if disposition is Disposition.APPLIED:
                real.add((state.value, fact.value, told.state.value))
    assert drawn == real


def test_the_refund_diagram_has_every_transition_of_the_code_and_no_other() -> None:
    drawn = {
        (start, fact, end) for start, end, facts in REFUND if "[*]" not in {start, end} for fact in facts.split(", ")
    }
    assert drawn == {(start.value, fact.value, end.value) for (start, fact), end in TRANSITIONS.items()}


@pytest.mark.parametrize(
    ("arrows", "states"),
    [(CHARGE, AttemptState), (PAYMENT, PaymentState), (SALE, SaleState), (REFUND, RefundState)],
)
def test_a_diagram_shows_every_state_and_no_other(
    arrows: list[tuple[str, str, str]], states: type[AttemptState | PaymentState | SaleState | RefundState]
) -> None:
    shown = {name for start, end, _ in arrows for name in (start, end)} - {"[*]"}
    assert shown == {state.value for state in states}


def test_every_word_of_the_glossary_is_a_name_in_the_code() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    glossary = README.split("## Words")[1].split("## A charge")[0]
    words = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in glossary.splitlines() if row.startswith("|")))
    assert len(words) > 30
    assert [word for word in words if not re.search(rf"\b{word}\b", source)] == []
