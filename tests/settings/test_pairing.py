"""A pairing is kept whole or not at all, wherever the till stops in the middle of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pos_app.domain.shop import Pairing, TillIdentity
from pos_app.settings import (
    MemorySecrets,
    SecretsError,
    Settings,
    SettingsFile,
    identity_from,
    keep_pairing,
    pairing_from,
)

OLD = Pairing("https://r", "Duka", "st_1", "till_1", "1", "old token", "https://r/h/old", "old nonce")
NEW = Pairing("https://s", "Kiosk", "st_2", "till_2", "7", "new token", "https://s/h/new", "new nonce")
TILL = TillIdentity("ab" * 16, "Counter 1")


class PowerCutError(BaseException):
    """Nothing of ours runs after it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


@pytest.fixture
def secrets(path: Path) -> MemorySecrets:
    """Those of a till that is paired with the old shop."""
    secrets = MemorySecrets()
    keep_pairing(opened(path), secrets, TILL, OLD)
    return secrets


def opened(path: Path) -> SettingsFile:
    file = SettingsFile(path, {})
    file.load()
    return file


def at_the_next_start(path: Path, secrets: MemorySecrets) -> Pairing | None:
    return pairing_from(opened(path).in_force, secrets)


def test_what_was_kept_is_found_again(path: Path, secrets: MemorySecrets) -> None:
    assert at_the_next_start(path, secrets) == OLD
    settings = keep_pairing(opened(path), secrets, TILL, NEW)
    assert at_the_next_start(path, secrets) == NEW
    assert (settings.relay_device, settings.relay_till_name) == (TILL.device, "Counter 1")
    assert [json.loads(kept)["token"] for kept in secrets._values.values()] == ["new token"]


def cut(*_: object) -> None:
    raise PowerCutError


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("pos_app.settings.MemorySecrets.set", OLD),
        ("os.fsync", OLD),
        ("os.replace", OLD),
        ("pos_app.settings.private_file._sync_folder", NEW),
        ("pos_app.settings.MemorySecrets.forget", NEW),
    ],
)
def test_a_till_that_stops_anywhere_in_between_has_one_pairing_and_not_a_mixture(
    path: Path, secrets: MemorySecrets, monkeypatch: pytest.MonkeyPatch, step: str, found: Pairing
) -> None:
    file = opened(path)
    monkeypatch.setattr(step, cut)
    with pytest.raises(PowerCutError):
        keep_pairing(file, secrets, TILL, NEW)
    monkeypatch.undo()
    assert at_the_next_start(path, secrets) == found


def test_a_disk_that_fails_after_the_switch_costs_neither_pairing(
    path: Path, secrets: MemorySecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pos_app.settings.private_file._sync_folder", fails)
    file = opened(path)
    with pytest.raises(OSError, match="Input/output"):
        keep_pairing(file, secrets, TILL, NEW)
    assert pairing_from(file.in_force, secrets) == OLD
    assert at_the_next_start(path, secrets) == NEW


def test_a_key_store_that_keeps_the_old_secret_is_no_failure(
    path: Path, secrets: MemorySecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_name: str) -> None:
        raise SecretsError("locked")

    monkeypatch.setattr(secrets, "forget", locked)
    keep_pairing(opened(path), secrets, TILL, NEW)
    assert at_the_next_start(path, secrets) == NEW


@pytest.mark.parametrize(
    "stored", ["", "{", "[]", '{"token": "x"}', '{"token": 5, "callback_base": "", "nonce_key": ""}']
)
def test_without_whole_secrets_a_till_is_not_paired(path: Path, secrets: MemorySecrets, stored: str) -> None:
    secrets.set(f"pairing.{opened(path).in_force.relay_generation}", stored)
    assert at_the_next_start(path, secrets) is None


def test_a_till_that_was_paired_before_relays_gave_codes_pairs_again() -> None:
    before = Settings(relay_url="https://r", relay_shop="Duka", relay_stream="st_1", relay_till_id="till_1")
    assert pairing_from(before, MemorySecrets()) is None


def test_a_device_keeps_its_name_and_asks_for_the_code_that_it_had(path: Path, secrets: MemorySecrets) -> None:
    paired = opened(path).in_force
    assert identity_from(paired, "Till") == TillIdentity(TILL.device, "Till", "1", "Duka", "st_1")
    assert identity_from(replace(paired, till_code="9"), "Till").till_code == "1"


def test_a_new_device_has_a_name_of_its_own_and_asks_for_the_code_that_was_typed() -> None:
    first, second = (identity_from(Settings(till_code="A2"), "Till") for _ in range(2))
    assert first.device != second.device
    assert len(bytes.fromhex(first.device)) == 16
    assert (first.till_code, first.stream) == ("A2", "")
