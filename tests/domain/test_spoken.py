"""Every amount has words of its own, each of them a clip that is there, in both languages."""

import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos_app.domain.money import Money
from pos_app.domain.spoken import SAID_MAX, VOCABULARY, Language, arrival
from pos_app.paths import resource_path

SHILLINGS = st.integers(1, 999_999)


def said(shillings: int, language: Language) -> str:
    return " ".join(arrival(Money.shillings(shillings), language))


@pytest.mark.parametrize(
    ("shillings", "swahili", "english"),
    [
        (1, "moja", "one shilling"),
        (11, "kumi na moja", "eleven shillings"),
        (105, "mia moja na tano", "one hundred and five shillings"),
        (500, "mia tano", "five hundred shillings"),
        (1250, "elfu moja mia mbili hamsini", "one thousand two hundred and fifty shillings"),
        (20_005, "elfu ishirini na shilingi tano", "twenty thousand and five shillings"),
        (20_050, "elfu ishirini na hamsini", "twenty thousand and fifty shillings"),
        (25_000, "elfu ishirini na tano", "twenty five thousand shillings"),
        (250_000, "laki mbili elfu hamsini", "two hundred and fifty thousand shillings"),
        (200_050, "laki mbili na hamsini", "two hundred thousand and fifty shillings"),
    ],
)
def test_an_amount_is_said_as_people_say_it(shillings: int, swahili: str, english: str) -> None:
    assert said(shillings, Language.SWAHILI) == f"umepokea shilingi {swahili}"
    assert said(shillings, Language.ENGLISH) == f"received {english}"


@pytest.mark.parametrize(
    ("cents", "swahili", "english"),
    [
        (5050, "umepokea shilingi hamsini na senti hamsini", "received fifty shillings and fifty cents"),
        (1, "umepokea senti moja", "received one cent"),
        (0, "umepokea malipo", "payment received"),
        (SAID_MAX.cents + 1, "umepokea malipo", "payment received"),
    ],
)
def test_cents_are_said_and_what_nobody_pays_is_not(cents: int, swahili: str, english: str) -> None:
    assert " ".join(arrival(Money(cents), Language.SWAHILI)) == swahili
    assert " ".join(arrival(Money(cents), Language.ENGLISH)) == english


@given(cents=st.integers(1, SAID_MAX.cents), language=st.sampled_from(Language))
def test_every_amount_has_words_of_the_vocabulary(cents: int, language: Language) -> None:
    assert set(arrival(Money(cents), language)) <= VOCABULARY[language]


@given(one=SHILLINGS, other=SHILLINGS, language=st.sampled_from(Language))
def test_two_amounts_are_never_said_alike(one: int, other: int, language: Language) -> None:
    assert (one == other) == (said(one, language) == said(other, language))


@pytest.mark.parametrize("language", Language)
def test_amounts_near_each_other_and_round_ones_differ_too(language: Language) -> None:
    near = {*range(1, 12_000), *range(20_000, 30_000, 5), *range(1000, 1_000_000, 1000), *range(5, 1_000_000, 9995)}
    assert len({said(shillings, language) for shillings in near}) == len(near)


@pytest.mark.parametrize("language", Language)
def test_every_word_is_a_clip_and_every_clip_a_word(language: Language) -> None:
    folder = resource_path("sounds", "spoken", language)
    assert {file.stem for file in folder.glob("*.wav")} == VOCABULARY[language]
    for file in folder.glob("*.wav"):
        with wave.open(str(file)) as clip:
            assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (16_000, 1, 1)
            assert 0.2 < clip.getnframes() / clip.getframerate() < 1


def test_all_clips_are_small() -> None:
    assert sum(file.stat().st_size for file in resource_path("sounds", "spoken").rglob("*.wav")) < 600_000
