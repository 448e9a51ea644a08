"""Every result and error code of the contract (§5.1 to §5.4) and what each means, first of all for a charge.

Codes are text, never numbers: `E3008` is a code, and a lossy cast has marked failed payments as paid. Knows no JSON.
"""

from dataclasses import dataclass
from enum import StrEnum

from pos_app.domain.reason import Reason

ACCEPTED = "0"
PAID = "0"
STILL_OPEN = "4999"


class Moved(StrEnum):
    """Whether money may have moved by this very request."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`query_first`: ask an STK query about this very charge before a failure is believed."""

    reason: Reason
    final: bool = True
    moved: Moved = Moved.NO
    query_first: bool = False

    @property
    def is_definite_failure(self) -> bool:
        return self.final and self.moved is Moved.NO


UNLISTED = Meaning(Reason.UNKNOWN, final=False, moved=Moved.MAYBE, query_first=True)
_SETUP = Meaning(Reason.SETUP)
_UNCLEAR = Meaning(Reason.UNKNOWN, final=False, moved=Moved.MAYBE, query_first=True)
_OVERLOAD = Meaning(Reason.DOWN, query_first=True)

STK_RESULTS: dict[str, Meaning] = {
    PAID: Meaning(Reason.PAID, moved=Moved.YES),
    STILL_OPEN: Meaning(Reason.WAIT, final=False, moved=Moved.MAYBE),
    "1": Meaning(Reason.LOWBAL),
    "2": Meaning(Reason.LIMIT),
    "3": Meaning(Reason.LIMIT),
    "4": Meaning(Reason.DAILY),
    "8": _SETUP,
    # The same amount to the same customer within two minutes: this one did not move, its earlier twin may have.
    "17": Meaning(Reason.UNKNOWN),
    "26": Meaning(Reason.DOWN),
    "1001": Meaning(Reason.BUSYLINE),
    "1019": Meaning(Reason.EXPIRED, query_first=True),
    "1025": _SETUP,
    "9999": Meaning(Reason.DOWN, query_first=True),
    "1031": Meaning(Reason.CANCEL),
    "1032": Meaning(Reason.CANCEL),
    "1036": Meaning(Reason.NOANSWER, query_first=True),
    "1037": Meaning(Reason.NOANSWER, query_first=True),
    "1101": _SETUP,
    "1102": _SETUP,
    "2001": Meaning(Reason.WRONGPIN),
    "2008": Meaning(Reason.EXPIRED, query_first=True),
    "2026": Meaning(Reason.EXPIRED, query_first=True),
    "2028": _SETUP,
    "2029": _SETUP,
    "8006": Meaning(Reason.PINLOCK),
    "E3008": Meaning(Reason.NOPAY),
    "SFC_IC0003": _SETUP,
}

# §5.2: the codes its last paragraph says may also come at once, as a ResponseCode on HTTP 200.
_API_RESPONSES: dict[str, Meaning] = {
    **dict.fromkeys(("18", "19", "20", "21", "22", "24", "25", "29", "100000005", "100000010"), _SETUP),
    **dict.fromkeys(("100000001", "100000002", "100000011"), _OVERLOAD),
    **dict.fromkeys(("100000000", "100000004", "100000007", "100000009", "100000100", "00.002.1001"), _UNCLEAR),
}


def stk_result(code: str) -> Meaning:
    """A callback's or query's ResultCode."""
    return STK_RESULTS.get(code, UNLISTED)


def push_response(code: str) -> Meaning:
    """The ResponseCode of a push's own reply, when it is not the one that accepts it."""
    return UNLISTED if code in {PAID, STILL_OPEN} else STK_RESULTS.get(code) or _API_RESPONSES.get(code, UNLISTED)


# §5.3 and §2.11, §2.12.
QR_GENERATED = "00"
PULL_OK = "1000"
PULL_NOTHING_NEW = "1001"
"""A query: no rows. A registration: there was one already."""


class Refusal(StrEnum):
    """What an error envelope says about the request it answers."""

    NOT_PROCESSED = "not processed"
    TOKEN = "token"  # noqa: S105
    """Refused at the gateway for its access token: a new one may be tried once."""
    STILL_OPEN = "still open"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class SyncError:
    """A row of §5.4. `code` empty: any; ending in a point: a family. `text` None: any; empty: no message at all."""

    status: int
    code: str
    reason: Reason
    refusal: Refusal = Refusal.NOT_PROCESSED
    text: str | None = None

    def fits(self, status: int, code: str, message: str) -> bool:
        """An envelope on HTTP 200 is judged by its code alone (§1, Error envelope)."""
        if status not in {self.status, 200}:
            return False
        if not (code.startswith(self.code) if self.code.endswith(".") else self.code in {"", code}):
            return False
        return self.text is None or (self.text in message if self.text else not message)


UNLISTED_ERROR = SyncError(0, "", Reason.UNKNOWN, Refusal.UNCLEAR)
NO_SUCH_TRANSACTION = SyncError(500, "500.001.1001", Reason.UNKNOWN, Refusal.UNCLEAR, text="transaction does not exist")
WRONG_CREDENTIALS = SyncError(500, "500.001.1001", Reason.SETUP, text="wrong credentials")
NO_SUCH_MERCHANT = SyncError(500, "500.001.1001", Reason.SETUP, text="merchant does not exist")
# Contract §2.3. To a push these words would say nothing, so they leave it unclear.
URLS_ALREADY_REGISTERED = SyncError(
    500, "500.003.1001", Reason.UNKNOWN, Refusal.UNCLEAR, text="urls are already registered"
)
DUPLICATE_NOTIFICATION = SyncError(
    500, "500.003.1001", Reason.UNKNOWN, Refusal.UNCLEAR, text="duplicate notification info"
)
PRODUCT_MISSING = tuple(
    SyncError(status, "", Reason.SETUP, text="no apiproduct match found") for status in (400, 401, 404)
)

# The first row that fits is the one.
_SYNC_ERRORS: tuple[SyncError, ...] = (
    *PRODUCT_MISSING,
    SyncError(404, "404.001.03", Reason.SETUP, Refusal.TOKEN),
    SyncError(400, "400.003.01", Reason.SETUP, Refusal.TOKEN),
    SyncError(401, "401.002.01", Reason.SETUP, Refusal.TOKEN),
    SyncError(401, "401.001", Reason.SETUP, Refusal.TOKEN),
    SyncError(401, "401", Reason.SETUP, Refusal.TOKEN),
    SyncError(401, "401.", Reason.SETUP, Refusal.TOKEN, text="invalid access token"),
    SyncError(400, "400.002.02", Reason.LIMIT, text="invalid amount"),
    SyncError(400, "400.002.02", Reason.BADPHONE, text="invalid phonenumber"),
    SyncError(400, "400.002.02", Reason.BADPHONE, text="invalid partya"),
    SyncError(400, "400.002.02", Reason.UNKNOWN, Refusal.UNCLEAR, text="invalid checkoutrequestid"),
    SyncError(400, "400.", Reason.SETUP),
    SyncError(403, "403.002.1001", Reason.SETUP),
    SyncError(404, "404.001.01", Reason.SETUP),
    SyncError(404, "404.002.01", Reason.SETUP),
    SyncError(404, "404.003.01", Reason.SETUP),
    SyncError(404, "404.001.04", Reason.SETUP),
    SyncError(405, "405.001", Reason.SETUP),
    NO_SUCH_MERCHANT,
    WRONG_CREDENTIALS,
    SyncError(500, "500.001.1001", Reason.BUSYLINE, text="unable to lock subscriber"),
    SyncError(500, "500.001.1001", Reason.BADPHONE, text="no iccid found"),
    SyncError(500, "500.001.1001", Reason.WAIT, Refusal.STILL_OPEN, text="being processed"),
    # Status 200 on purpose: on HTTP 500 the same empty envelope also comes for finished charges (§2.2).
    SyncError(200, "500.001.1001", Reason.WAIT, Refusal.STILL_OPEN, text=""),
    NO_SUCH_TRANSACTION,
    SyncError(500, "500.003.02", Reason.DOWN),
    SyncError(500, "500.003.03", Reason.DOWN),
    URLS_ALREADY_REGISTERED,
    DUPLICATE_NOTIFICATION,
)


def sync_error(status: int, code: str, message: str) -> SyncError:
    """What an error envelope means. One code has many meanings, so the message is matched too, in any case."""
    lowered = " ".join(message.lower().split())
    return next((row for row in _SYNC_ERRORS if row.fits(status, code, lowered)), UNLISTED_ERROR)
