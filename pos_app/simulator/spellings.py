"""Where the contract found one answer in several spellings: which of them this Daraja uses.

It must not know what the answers say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pos_app.simulator.knobs import Fits, Vocabulary, one_of

Register = Literal["E33", "E34"]
Simulate = Literal["documented", "2018"]
QrCode = Literal["00", "AG"]
PullStatus = Literal["spaced", "plain"]
PullEmpty = Literal["1001", "500"]
PullDate = Literal["example", "utc", "plain"]
PullPhone = Literal["masked", "number"]
PullSender = Literal["placeholder", "name"]


@dataclass
class Spellings:
    """§2.3, §2.4, §2.11, §2.12.

    register: E34 has no ResponseCode. simulate: 2018 has none either, but a ConversationID.
    qr_code: ResponseCode as `00`, or the id of the documented sample.
    pull_status: `"Response Status"` or `ResponseStatus`. pull_empty: 1001 with `[[]]`, or HTTP 500.
    pull_date: `example` is E65, whose digits are Nairobi's in spite of its Z; `utc` means its Z; `plain` has no zone.
    """

    register: Register = "E33"
    simulate: Simulate = "documented"
    qr_code: QrCode = "00"
    pull_status: PullStatus = "spaced"
    pull_empty: PullEmpty = "1001"
    pull_date: PullDate = "example"
    pull_phone: PullPhone = "masked"
    pull_sender: PullSender = "placeholder"


_FITS: dict[str, Fits] = {
    "register": one_of(*get_args(Register)),
    "simulate": one_of(*get_args(Simulate)),
    "qr_code": one_of(*get_args(QrCode)),
    "pull_status": one_of(*get_args(PullStatus)),
    "pull_empty": one_of(*get_args(PullEmpty)),
    "pull_date": one_of(*get_args(PullDate)),
    "pull_phone": one_of(*get_args(PullPhone)),
    "pull_sender": one_of(*get_args(PullSender)),
}
_VOCABULARY = Vocabulary(Spellings(), {}, _FITS)


def change(spellings: Spellings, chosen: Mapping[str, Any]) -> None:
    """Only what is named. Raises UnknownScenarioError and changes nothing when any of it is unknown."""
    _VOCABULARY.changed(spellings, chosen)
    for name, value in chosen.items():
        setattr(spellings, name, value)
