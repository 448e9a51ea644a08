"""How scenarios are named, combined and refused: presets by name, joined with `+`, and single knobs by name and value.

It must not know what any knob does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Knobs = TypeVar("Knobs", bound="DataclassInstance")
Fits = Callable[[object], bool]


class UnknownScenarioError(ValueError):
    """No preset, code or knob of that name; the message says which."""


@dataclass(frozen=True)
class Vocabulary(Generic[Knobs]):
    """`plain` has every knob at rest. `fits` are the knobs for which the type alone does not say what they may be.

    `phrase` reads a name that is no preset, or gives None.
    """

    plain: Knobs
    presets: Mapping[str, Mapping[str, Any]]
    fits: Mapping[str, Fits]
    phrase: Callable[[str], dict[str, Any] | None] = lambda _name: None

    def read(self, spec: str | Mapping[str, Any] | Knobs) -> Knobs:
        """From `name`, `name+other`, or knobs: `{"preset": "name", "knob": 3}`."""
        if isinstance(spec, type(self.plain)):
            return spec
        if isinstance(spec, str):
            return self.changed(self.plain, self._knobs_of(spec))
        if not isinstance(spec, Mapping):
            raise UnknownScenarioError("a scenario is a name, or knobs by name")
        knobs = dict(spec)
        preset = knobs.pop("preset", "")
        return self.changed(self.read(str(preset)) if preset else self.plain, knobs)

    def describe(self, chosen: Knobs) -> dict[str, Any]:
        """Only the knobs that are not at rest."""
        plain = asdict(self.plain)
        return {name: value for name, value in asdict(chosen).items() if value != plain[name]}

    def _knobs_of(self, spec: str) -> dict[str, Any]:
        knobs: dict[str, Any] = {}
        for name in (part.strip() for part in spec.split("+")):
            meant = self.presets.get(name, self.phrase(name))
            if meant is None:
                raise UnknownScenarioError(f"no scenario is named {name!r}")
            knobs |= meant
        return knobs

    def changed(self, base: Knobs, knobs: Mapping[str, Any]) -> Knobs:
        known = {knob.name for knob in fields(self.plain)}
        for name, value in knobs.items():
            if name not in known:
                raise UnknownScenarioError(f"a scenario has no knob {name!r}")
            if not self._fits(name, value):
                raise UnknownScenarioError(f"{value!r} is nothing for the knob {name!r}")
        return replace(base, **knobs)

    def _fits(self, name: str, value: object) -> bool:
        fits = self.fits.get(name) or _of_type(type(getattr(self.plain, name)))
        return fits(value)


@dataclass
class Script(Generic[Knobs]):
    """Who gets which scenario. The queue goes first, then the phone, then the amount, then the default."""

    default: Knobs
    by_phone: dict[str, Knobs] = field(default_factory=dict)
    by_amount: dict[int, Knobs] = field(default_factory=dict)
    queue: list[Knobs] = field(default_factory=list)

    def pick(self, phone: str, amount: int) -> Knobs:
        if self.queue:
            return self.queue.pop(0)
        return self.by_phone.get(phone) or self.by_amount.get(amount) or self.default


def one_of(*choices: str) -> Fits:
    return lambda value: value in choices


def matching(pattern: str) -> Fits:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _of_type(wanted: type) -> Fits:
    """A float is a time and therefore not negative; true is no number."""
    if wanted is float:
        return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    if wanted is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1_000_000
    return lambda value: isinstance(value, wanted)
