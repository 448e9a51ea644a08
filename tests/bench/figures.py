"""Figures of a benchmark: ours beside its floor round by round, the ratio, and whether it is what was asked for.

It must not know what is measured.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """`share` from 0 to 1; the value that at least that share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


@dataclass(frozen=True)
class Spread:
    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def text(self, unit: str = "") -> str:
        return f"{number(self.middle)}{unit} ({number(self.low)}–{number(self.high)})"


@dataclass(frozen=True)
class Figure:
    """One line of the table. Round n of `ours` and of `floor` ran next to each other, and are compared with each other.

    Without a floor the figure itself is held to the limit; without a limit it is only told.
    """

    name: str
    what: str
    unit: str
    ours: list[float]
    floor: list[float] = field(default_factory=list)
    floor_name: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def compared(self) -> Spread:
        if not self.floor:
            return Spread.of(self.ours)
        return Spread.of([ours / floor for ours, floor in zip(self.ours, self.floor, strict=True)])

    @property
    def verdict(self) -> str:
        held = self.compared.middle
        if self.at_least is not None:
            return "held" if held >= self.at_least else "missed"
        if self.at_most is not None:
            return "held" if held <= self.at_most else "missed"
        return ""

    @property
    def target(self) -> str:
        unit = "×" if self.floor else f" {self.unit}"
        if self.at_least is not None:
            return f"≥ {number(self.at_least)}{unit}"
        return "" if self.at_most is None else f"≤ {number(self.at_most)}{unit}"

    def lines(self) -> str:
        ratio = f"{self.compared.text('×')}" if self.floor else ""
        floor = f"{Spread.of(self.floor).text()} {self.floor_name}" if self.floor else ""
        head = f"{self.name:<4} {self.what:<62} {self.verdict:<7}{self.target:<12}{ratio}"
        return (
            f"{head.rstrip()}\n       {Spread.of(self.ours).text()} {self.unit}{'  against ' + floor if floor else ''}"
        )

    def facts(self) -> dict[str, object]:
        return {**asdict(self), "ratio": asdict(self.compared), "verdict": self.verdict, "target": self.target}


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
