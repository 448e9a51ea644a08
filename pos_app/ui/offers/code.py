"""An M-Pesa code that a customer shows: looked up here, and asked of Safaricom once."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pos_app.domain.payment import parse_receipt
from pos_app.services.changes import Changes, PaymentArrived
from pos_app.services.whereabouts import LookedUp, Whereabouts
from pos_app.ui.offers import words
from pos_app.ui.offers.state import Tone, Topic
from pos_app.ui.offers.words import Said
from pos_app.ui.tasks import Tasks

if TYPE_CHECKING:
    from pos_app.services.matching import Matching
    from pos_app.services.pulling import Swept

_ASKING = Said(" Asking Safaricom …", " Safaricom inaulizwa …")
_ARRIVING = Said(
    "Safaricom knows this payment. It will show here in a moment.", "Safaricom inajua malipo haya. Yatafika punde."
)
_UNKNOWN = Said(
    " Safaricom lists no such payment of the last two hours.", " Safaricom haina malipo haya ya saa mbili zilizopita."
)
_UNANSWERED = Said(" Safaricom could not be asked just now.", " Safaricom haikuweza kuulizwa sasa.")


def topic_of(found: LookedUp, more: Said | None = None) -> Topic:
    more = more or Said("")
    payment = found.payment
    if found.whereabouts is Whereabouts.FREE and payment is not None:
        free = Said(
            f"{payment.amount} from {words.named(payment)}: received, free.",
            f"{payment.amount} kutoka kwa {words.named(payment)}: zimepokelewa, hazijatumika.",
        )
        return Topic(Tone.OFFER, free, payment)
    code = f"{payment.receipt}: " if payment is not None else ""
    return Topic(Tone.ASK, Said(code + found.sentence + more.english, more.swahili.strip()))


class CodeLookUp:
    """`show` gets each answer, the first within a second, and a better one when Safaricom or the relay has it."""

    def __init__(
        self,
        matching: "Matching",
        changes: Changes,
        tasks: Tasks,
        *,
        ask_safaricom: "Callable[[], Awaitable[Swept]]",
        show: Callable[[Topic], None],
    ) -> None:
        self._matching, self._tasks = matching, tasks
        self._ask_safaricom, self._show = ask_safaricom, show
        self._waiting_for = ""
        """A code that was not received when it was looked up last."""
        changes.subscribe(PaymentArrived, lambda change: self._on_arrival(change.payment.receipt))

    def start(self, text: str) -> None:
        self._waiting_for = code = parse_receipt(text)
        self._tasks.start(self._look_up(code), "look up code")

    def forget(self) -> None:
        """The answer is not on the screen any more, so no better one is wanted."""
        self._waiting_for = ""

    async def _look_up(self, code: str) -> None:
        found = await self._matching.look_up(code)
        if self._waiting_for != code:
            return
        if found.whereabouts is not Whereabouts.NOT_RECEIVED:
            self._answer(topic_of(found))
            return
        self._show(topic_of(found, _ASKING))
        swept = await self._ask_safaricom()
        if self._waiting_for == code:
            await self._look_again(code, swept)

    async def _look_again(self, code: str, swept: "Swept") -> None:
        found = await self._matching.look_up(code)
        if self._waiting_for != code:
            return
        if found.whereabouts is not Whereabouts.NOT_RECEIVED:
            self._answer(topic_of(found))
        elif code in swept.receipts:
            self._show(Topic(Tone.ASK, _ARRIVING))
        else:
            self._show(topic_of(found, _said_by_safaricom(swept)))

    def _on_arrival(self, receipt: str) -> None:
        if receipt and receipt == self._waiting_for:
            self._tasks.start(self._after_arrival(receipt), "look up code again")

    async def _after_arrival(self, code: str) -> None:
        found = await self._matching.look_up(code)
        if self._waiting_for == code:
            self._answer(topic_of(found))

    def _answer(self, topic: Topic) -> None:
        self._waiting_for = ""
        self._show(topic)


def _said_by_safaricom(swept: "Swept") -> Said:
    if swept.is_complete:
        return _UNKNOWN
    return Said(f" {swept.trouble}", "") if swept.trouble else _UNANSWERED
