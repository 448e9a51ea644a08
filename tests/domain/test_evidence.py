"""Evidence and the expected “no”: values that are never edited once they are told."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from pos_app.domain.evidence import Disposition, Evidence, Fact, Source
from pos_app.domain.refused import Refused


def test_evidence_is_believed_unless_its_sender_is_in_doubt_and_is_never_edited() -> None:
    told = Evidence(Fact.STILL_OPEN, Source.QUERY, datetime(2026, 10, 14, tzinfo=UTC))
    assert told.trusted
    with pytest.raises(FrozenInstanceError):
        told.fact = Fact.PAID  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("words", [Fact, Source, Disposition])
def test_what_is_stored_of_it_is_the_name_in_small_letters(words: type[Fact | Source | Disposition]) -> None:
    assert [word.value for word in words] == [word.name.lower() for word in words]


def test_a_refusal_is_a_sentence() -> None:
    assert Refused("Wait for the first charge.").sentence.endswith(".")
