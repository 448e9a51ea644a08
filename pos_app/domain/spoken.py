"""The words in which an amount is said, in Swahili and English; each is a clip that some loudspeaker may play.

It must not know sounds, only that no two amounts may ever be said alike.
"""

from enum import StrEnum

from pos_app.domain.money import Money

Words = tuple[str, ...]
SAID_MAX = Money(99_999_999)


class Language(StrEnum):
    SWAHILI = "sw"
    ENGLISH = "en"


_ONES_SW = ("", "moja", "mbili", "tatu", "nne", "tano", "sita", "saba", "nane", "tisa")
_TENS_SW = ("", "kumi", "ishirini", "thelathini", "arobaini", "hamsini", "sitini", "sabini", "themanini", "tisini")
_TO_TEN_EN = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEENS_EN = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_ONES_EN = _TO_TEN_EN + _TEENS_EN
_TENS_EN = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_BESIDE_NUMBERS = {
    Language.SWAHILI: ("umepokea", "malipo", "shilingi", "senti", "na", "laki", "elfu", "mia"),
    Language.ENGLISH: ("received", "payment", "shilling", "shillings", "cent", "cents", "and", "thousand", "hundred"),
}
VOCABULARY = {
    Language.SWAHILI: frozenset(filter(None, (*_BESIDE_NUMBERS[Language.SWAHILI], *_ONES_SW, *_TENS_SW))),
    Language.ENGLISH: frozenset(filter(None, (*_BESIDE_NUMBERS[Language.ENGLISH], *_ONES_EN, *_TENS_EN))),
}


def arrival(amount: Money, language: Language) -> Words:
    """“Umepokea shilingi mia tano.” An amount that nobody pays in a shop is not read out, only that it came."""
    is_sayable = Money(0) < amount <= SAID_MAX
    shillings, cents = divmod(amount.cents, 100)
    if language is Language.SWAHILI:
        return ("umepokea", *_swahili(shillings, cents)) if is_sayable else ("umepokea", "malipo")
    return ("received", *_english(shillings, cents)) if is_sayable else ("payment", "received")


def _swahili(shillings: int, cents: int) -> Words:
    whole = ("shilingi", *_number_sw(shillings)) if shillings else ()
    part = ("senti", *_under_hundred_sw(cents)) if cents else ()
    return (*whole, "na", *part) if whole and part else whole + part


def _number_sw(number: int) -> Words:
    lakhs, rest = divmod(number, 100_000)
    thousands, rest = divmod(rest, 1000)
    hundreds, rest = divmod(rest, 100)
    above: Words = (("laki", _ONES_SW[lakhs]) if lakhs else ()) + (
        ("elfu", *_under_hundred_sw(thousands)) if thousands else ()
    )
    said: Words = above + (("mia", _ONES_SW[hundreds]) if hundreds else ())
    return said + _last_sw(rest, after_thousands=bool(above) and not hundreds, after=bool(said))


def _last_sw(rest: int, *, after_thousands: bool, after: bool) -> Words:
    """“Elfu ishirini na tano” is 25,000; so 20,005 is said “elfu ishirini na shilingi tano”."""
    if not rest:
        return ()
    if after_thousands:
        return ("na", *(("shilingi",) if rest < 10 else ()), *_under_hundred_sw(rest))
    return ("na", *_under_hundred_sw(rest)) if after and rest < 10 else _under_hundred_sw(rest)


def _under_hundred_sw(number: int) -> Words:
    tens, ones = divmod(number, 10)
    said = tuple(filter(None, (_TENS_SW[tens], _ONES_SW[ones])))
    return (said[0], "na", said[1]) if len(said) == 2 else said


def _english(shillings: int, cents: int) -> Words:
    whole = (*_number_en(shillings), "shilling" if shillings == 1 else "shillings") if shillings else ()
    part = (*_under_hundred_en(cents), "cent" if cents == 1 else "cents") if cents else ()
    return (*whole, "and", *part) if whole and part else whole + part


def _number_en(number: int) -> Words:
    thousands, rest = divmod(number, 1000)
    above = (*_under_thousand_en(thousands), "thousand") if thousands else ()
    return (*above, *(("and",) if above and 0 < rest < 100 else ()), *_under_thousand_en(rest))


def _under_thousand_en(number: int) -> Words:
    hundreds, rest = divmod(number, 100)
    above = (_ONES_EN[hundreds], "hundred") if hundreds else ()
    return (*above, *(("and",) if above and rest else ()), *_under_hundred_en(rest))


def _under_hundred_en(number: int) -> Words:
    if number < 20:
        return (_ONES_EN[number],) if number else ()
    tens, ones = divmod(number, 10)
    return tuple(filter(None, (_TENS_EN[tens], _ONES_EN[ones])))
