"""The settings on disk and in the environment; a bad file is set aside and said, never a reason not to start."""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pos_app.settings.private_file import write_private
from pos_app.settings.values import Settings, till_code_problem

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_DEFAULTS = asdict(Settings())
_QUOTED_MAX = 40


class SettingsFile:
    """`problem` is a sentence for the owner after `load`, or empty; `overridden` are fields the environment decides."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._on_disk = Settings()
        self._writing = threading.Lock()
        self.problem = ""
        self.overridden: frozenset[str] = frozenset()
        self.in_force = Settings()
        """What was loaded or saved last, by whomever."""

    def load(self) -> Settings:
        self.problem = ""
        self._on_disk = self._from_disk()
        values: dict[str, Any] = {}
        for name, text in self._named_in_environment():
            value = _checked(name, text, typed=True)
            if value is None:
                self._add_problem(f"{variable(name)} is set to {_quoted(text)}, which it cannot be, so it is not used.")
            else:
                values[name] = value
        self.overridden = frozenset(values)
        self.in_force = replace(self._on_disk, **values)
        return self.in_force

    def change(self, **values: Any) -> Settings:
        """These fields and no other, so that two parts of the program never undo each other. Raises OSError."""
        with self._writing:
            changed = replace(self.in_force, **values)
            self._write(changed)
            return changed

    def save(self, settings: Settings) -> None:
        """All of it. Raises OSError."""
        with self._writing:
            self._write(settings)

    def _write(self, settings: Settings) -> None:
        """What the environment decides is not written: it ends with the environment."""
        kept = {name: getattr(self._on_disk, name) for name in self.overridden}
        on_disk = replace(settings, **kept)
        write_private(self._path, json.dumps(asdict(on_disk), indent=2, ensure_ascii=False).encode() + b"\n")
        self._on_disk = on_disk
        self.in_force = settings

    def _named_in_environment(self) -> Iterable[tuple[str, str]]:
        return [(name, self._environ[variable(name)]) for name in _DEFAULTS if self._environ.get(variable(name))]

    def _from_disk(self) -> Settings:
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            self._add_problem(
                f"The settings file cannot be read ({error.strerror}). The till starts with its defaults."
            )
            return Settings()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            return self._set_aside("The settings file was damaged.", Settings())
        return self._checked_values(found)

    def _checked_values(self, found: dict[str, object]) -> Settings:
        values = {name: _checked(name, found[name]) for name in _DEFAULTS if name in found}
        bad = sorted(name for name, value in values.items() if value is None)
        settings = Settings(**{name: value for name, value in values.items() if value is not None})
        if not bad:
            return settings
        names = ", ".join(f"{name.replace('_', ' ')} ({_quoted(found[name])})" for name in bad)
        return self._set_aside(f"The settings file holds something impossible for: {names}.", settings)

    def _set_aside(self, what: str, settings: Settings) -> Settings:
        aside = self._path.with_name(self._path.name + ".bad")
        try:
            write_private(aside, self._path.read_bytes())
            kept = f"It is kept as {aside.name}."
        except OSError:
            kept = "It could not be kept aside."
        self._add_problem(f"{what} {kept} Sales and payments are safe. Check the settings and save them again.")
        return settings

    def _add_problem(self, sentence: str) -> None:
        self.problem = f"{self.problem} {sentence}".strip()


def variable(name: str) -> str:
    """`shop_name` is TILL_SHOP_NAME, `till_code` is TILL_CODE."""
    return "TILL_" + name.removeprefix("till_").upper()


def _checked(name: str, value: object, *, typed: bool = False) -> Any | None:
    """The value in the field's own type, or None when it cannot be one. `typed` text comes from the environment."""
    default = _DEFAULTS[name]
    if isinstance(default, bool):
        found = _WORDS.get(value.strip().lower()) if typed and isinstance(value, str) else value
        return found if isinstance(found, bool) else None
    if not isinstance(value, str):
        return None
    if isinstance(default, StrEnum):
        return next((choice for choice in type(default) if choice.value == value), None)
    is_code = name == "till_code" or (name == "relay_till_code" and value)
    return None if is_code and till_code_problem(value) else value


def _quoted(value: object) -> str:
    return f"“{str(value)[:_QUOTED_MAX]}”"
