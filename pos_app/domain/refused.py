"""An expected “no”: nothing was done, and the sentence tells the person why and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    sentence: str
