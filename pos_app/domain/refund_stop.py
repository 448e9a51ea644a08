"""Why refunds by M-Pesa are off, in words: Safaricom refuses the operator, or this till's records lack what was done.

The second is so after an old copy of the records was put back: what is gone from them could be given back once more.
"""

from dataclasses import dataclass
from datetime import datetime

_RECORDS = "records:"


@dataclass(frozen=True, slots=True)
class Stop:
    """`code` is Safaricom's, or says what the records lack."""

    since: datetime
    code: str

    @property
    def is_of_the_operator(self) -> bool:
        """Then nothing may be signed by it, or it is locked (trap 37); else questions may go on."""
        return not self.code.startswith(_RECORDS)

    @property
    def refusal(self) -> str:
        return _OPERATOR_REFUSAL if self.is_of_the_operator else _RECORDS_REFUSAL

    @property
    def task(self) -> str:
        return _OPERATOR_TASK if self.is_of_the_operator else _RECORDS_TASK

    @property
    def notice(self) -> str:
        return _OPERATOR_NOTICE.format(code=self.code) if self.is_of_the_operator else _RECORDS_TASK


def records_lack(what: str) -> str:
    """The code of a stop because of one thing: once settled, it stops nothing again."""
    return f"{_RECORDS}{what}"


_OPERATOR_REFUSAL = "Refunds by M-Pesa are off until the owner has mended the API operator."
_OPERATOR_TASK = (
    "Refunds by M-Pesa are off: Safaricom refused the shop’s API operator, and more tries would lock it. No money is "
    "lost. The owner must mend the operator or its password, then switch refunds on under Accounts."
)
_OPERATOR_NOTICE = (
    "Safaricom refuses the shop’s API operator (code {code}). Refunds by M-Pesa are off, so that it is not locked; no "
    "money is lost. The owner must mend the operator or its password, then switch refunds on."
)
_RECORDS_REFUSAL = (
    "Refunds by M-Pesa are off until the owner has compared this till’s records with the M-Pesa statement."
)
_RECORDS_TASK = (
    "Refunds by M-Pesa are off: this till’s records lack what was done here, as after an old copy was put back. "
    "What is gone from them could be given back twice. The owner must compare with the M-Pesa statement what was "
    "given back, then switch refunds on under Accounts."
)
