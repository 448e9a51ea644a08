"""Whose token it is: asked together where many come together, and each as if it were alone."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from relay.protocol import PairResponse
from relay.stores import directory
from relay.tokens import _CROWD, Tokens

pytestmark = pytest.mark.anyio
STORES = ["sqlite", "postgresql"]


def bearing(token: str, kind: str = "Bearer") -> dict[str, Any]:
    return {"headers": [(b"authorization", f"{kind} {token}".encode())]}


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The hashes of each question that the store was asked."""
    asked: list[list[str]] = []
    real = directory.credentials

    def noted(connection: Any, hashes: list[str]) -> Any:
        asked.append(hashes)
        return real(connection, hashes)

    monkeypatch.setattr("relay.stores.directory.credentials", noted)
    return asked


async def test_who_comes_together_is_looked_up_together(
    bench: Any, till: PairResponse, questions: list[list[str]]
) -> None:
    tokens = Tokens(bench.relay._log)
    said = [till.token, "0" * 64, till.token, "", *(f"{number:064x}" for number in range(250))]
    found = await asyncio.gather(*(tokens.credential(bearing(token)) for token in said))
    assert [one and one.till_id for one in found[:4]] == [till.till_id, None, till.till_id, None]
    assert found[4:] == [None] * 250
    assert len(questions) == 2


async def test_who_comes_a_moment_after_a_look_up_is_looked_up_with_those_who_follow(
    bench: Any, till: PairResponse, questions: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.tokens._TOGETHER_SECONDS", 0.5)
    tokens = Tokens(bench.relay._log)
    assert await tokens.credential(bearing(till.token)) is not None
    second = asyncio.ensure_future(tokens.credential(bearing(till.token)))
    await bench.relay._log.ask(lambda _connection: None)
    third = asyncio.ensure_future(tokens.credential(bearing("0" * 64)))
    found = await asyncio.gather(second, third)
    assert [one and one.till_id for one in found] == [till.till_id, None]
    assert [len(asked) for asked in questions] == [1, 2]


async def test_who_comes_after_a_crowd_is_looked_up_with_more_of_it(
    bench: Any, till: PairResponse, questions: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.tokens._TOGETHER_SECONDS", 0.0)
    monkeypatch.setattr("relay.tokens._CROWD_SECONDS", 0.5)
    tokens = Tokens(bench.relay._log)
    await asyncio.gather(*(tokens.credential(bearing(f"{number:064x}")) for number in range(_CROWD)))
    second = asyncio.ensure_future(tokens.credential(bearing(till.token)))
    await bench.relay._log.ask(lambda _connection: None)
    third = asyncio.ensure_future(tokens.credential(bearing("0" * 64)))
    found = await asyncio.gather(second, third)
    assert [one and one.till_id for one in found] == [till.till_id, None]
    assert [len(asked) for asked in questions] == [_CROWD, 2]


@pytest.mark.parametrize("scope", [{"headers": []}, bearing("x", "Basic"), bearing("")])
async def test_who_shows_no_token_costs_the_store_nothing(bench: Any, scope: Any, questions: list[list[str]]) -> None:
    assert await Tokens(bench.relay._log).credential(scope) is None
    assert questions == []


async def test_one_that_was_revoked_meanwhile_is_named_as_such(bench: Any, till: PairResponse) -> None:
    tokens = Tokens(bench.relay._log)
    bench.revoke(till.till_id)
    found = await tokens.credential(bearing(till.token))
    assert found is not None
    assert (found.till_id, found.revoked) == (till.till_id, True)


async def test_a_store_that_fails_fails_each_and_the_next_is_asked_again(
    bench: Any, till: PairResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(bench.relay._log)

    def fails(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    with monkeypatch.context() as broken:
        broken.setattr("relay.stores.directory.credentials", fails)
        both = [asyncio.ensure_future(tokens.credential(bearing(till.token))) for _ in range(3)]
        await asyncio.sleep(0)
        both[0].cancel()
        found = await asyncio.gather(*both, return_exceptions=True)
    assert [type(one) for one in found] == [asyncio.CancelledError, OperationalError, OperationalError]
    assert await tokens.credential(bearing(till.token)) is not None
