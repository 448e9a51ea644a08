"""The shop's keys are kept, found again, and found nowhere else."""

import json
import logging
import stat
import traceback
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.fail import Keyring as FailKeyring
from keyring.backends.null import Keyring as NullKeyring
from keyring.backends.SecretService import Keyring as SecretServiceKeyring
from keyring.errors import KeyringLocked

from pos_app.domain.refused import Refused
from pos_app.domain.shop import Credentials
from pos_app.settings import (
    FileSecrets,
    KeyringSecrets,
    MemorySecrets,
    SecretName,
    Secrets,
    SecretsError,
    credentials_from,
    open_secrets,
)
from pos_app.settings.key_store import trusted_backend

CANARY = "canary-7f3a91-secret"
PASSPHRASE = "mama mboga 2026"


class DictKeyring(KeyringBackend):
    """A key store in memory."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class LockedKeyring(DictKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"cannot read {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"cannot write {password}")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "keys.box"


def opened(box: Path, passphrase: str = PASSPHRASE) -> FileSecrets:
    secrets = FileSecrets.open(box, passphrase)
    assert isinstance(secrets, FileSecrets)
    return secrets


def refusal(box: Path, passphrase: str = PASSPHRASE) -> str:
    refused = FileSecrets.open(box, passphrase)
    assert isinstance(refused, Refused)
    return refused.sentence


def test_the_same_passphrase_opens_the_file_again(box: Path) -> None:
    opened(box).set(SecretName.PASSKEY, CANARY)
    assert opened(box).get(SecretName.PASSKEY) == CANARY
    assert opened(box).get(SecretName.CONSUMER_KEY) == ""


def test_another_passphrase_opens_nothing_and_harms_nothing(box: Path) -> None:
    opened(box).set(SecretName.PASSKEY, CANARY)
    assert "does not open" in refusal(box, "mama mboga 2025")
    assert opened(box).get(SecretName.PASSKEY) == CANARY


def test_without_a_passphrase_the_sentence_asks_for_one(box: Path) -> None:
    assert "Type the passphrase" in refusal(box, "")
    assert not box.exists()


def test_a_first_passphrase_must_be_long_enough(box: Path) -> None:
    assert "at least 8" in refusal(box, "mboga12")
    assert not box.exists()


def test_a_file_cut_short_anywhere_is_refused_and_left_as_it_is(box: Path) -> None:
    opened(box).set(SecretName.PASSKEY, CANARY)
    whole = box.read_bytes()
    for length in (*range(0, len(whole) - 2, 7), len(whole) - 2):
        box.write_bytes(whole[:length])
        assert "damaged" in refusal(box)
        assert box.read_bytes() == whole[:length]


@pytest.mark.parametrize(
    "stored",
    [
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 2, "salt": "", "nonce": "", "box": ""}',
        b'{"format": 1}',
        b'{"format": 1, "salt": 5, "nonce": "", "box": ""}',
        b'{"format": 1, "salt": "!!", "nonce": "", "box": ""}',
        b'{"format": 1, "salt": "AAAA", "nonce": "AAAA", "box": "AAAA"}',
    ],
)
def test_what_is_not_such_a_file_is_called_damaged(box: Path, stored: bytes) -> None:
    box.write_bytes(stored)
    assert "damaged" in refusal(box)


def test_a_changed_byte_in_the_box_opens_nothing(box: Path) -> None:
    opened(box).set(SecretName.PASSKEY, CANARY)
    stored = json.loads(box.read_bytes())
    stored["box"] = ("B" if stored["box"][0] == "A" else "A") + stored["box"][1:]
    box.write_text(json.dumps(stored))
    assert "does not open" in refusal(box)


def test_a_file_that_cannot_be_read_is_said(box: Path) -> None:
    box.mkdir()
    assert "cannot be read" in refusal(box)


def test_a_full_disk_refuses_the_first_file(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", _full)
    assert "could not be written" in refusal(box)


def test_a_full_disk_keeps_the_old_keys(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = opened(box)
    secrets.set(SecretName.PASSKEY, "old")
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(SecretsError, match="could not be written"):
        secrets.set(SecretName.PASSKEY, CANARY)
    assert secrets.get(SecretName.PASSKEY) == "old"
    assert opened(box).get(SecretName.PASSKEY) == "old"


def _full(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_the_file_is_for_this_user_alone_and_holds_no_key_in_the_clear(box: Path) -> None:
    opened(box).set(SecretName.PASSKEY, CANARY)
    assert stat.S_IMODE(box.stat().st_mode) == 0o600
    for file in box.parent.rglob("*"):
        assert CANARY.encode() not in file.read_bytes()
        assert PASSPHRASE.encode() not in file.read_bytes()


@pytest.mark.parametrize("make", [MemorySecrets, lambda: KeyringSecrets(DictKeyring(), "a")])
def test_what_is_set_is_got(make: type[MemorySecrets]) -> None:
    secrets: Secrets = make()
    assert secrets.get(SecretName.PASSKEY) == ""
    secrets.set(SecretName.PASSKEY, CANARY)
    assert secrets.get(SecretName.PASSKEY) == CANARY
    secrets.forget(SecretName.PASSKEY)
    assert secrets.get(SecretName.PASSKEY) == ""


def test_what_the_file_forgets_is_gone_from_it(box: Path) -> None:
    secrets = opened(box)
    secrets.set(SecretName.PASSKEY, CANARY)
    secrets.set(SecretName.CONSUMER_KEY, "stays")
    secrets.forget(SecretName.PASSKEY)
    again = opened(box)
    assert (again.get(SecretName.PASSKEY), again.get(SecretName.CONSUMER_KEY)) == ("", "stays")


def test_two_tills_of_one_user_keep_their_keys_apart() -> None:
    store = DictKeyring()
    KeyringSecrets(store, "a").set(SecretName.PASSKEY, "of a")
    KeyringSecrets(store, "b").set(SecretName.PASSKEY, "of b")
    assert KeyringSecrets(store, "a").get(SecretName.PASSKEY) == "of a"


def test_a_locked_key_store_is_a_sentence_and_the_log_holds_no_key(caplog: pytest.LogCaptureFixture) -> None:
    secrets = KeyringSecrets(LockedKeyring(), "a")
    with caplog.at_level(logging.DEBUG), pytest.raises(SecretsError, match="unlock it"):
        secrets.get(SecretName.PASSKEY)
    with caplog.at_level(logging.DEBUG), pytest.raises(SecretsError, match="unlock it"):
        secrets.set(SecretName.PASSKEY, CANARY)
    assert "KeyringLocked" in caplog.text
    assert CANARY not in caplog.text


def test_no_key_shows_in_any_repr(box: Path) -> None:
    store = DictKeyring()
    holders: list[Secrets] = [MemorySecrets(), KeyringSecrets(store, "a"), opened(box)]
    for holder in holders:
        holder.set(SecretName.PASSKEY, CANARY)
        assert CANARY not in repr(holder)
        assert CANARY not in str(holder)
    credentials = Credentials(CANARY, CANARY, CANARY)
    assert CANARY not in repr(credentials)


def test_a_failing_write_shows_no_key_in_its_traceback(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = opened(box)
    monkeypatch.setattr("os.fsync", _full)
    with pytest.raises(SecretsError) as caught:
        secrets.set(SecretName.PASSKEY, CANARY)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("backend", [FailKeyring(), NullKeyring(), DictKeyring()])
def test_a_store_that_is_not_known_to_encrypt_is_refused(
    backend: KeyringBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    assert trusted_backend() is None


def test_the_computers_own_store_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    own = SecretServiceKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: own)
    assert trusted_backend() is own


def test_of_several_stores_only_a_trusted_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    own = SecretServiceKeyring()

    class Chain(ChainerBackend):
        backends = [DictKeyring(), own]  # noqa: RUF012

    monkeypatch.setattr(keyring, "get_keyring", Chain)
    assert trusted_backend() is own


def test_a_computer_with_a_key_store_needs_no_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pos_app.settings.key_store.trusted_backend", DictKeyring)
    assert isinstance(open_secrets(tmp_path), KeyringSecrets)


def test_two_data_folders_have_two_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DictKeyring()
    monkeypatch.setattr("pos_app.settings.key_store.trusted_backend", lambda: store)
    for name in ("a", "b"):
        secrets = open_secrets(tmp_path / name)
        assert isinstance(secrets, KeyringSecrets)
        secrets.set(SecretName.PASSKEY, name)
    assert sorted(store.kept.values()) == ["a", "b"]


def test_a_computer_without_a_key_store_asks_for_the_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", FailKeyring)
    assert isinstance(open_secrets(tmp_path), Refused)
    assert isinstance(open_secrets(tmp_path, PASSPHRASE), FileSecrets)


def test_keys_once_put_into_a_file_stay_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path / "keys.box").set(SecretName.PASSKEY, CANARY)
    monkeypatch.setattr("pos_app.settings.key_store.trusted_backend", DictKeyring)
    secrets = open_secrets(tmp_path, PASSPHRASE)
    assert isinstance(secrets, FileSecrets)
    assert secrets.get(SecretName.PASSKEY) == CANARY


def test_the_credentials_are_there_once_all_three_are() -> None:
    secrets = MemorySecrets()
    secrets.set(SecretName.CONSUMER_KEY, "k")
    secrets.set(SecretName.CONSUMER_SECRET, "s")
    assert credentials_from(secrets) is None
    secrets.set(SecretName.PASSKEY, "p")
    assert credentials_from(secrets) == Credentials("k", "s", "p")
