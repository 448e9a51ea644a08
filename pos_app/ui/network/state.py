"""What the network page shows, in words; two equal states show the same."""

from dataclasses import dataclass, field

Key = tuple[str, str]
"""What a card is about, for as long as it is about that: its kind, and which one."""


@dataclass(frozen=True, slots=True)
class Figure:
    number: str
    caption: str


@dataclass(frozen=True, slots=True)
class WeatherWords:
    sign: str
    tint: str
    word: str
    sentence: str
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class PullingWords:
    """`waiting`: what was found and the relay has yet to hear of."""

    sentence: str
    trouble: str = ""
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to settle. `facts` are what a message says of itself: anybody may have written them."""

    key: Key
    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...] = ()
    act: str = ""
    """What the till can do about it; empty for nothing."""
    note_act: str = ""
    """What a supervisor does with a few words."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    weather: WeatherWords
    pulling: PullingWords
    cards: tuple[Card, ...] = ()
    more: str = ""
    """Of what there is no card."""
    busy: frozenset[Key] = field(default_factory=frozenset)
    problem: str = ""
    said: str = ""
    """What came of the last thing that was done."""
    is_set_up: bool = True
