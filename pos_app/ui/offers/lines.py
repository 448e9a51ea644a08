"""Which line stands beside the total: pure, from the payments that fit and what is known of each."""

from collections.abc import Callable, Sequence
from datetime import datetime

from pos_app.domain.matching import Matched, Offered, Verdict, Warned
from pos_app.domain.payment import Payment
from pos_app.ui.offers import words
from pos_app.ui.offers.state import Choice, Line, Tone, Topic

MOST_CHOICES = 3
"""More do not fit beside the total; the list of the unclaimed has them all."""


def certain(fits: Sequence[Payment], sale_id: int, verdict: Callable[[Payment], Verdict]) -> Payment | None:
    """The one payment that may be accepted by Enter alone; of two candidates, payments or sales, there is none."""
    if len(fits) != 1:
        return None
    found = verdict(fits[0])
    return fits[0] if isinstance(found, Matched | Offered) and found.sale_id == sale_id else None


def line_of_topic(topic: Topic, *, accepts: bool, enter_is_free: bool) -> Line:
    accepts = accepts and topic.payment is not None
    return Line(topic.tone, topic.said, accepts=accepts, by_enter=accepts and enter_is_free, closes=True)


def line_of_fits(
    fits: Sequence[Payment],
    sale_id: int,
    picked: str,
    now: datetime,
    verdict: Callable[[Payment], Verdict],
    *,
    enter_is_free: bool,
) -> Line:
    """`fits` is not empty; `picked` is the id of the one that the cashier has moved to, or nothing."""
    only = certain(fits, sale_id, verdict)
    if only is not None:
        said = words.offer(only, now, by_enter=enter_is_free)
        return Line(Tone.OFFER, said, accepts=True, by_enter=enter_is_free)
    by_enter = bool(picked) and enter_is_free
    if len(fits) == 1 and isinstance(verdict(fits[0]), Warned):
        return Line(Tone.ASK, words.charge_question(fits[0]), accepts=True, by_enter=by_enter)
    amount = fits[0].amount
    said = words.several(len(fits), amount) if len(fits) > 1 else words.several_sales(amount)
    choices = tuple(Choice(one, words.choice(one, now), one.id == picked) for one in fits[:MOST_CHOICES])
    return Line(Tone.OFFER, said, choices, accepts=bool(picked), by_enter=by_enter)
