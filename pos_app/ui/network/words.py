"""How the network page puts weather, gaps and doubts into words; pure, so that every word has a test."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pos_app.domain.balance import Gap
from pos_app.domain.clock import day_and_time
from pos_app.domain.held_back import Doubt, Finding, HeldBack
from pos_app.domain.money import ZERO
from pos_app.domain.weather import WINDOW, Weather, WeatherLevel
from pos_app.services.changes import PullingChanged, StatementTask
from pos_app.ui.network.state import Card, Figure, PullingWords, WeatherWords

if TYPE_CHECKING:
    from pos_app.services.statement import Imported

_MINUTES = round(WINDOW / timedelta(minutes=1))
_WEATHER = {
    WeatherLevel.OK: ("tick", "success", "M-Pesa is working", "Answers come by themselves, in the usual time."),
    WeatherLevel.SLOW: (
        "dots",
        "text",
        "M-Pesa is slow",
        "Tell customers that it may take a while. Every charge is checked by itself until it is known.",
    ),
    WeatherLevel.DOWN: (
        "exclamation",
        "danger",
        "M-Pesa hardly answers",
        "Cash works. A charge that has no answer is not failed: do not charge again, the till asks until it is known.",
    ),
    WeatherLevel.OFF: (
        "minus",
        "muted",
        "Too few charges to tell",
        f"Fewer than three charges ended in the last {_MINUTES} minutes. That says nothing bad of M-Pesa.",
    ),
}
_REMEMBERED = timedelta(hours=48)
_DOUBTS = {
    Doubt.SENDER: "It came from an address that is not known to be Safaricom’s.",
    Doubt.ACCOUNT: "It names {short_code}, which is not this shop’s number.",
}
_HAND_OVER_NOTHING = "Hand over nothing for it."


def weather_words(weather: Weather, now: datetime) -> WeatherWords:
    sign, tint, word, sentence = _WEATHER[weather.level]
    since = f", since {day_and_time(weather.since, now)}" if weather.since is not None else ""
    return WeatherWords(sign, tint, word + since, sentence, _figures(weather))


def _figures(weather: Weather) -> tuple[Figure, ...]:
    if weather.level is WeatherLevel.OFF:
        return ()
    missing = round(weather.missing_share * weather.count)
    figures = (Figure(f"{missing} of {weather.count}", f"charges got no answer by itself, last {_MINUTES} minutes"),)
    if weather.median_seconds is None:
        return figures
    return Figure(f"{weather.median_seconds:.0f} s", "median time from the request to M-Pesa’s answer"), *figures


def pulling_words(pulling: PullingChanged, now: datetime) -> PullingWords:
    until = pulling.complete_until
    asked = (
        f"Safaricom was asked for missed payments until {day_and_time(until, now)}."
        if until is not None
        else "Safaricom was not asked for missed payments yet."
    )
    return PullingWords(asked, pulling.trouble, _waiting(pulling.untold))


def _waiting(untold: int) -> str:
    if not untold:
        return ""
    found = "1 payment that was found waits" if untold == 1 else f"{untold} payments that were found wait"
    return f"{found} for the relay. Nothing is lost: they are kept here, and told as soon as it can be reached."


def task_card(task: StatementTask, now: datetime) -> Card:
    return Card(
        ("task", str(task.id)),
        "Import the M-PESA statement",
        task.sentence(now),
        act="Choose the file …",
        note_act="Settled without it",
    )


def gap_name(gap: Gap) -> str:
    return f"{gap.since.isoformat()} {gap.until.isoformat()}"


def gap_card(gap: Gap, now: datetime) -> Card:
    if gap.is_missing_money:
        title, act = f"{gap.difference} arrived unseen", "Ask Safaricom"
    else:
        title, act = f"{ZERO - gap.difference} left the account", ""
    return Card(("gap", gap_name(gap)), title, gap.sentence(now), act=act, note_act="Explain")


def held_card(held: HeldBack, now: datetime) -> Card:
    doubt = _DOUBTS[held.doubt].format(short_code=held.short_code)
    payer = "   ".join(filter(None, (held.payer_name, held.payer_phone)))
    facts = (
        ("Says it is from", payer or "Nobody named"),
        ("M-Pesa code", held.receipt),
        ("Says it was paid", day_and_time(held.told_time, now)),
        ("Account typed", held.bill_reference),
    )
    return Card(
        ("held", str(held.id)),
        f"{held.amount} held back",
        f"{doubt} {_finding(held, now)}",
        tuple((name, value) for name, value in facts if value),
        act="" if held.finding in {Finding.LISTED, Finding.OTHER_AMOUNT} else "Check with Safaricom",
        note_act="Put aside",
    )


def _finding(held: HeldBack, now: datetime) -> str:
    if held.finding is Finding.LISTED:
        return "Safaricom lists the payment. It counts as soon as the relay has told every till."
    if held.finding is Finding.OTHER_AMOUNT:
        return f"The payment with this code is of another amount; only that one counts. {_HAND_OVER_NOTHING}"
    if held.finding is Finding.NOT_LISTED and held.asked_at is not None:
        return f"Safaricom does not list it, asked at {day_and_time(held.asked_at, now)}. {_HAND_OVER_NOTHING}"
    if now - held.told_time > _REMEMBERED:
        return f"Safaricom no longer lists payments of that time: look in the M-PESA statement. {_HAND_OVER_NOTHING}"
    return f"Safaricom has not answered yet whether it is true. {_HAND_OVER_NOTHING}"


def more_held_words(count: int) -> str:
    return f"{count} older payment messages are held back too. They appear as these are settled." if count else ""


def imported_words(imported: "Imported", now: datetime) -> str:
    """How much the statement told, and how much of it was new."""
    rows = imported.new + imported.known
    span = f"{day_and_time(imported.since, now)} to {day_and_time(imported.until, now)}"
    said = [f"Statement of {span}: {_payments(rows)}, {imported.new or 'none'} new."]
    if imported.gaps_explained:
        said.append("What left the account is in it.")
    if imported.unreadable:
        lines = "1 line" if imported.unreadable == 1 else f"{imported.unreadable} lines"
        said.append(f"{lines} could not be read, so nothing is ticked off: compare by hand.")
    return " ".join(said)


def _payments(count: int) -> str:
    return "1 payment" if count == 1 else f"{count} payments"
