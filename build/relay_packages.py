"""Which of the locked packages a relay needs: those of the group `relay` and whatever these need in turn.

It must not know how they are installed. What needs what is read from the lock itself, which says it below each package.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from errors import CommandError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEAD = re.compile(r"(?P<name>[a-z0-9-]+)==\S+")


class Locked(NamedTuple):
    """`text` is the requirement with its marker and hashes; `wanted_by` are packages."""

    text: str
    wanted_by: frozenset[str]


def asked_for(pyproject: str) -> list[str]:
    group = tomllib.loads(pyproject)["dependency-groups"]["relay"]
    return [spelled(requirement) for requirement in group]


def of_relay(lock: str, asked: Iterable[str]) -> str:
    """The part of the lock that holds them, in its form. CommandError for a package that it lacks."""
    locked = read(lock)
    asked = set(asked)
    if missing := sorted(asked - locked.keys()):
        raise CommandError(f"The lock lacks what the relay is said to need: {', '.join(missing)}.")
    needed = _with_what_they_need(locked, asked)
    return "".join(f"{locked[name].text}\n" for name in locked if name in needed)


def read(lock: str) -> dict[str, Locked]:
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    return {match["name"]: _locked(block) for block in blocks if (match := _HEAD.match(block))}


def _locked(block: str) -> Locked:
    lines = block.splitlines()
    said = [line for line in lines if not line.lstrip().startswith("#")]
    wanted_by = (spelled(line.replace("# via", "").strip("# ")) for line in lines if line.lstrip().startswith("#"))
    return Locked("\n".join(said), frozenset(wanted_by))


def spelled(requirement: str) -> str:
    """As the lock spells it; empty where there is none."""
    found = _NAME.match(requirement)
    return re.sub(r"[._-]+", "-", found[0]).lower() if found else ""


def _with_what_they_need(locked: Mapping[str, Locked], asked: set[str]) -> set[str]:
    needed = set(asked)
    while more := {name for name, one in locked.items() if one.wanted_by & needed} - needed:
        needed |= more
    return needed
