"""Validation rules: what a shop wrote wrong is said field by field; what they refuse has the contract's code."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos_app.domain.money import Money
from pos_app.domain.validation import (
    CLOSED_MAX,
    REFERENCES_MAX,
    ClosedHours,
    FieldError,
    ValidationAnswer,
    ValidationRequest,
    ValidationRules,
    document_of,
    parse_rules,
    verdict,
)

NOON = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
WHOLE = {
    "min": 1_000,
    "max": 5_000_000,
    "references": ["T1-142", "hse 12b"],
    "closed": [["22:00", "06:00"]],
    "default": "reject",
    "ask": True,
}


def rules_of(document: object) -> ValidationRules:
    rules = parse_rules(document)
    assert isinstance(rules, ValidationRules)
    return rules


def shillings(amount: int, reference: str = "") -> ValidationRequest:
    return ValidationRequest(Money.shillings(amount), reference)


class TestTheDocument:
    def test_an_empty_one_lets_everything_in(self) -> None:
        assert rules_of({}) == ValidationRules()
        nothing: dict[str, Any] = {
            "min": None,
            "max": None,
            "references": None,
            "closed": [],
            "default": "accept",
            "ask": False,
        }
        assert rules_of(nothing) == ValidationRules()

    def test_every_field_is_read(self) -> None:
        assert rules_of(WHOLE) == ValidationRules(
            minimum=Money.shillings(10),
            maximum=Money.shillings(50_000),
            references=("T1-142", "hse 12b"),
            closed=(ClosedHours(time(22), time(6)),),
            accepts_by_default=False,
            asks_till=True,
        )

    @pytest.mark.parametrize("document", [{}, WHOLE, {"references": []}])
    def test_it_is_written_as_it_is_read(self, document: dict[str, Any]) -> None:
        assert parse_rules(document_of(rules_of(document))) == rules_of(document)
        assert document_of(rules_of(WHOLE)) == WHOLE

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("min", [0, -1, 1.5, True, "100", 10**12, []]),
            ("max", [0, -1, 1.5, True, "100", 10**12, {}]),
            ("references", ["T1-142", [""], ["--"], [142], ["x" * 21], [None], ["a"] * (REFERENCES_MAX + 1), {}]),
            (
                "closed",
                [
                    None,
                    "22:00",
                    [["22:00"]],
                    [["22:00", "22:00"]],
                    [["24:00", "06:00"]],
                    [["6:00", "07:00"]],
                    [[22, 6]],
                    ["22:00", "06:00"],
                    [["22:00", "06:00", "07:00"]],
                    [["22:00", "06:00"]] * (CLOSED_MAX + 1),
                ],
            ),
            ("default", [None, "", "Accept", 1, []]),
            ("ask", [None, 0, 1, "yes"]),
            ("minimum", [100]),
        ],
    )
    def test_a_wrong_field_is_named(self, name: str, values: list[Any]) -> None:
        for value in values:
            errors = parse_rules({**WHOLE, name: value})
            assert isinstance(errors, tuple), value
            assert [error.field for error in errors] == [name]
            assert all(error.sentence.endswith(".") for error in errors)

    def test_the_smallest_amount_is_not_over_the_largest(self) -> None:
        told = FieldError("min", "The smallest amount, KES 20, is over the largest, KES 10.")
        assert parse_rules({"min": 2_000, "max": 1_000}) == (told,)

    @pytest.mark.parametrize("document", [None, [], "{}", 1])
    def test_what_is_no_object_is_refused_as_a_whole(self, document: object) -> None:
        errors = parse_rules(document)
        assert isinstance(errors, tuple)
        assert [error.field for error in errors] == [""]

    def test_all_that_is_wrong_is_said_at_once(self) -> None:
        errors = parse_rules({"min": 0, "ask": 1, "colour": "red"})
        assert isinstance(errors, tuple)
        assert [error.field for error in errors] == ["min", "ask", "colour"]

    @settings(deadline=None, derandomize=True, database=None)
    @given(
        document=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("22:00"),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from([*WHOLE, "other"]) | st.text(max_size=3), inner, max_size=6)
            ),
            max_leaves=12,
        )
    )
    def test_whatever_json_brings_is_rules_or_errors(self, document: object) -> None:
        parsed = parse_rules(document)
        assert isinstance(parsed, ValidationRules) or parsed


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("amount", "answer"),
        [
            (9, ValidationAnswer.BAD_AMOUNT),
            (10, ValidationAnswer.ACCEPT),
            (500, ValidationAnswer.ACCEPT),
            (501, ValidationAnswer.BAD_AMOUNT),
        ],
    )
    def test_an_amount_out_of_bounds_is_refused(self, amount: int, answer: ValidationAnswer) -> None:
        rules = rules_of({"min": 1_000, "max": 50_000})
        assert verdict(rules, shillings(amount), NOON) is answer

    @pytest.mark.parametrize("typed", ["T1-142", "t1 142", " T1142 ", "HSE 12B", "hse12b"])
    def test_a_known_reference_is_let_in_however_it_is_typed(self, typed: str) -> None:
        assert verdict(rules_of({"references": WHOLE["references"]}), shillings(5, typed), NOON) == "0"

    @pytest.mark.parametrize("typed", ["", "T1-143", "HSE"])
    def test_an_unknown_reference_is_refused(self, typed: str) -> None:
        answer = verdict(rules_of({"references": WHOLE["references"]}), shillings(5, typed), NOON)
        assert answer == "C2B00012"

    @pytest.mark.parametrize(
        ("closed", "hour", "answer"),
        [
            (["22:00", "06:00"], 22, "C2B00016"),
            (["22:00", "06:00"], 5, "C2B00016"),
            (["22:00", "06:00"], 6, "0"),
            (["22:00", "06:00"], 21, "0"),
            (["12:00", "14:00"], 12, "C2B00016"),
            (["12:00", "14:00"], 14, "0"),
            (["12:00", "14:00"], 11, "0"),
        ],
    )
    def test_closed_hours_are_by_the_clock_in_nairobi(self, closed: list[str], hour: int, answer: str) -> None:
        at = datetime(2026, 10, 14, (hour - 3) % 24, 0, tzinfo=UTC)
        assert verdict(rules_of({"closed": [closed]}), shillings(5), at) == answer

    @pytest.mark.parametrize(("default", "answer"), [("accept", "0"), ("reject", "C2B00016")])
    def test_what_cannot_be_judged_gets_the_default(self, default: str, answer: str) -> None:
        assert verdict(rules_of({"default": default}), ValidationRequest(None), NOON) == answer

    def test_the_default_says_nothing_about_what_the_rules_can_judge(self) -> None:
        assert verdict(rules_of({"default": "reject"}), shillings(5), NOON) is ValidationAnswer.ACCEPT
