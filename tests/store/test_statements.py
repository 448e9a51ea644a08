"""The statements themselves: none of the counter's looks through a whole table, and what is typed is text."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pos_app.domain.attempt import LIVE
from pos_app.store import attempts, catalogue, evidence, payments, relay_events, sales, schema
from pos_app.store.statements import like

_THROUGH_ALL = {"_ALL", "_FOUND", "_TOTAL", "_STANDING", "_SALES", "_SOLD"}
"""Searches, sums, and the beginnings of other statements."""
_MODULES = (attempts, catalogue, evidence, payments, relay_events, sales)
_STATEMENTS = [
    pytest.param(text, id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in _MODULES
    for name, text in vars(module).items()
    if isinstance(text, str) and re.match("SELECT|UPDATE|DELETE", text) and name not in _THROUGH_ALL
]


@pytest.mark.parametrize("statement", _STATEMENTS)
def test_no_statement_of_the_counter_reads_more_the_longer_the_till_has_sold(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "till.db"
    schema.bring_up_to_date(path)
    names = set(re.findall(r":(\w+)", statement))
    bound = dict.fromkeys(names, 1) if names else [1] * statement.count("?")
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", bound)]
    scanned = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    assert scanned in ([], ["SCAN product"], ["SCAN sale"] if "id < :before" in statement else []), plan


def test_the_states_of_a_live_charge_are_the_domains() -> None:
    assert set(re.findall("'([A-Z]+)'", attempts.IS_LIVE)) == {state.value for state in LIVE}


def test_what_a_person_types_is_no_pattern() -> None:
    assert (like(r"50%_\ "), like("a", anywhere=True)) == (r"50\%\_\\ %", "%a%")
