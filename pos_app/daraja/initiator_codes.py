"""Every result code of the operator's APIs (contract §5.2) and what each means. Not those of STK: `17` differs."""

from pos_app.daraja.result_codes import UNLISTED, Meaning, Moved
from pos_app.domain.reason import Reason

DONE = "0"
_SETUP = Meaning(Reason.SETUP)
_LIMIT = Meaning(Reason.LIMIT)
_UNCLEAR = Meaning(Reason.UNKNOWN, final=False, moved=Moved.MAYBE, query_first=True)
_OVERLOAD = Meaning(Reason.DOWN, query_first=True)

_RESULTS: dict[str, Meaning] = {
    DONE: Meaning(Reason.PAID, moved=Moved.YES),
    "1": Meaning(Reason.FLOAT),
    **dict.fromkeys(("2", "3", "8"), _LIMIT),
    "4": Meaning(Reason.DAILY),
    # The one before, of the same id, may have been paid.
    "15": _UNCLEAR,
    "17": _UNCLEAR,
    "26": Meaning(Reason.DOWN),
    **dict.fromkeys(("5", "6", "7", "11", "12", "13", "14", "2006"), _SETUP),
    **dict.fromkeys(("18", "19", "20", "21", "22", "24", "25", "29"), _SETUP),
    **dict.fromkeys(("2001", "2028", "8006", "TP40153"), _SETUP),
    "2040": Meaning(Reason.NOTREG),
    "SFC_IC0003": Meaning(Reason.BADPHONE),
    "R000001": Meaning(Reason.ALREADYREV),
    "R000002": Meaning(Reason.BADRCPT),
    **dict.fromkeys(("100000000", "100000004", "100000007", "100000009", "100000100", "00.002.1001"), _UNCLEAR),
    **dict.fromkeys(("100000001", "100000002", "100000011"), _OVERLOAD),
    **dict.fromkeys(("100000005", "100000010"), _SETUP),
}


def initiator_meaning(code: str) -> Meaning:
    return _RESULTS.get(code, UNLISTED)


def is_certain_failure(code: str) -> bool:
    """No money moved by this request, and the contract does not say to ask first."""
    meaning = initiator_meaning(code)
    return meaning.is_definite_failure and not meaning.query_first
