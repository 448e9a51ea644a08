"""How much of the product the tests must reach, and whether they did. It must not know how the figures were made."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import CommandError

PACKAGES = ("pos_app/domain", "pos_app/daraja", "pos_app/services", "relay")
PACKAGE_PERCENT = 95.0
WHOLE = (
    "pos_app/domain/attempt.py",
    "pos_app/domain/audit.py",
    "pos_app/domain/callback_address.py",
    "pos_app/domain/claim.py",
    "pos_app/domain/ladder.py",
    "pos_app/domain/lockout.py",
    "pos_app/domain/matching.py",
    "pos_app/domain/money.py",
    "pos_app/domain/msisdn.py",
    "pos_app/domain/payment.py",
    "pos_app/domain/pin.py",
    "pos_app/domain/refund.py",
    "pos_app/domain/refund_policy.py",
    "pos_app/domain/refund_route.py",
    "pos_app/domain/sale.py",
    "pos_app/domain/staff.py",
    "pos_app/daraja/initiator_codes.py",
    "pos_app/daraja/pull.py",
    "pos_app/daraja/refund_outcome.py",
    "pos_app/daraja/refund_results.py",
    "pos_app/daraja/registration.py",
    "pos_app/daraja/result_codes.py",
    "pos_app/daraja/results.py",
    "pos_app/daraja/statement.py",
    "pos_app/daraja/values.py",
    "pos_app/daraja/wire.py",
    "pos_app/relay_link/follower.py",
    "pos_app/services/refund_settlement.py",
    "pos_app/services/settlement.py",
    "relay/protocol.py",
    "relay/reading_results.py",
)
"""State machines and parsers: every line and every branch."""


@dataclass(frozen=True)
class Reached:
    """Lines and branches of one file or of several, out of all."""

    lines: int
    all_lines: int
    branches: int
    all_branches: int

    @property
    def line_percent(self) -> float:
        return 100 * self.lines / self.all_lines if self.all_lines else 100.0

    @property
    def branch_percent(self) -> float:
        return 100 * self.branches / self.all_branches if self.all_branches else 100.0

    def at_least(self, percent: float) -> bool:
        return min(self.line_percent, self.branch_percent) >= percent

    def __str__(self) -> str:
        return f"{self.line_percent:.1f} % of lines, {self.branch_percent:.1f} % of branches"


Report = dict[str, Reached]  # by path, with forward slashes


def read_report(path: Path) -> Report:
    """What `coverage json` wrote. Raises CommandError."""
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {name.replace("\\", "/"): _reached(entry["summary"]) for name, entry in files.items()}
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"The coverage report cannot be read: {error}") from None


def _reached(summary: dict[str, int]) -> Reached:
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    return Reached(*(summary[name] for name in names))


def together(parts: Iterable[Reached]) -> Reached:
    rows = [(part.lines, part.all_lines, part.branches, part.all_branches) for part in parts]
    return Reached(*map(sum, zip(*rows, strict=True))) if rows else Reached(0, 0, 0, 0)


def verdicts(report: Report) -> Iterator[tuple[bool, str]]:
    """One per gate: whether it holds, and a line that says so. What was not measured does not hold."""
    for package in PACKAGES:
        parts = [reached for path, reached in report.items() if path.startswith(f"{package}/")]
        held = bool(parts) and together(parts).at_least(PACKAGE_PERCENT)
        yield held, f"{package}: {together(parts) if parts else 'not measured'} (at least {PACKAGE_PERCENT:.0f} %)"
    for path in WHOLE:
        found = report.get(path)
        yield found is not None and found.at_least(100), f"{path}: {found or 'not measured'} (all)"
