"""What arrives is said once, one sentence at a time, and never stands in the way."""

import wave
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from pos_app.domain.claim import Claim
from pos_app.domain.money import Money
from pos_app.domain.payment import Payment
from pos_app.domain.spoken import Language
from pos_app.services.changes import Changes, PaymentArrived
from pos_app.ui import spoken
from pos_app.ui.event_loop import TillLoop
from pos_app.ui.spoken import WAITING_MAX, Spoken
from pos_app.ui.tasks import Tasks

Said = Callable[[], None]
Clock = Any  # built by conftest, which no test module can import


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of each file that was played; the pauses between them are left out."""
    played: list[float] = []

    def play(file: Path) -> bool:
        with wave.open(str(file)) as opened:
            played.append(opened.getnframes() / opened.getframerate())
        return True

    monkeypatch.setattr(spoken, "play_file", play)
    monkeypatch.setattr(spoken, "_PAUSE_SECONDS", -60.0)
    return played


@pytest.fixture
def tasks(aloop: TillLoop) -> Tasks:
    return Tasks()


@pytest.fixture
def voice(tasks: Tasks, changes: Changes, clock: Clock, tmp_path: Path) -> Spoken:
    return Spoken(tmp_path, changes, tasks, clock=clock.now, language=Language.SWAHILI)


@pytest.fixture
def said(tasks: Tasks, qtbot: QtBot) -> Said:
    """Waits until nothing is left to say, and nothing went wrong."""
    failed: list[str] = []
    tasks.failed.connect(lambda name, _error: failed.append(name))

    def wait() -> None:
        qtbot.waitUntil(lambda: not tasks.live)
        assert not failed

    return wait


def paid(clock: Clock, receipt: str = "UKN7BX41QP", shillings: int = 350) -> Payment:
    return Payment(receipt, Money.shillings(shillings), "123456", clock.now(), receipt, paid_at=clock.now())


def test_a_payment_of_a_customer_is_said_once_though_it_is_told_twice(
    voice: Spoken, heard: list[float], changes: Changes, clock: Clock, said: Said
) -> None:
    changes.publish(PaymentArrived(paid(clock)))
    changes.publish(PaymentArrived(replace(paid(clock), payer_name="Jane")))
    said()
    (seconds,) = heard
    assert 1.5 < seconds < 5


def test_what_is_not_news_of_free_money_is_not_said(
    voice: Spoken, heard: list[float], changes: Changes, clock: Clock, tasks: Tasks
) -> None:
    payment = paid(clock)
    claim = Claim("UKN7BX41QP", 1, "till_2", "Till 2", "7", "Otieno", clock.now())
    for other in (
        replace(payment, sale_id=1),
        replace(payment, taken_by=claim),
        replace(payment, from_customer=False),
        replace(payment, paid_at=clock.now() - timedelta(hours=2)),
    ):
        changes.publish(PaymentArrived(other))
    assert not tasks.live
    assert not heard


def test_sentences_wait_for_each_other_and_a_crowd_is_only_shown(
    voice: Spoken, heard: list[float], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoken, "_PAUSE_SECONDS", 0.0)
    saying: list[float] = []

    async def sleep(seconds: float) -> None:
        saying.append(seconds)

    monkeypatch.setattr(spoken.asyncio, "sleep", sleep)
    for _ in range(2 * WAITING_MAX):
        voice.arrival(Money.shillings(20))
    said()
    assert heard == saying, "each is waited for until it has been heard"
    assert len(heard) == WAITING_MAX


def test_a_mute_voice_says_nothing_even_of_what_waits(voice: Spoken, heard: list[float], said: Said) -> None:
    voice.arrival(Money.shillings(20))
    voice.language = None
    voice.arrival(Money.shillings(30))
    said()
    assert not heard


def test_a_disk_that_takes_no_sentence_silences_the_voice_and_nothing_else(
    voice: Spoken, heard: list[float], said: Said, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "spoken.new.wav"
    in_the_way.mkdir()
    voice.arrival(Money.shillings(20))
    said()
    assert not heard
    in_the_way.rmdir()
    voice.arrival(Money.shillings(20))
    said()
    assert len(heard) == 1


def test_a_computer_without_a_player_stays_silent(voice: Spoken, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "play_file", lambda _file: False)
    voice.arrival(Money.shillings(20))
    said()
