"""The gates on coverage: read from coverage's own report, closed for what was not measured."""

import json
from pathlib import Path

import pytest

import coverage_gates
from coverage_gates import PACKAGES, WHOLE, Reached, read_report, together, verdicts
from errors import CommandError

FULL = Reached(10, 10, 4, 4)


def entry(lines: int, branches: int) -> dict[str, object]:
    summary = {"covered_lines": lines, "num_statements": 100, "covered_branches": branches, "num_branches": 100}
    return {"summary": summary}


def complete() -> dict[str, Reached]:
    return dict.fromkeys(WHOLE, FULL) | {f"{package}/rest.py": FULL for package in PACKAGES}


def failed(report: dict[str, Reached]) -> list[str]:
    return [line for held, line in verdicts(report) if not held]


def test_a_report_is_read_with_either_slash(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"files": {"relay\\log.py": entry(90, 80), "relay/app.py": entry(100, 100)}}))
    assert read_report(path) == {"relay/log.py": Reached(90, 100, 80, 100), "relay/app.py": Reached(100, 100, 100, 100)}


@pytest.mark.parametrize("text", ["", "{}", '{"files": {"a.py": {"summary": {}}}}'])
def test_a_report_that_cannot_be_read_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(CommandError, match="cannot be read"):
        read_report(path)


def test_no_report_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        read_report(tmp_path / "none.json")


def test_everything_reached_opens_every_gate() -> None:
    assert failed(complete()) == []


def test_nothing_measured_closes_every_gate() -> None:
    assert len(failed({})) == len(PACKAGES) + len(WHOLE)


def test_branches_count_on_their_own() -> None:
    (line,) = failed(complete() | {"relay/rest.py": Reached(1000, 1000, 9_000, 10_000)})
    assert line == "relay: 100.0 % of lines, 90.0 % of branches (at least 95 %)"


def test_a_state_machine_with_one_line_missing_is_named() -> None:
    assert failed(complete() | {"pos_app/domain/money.py": Reached(999, 1000, 400, 400)}) == [
        "pos_app/domain/money.py: 99.9 % of lines, 100.0 % of branches (all)"
    ]


def test_a_package_is_judged_as_a_whole_and_by_its_name_alone() -> None:
    report = complete() | {"relay_of_others/bad.py": Reached(0, 1000, 0, 1000)}
    assert failed(report) == []
    assert together([Reached(1, 2, 0, 1), Reached(3, 4, 2, 2)]) == Reached(4, 6, 2, 3)


def test_a_file_without_branches_is_wholly_reached() -> None:
    assert Reached(3, 3, 0, 0).at_least(100)
    assert Reached(0, 0, 0, 0).at_least(100)


def test_every_gated_path_is_in_the_checkout(checkout: Path) -> None:
    assert [path for path in (*PACKAGES, *WHOLE) if not (checkout / path).exists()] == []
    assert coverage_gates.PACKAGE_PERCENT >= 95
