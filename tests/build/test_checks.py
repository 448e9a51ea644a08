"""The run over all checks: each is tried, each failure is named, and the exit code says it."""

import pytest

from checks import run_all


def test_every_check_runs_and_the_failed_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    ran = []

    def check(name: str, code: int) -> int:
        ran.append(name)
        return code

    checks = [(name, lambda name=name, code=code: check(name, code)) for name, code in [("a", 0), ("b", 2), ("c", 0)]]
    assert run_all(checks) == 1
    assert ran == ["a", "b", "c"]
    assert "failed: b (3 checks" in capsys.readouterr().out


def test_all_passed_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all([("a", lambda: 0)]) == 0
    assert "all passed (1 checks" in capsys.readouterr().out
