"""The audit record: whatever is edited, deleted, swapped or cut off is found (money-safety §5, row 11; F13)."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pos_app.domain.audit import GENESIS, AuditEntry, Event, Fault, Head, first_fault

KEY = b"k" * 32
START = datetime(2026, 11, 24, 8, tzinfo=UTC)
TEXTS = ("detail", "actor", "approver", "subject")


def record(count: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for seq in range(1, count + 1):
        previous = entries[-1].mac if entries else GENESIS
        at, subject = START + timedelta(minutes=seq), f"refund {seq}"
        made = AuditEntry(seq, at, Event.REFUND_APPROVED, "Akinyi", "Otieno", subject, f"KES {seq}", previous)
        entries.append(made.sealed(KEY))
    return entries


WHOLE = record(60)
END = Head(60, WHOLE[-1].mac)


def test_an_untouched_record_has_no_fault() -> None:
    assert first_fault(KEY, WHOLE, END) is None
    assert first_fault(KEY, [], Head()) is None
    assert first_fault(KEY, WHOLE, Head(30, WHOLE[29].mac)) is None


def tampered(draw: random.Random) -> tuple[list[AuditEntry], int]:
    """And the first entry that must be named."""
    entries, at = list(WHOLE), draw.randrange(60)
    kind = draw.choice(["edit", "delete", "swap", "truncate", "insert", "when", "rewrite"])
    if kind == "edit":
        name = draw.choice(TEXTS)
        entries[at] = replace(entries[at], **{name: getattr(entries[at], name) + draw.choice("x 1")})
    elif kind == "when":
        entries[at] = replace(entries[at], at=entries[at].at + timedelta(microseconds=1))
    elif kind == "delete":
        del entries[at]
    elif kind == "truncate":
        del entries[at:]
    elif kind == "swap":
        other = draw.choice([one for one in range(60) if one != at])
        entries[at], entries[other] = entries[other], entries[at]
        at = min(at, other)
    elif kind == "insert":
        entries.insert(at, replace(entries[at], detail="KES 0"))
    else:
        # By somebody with another key: every entry from here on is in order.
        previous = entries[at].previous
        for place in range(at, 60):
            entries[place] = replace(entries[place], actor="Nobody", previous=previous).sealed(b"other key")
            previous = entries[place].mac
    return entries, at + 1


def test_two_thousand_edits_deletions_swaps_and_truncations_are_each_found() -> None:
    draw = random.Random(20261124)
    for _ in range(2_000):
        entries, first = tampered(draw)
        fault = first_fault(KEY, entries, END)
        assert fault is not None
        assert fault.seq == first


def test_a_record_that_was_written_anew_with_the_key_is_another_than_the_anchored() -> None:
    forged = record(61)
    forged[0] = replace(forged[0], actor="Nobody").sealed(KEY)
    for place in range(1, 61):
        forged[place] = replace(forged[place], previous=forged[place - 1].mac).sealed(KEY)
    assert first_fault(KEY, forged) is None, "the chain alone cannot tell"
    assert first_fault(KEY, forged, END) == Fault(60, "Entry 60 is another than the one that was anchored.")


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), (("a\x1f1\x1f", ""), ("a", "1"))])
def test_no_text_can_run_into_the_next_field(one: tuple[str, str], other: tuple[str, str]) -> None:
    entry = WHOLE[0]
    macs = {replace(entry, actor=actor, approver=approver).sealed(KEY).mac for actor, approver in (one, other)}
    assert len(macs) == 2


def test_a_text_that_is_no_unicode_is_sealed_too() -> None:
    assert replace(WHOLE[0], detail="\ud800").sealed(KEY).mac
