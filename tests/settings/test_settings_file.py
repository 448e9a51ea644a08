"""The settings survive power cuts, bad files and the environment."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pos_app.domain.shop import AccountKind, ShopAccount
from pos_app.domain.spoken import Language
from pos_app.settings import DisplayChoice, Environment, Settings, SettingsFile, SpokenChoice, ThemeChoice
from pos_app.settings.values import till_code_problem, url_problem

CHOSEN = Settings(
    shop_name="Duka la Wanjiru",
    till_code="2",
    kind=AccountKind.BUY_GOODS,
    short_code="600000",
    till_number="5500123",
    environment=Environment.PRODUCTION,
    theme=ThemeChoice.DARK,
    sounds=False,
    spoken=SpokenChoice.ENGLISH,
    customer_display=DisplayChoice.OFF,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "settings.json"


def test_what_was_saved_is_loaded(path: Path) -> None:
    SettingsFile(path, {}).save(CHOSEN)
    again = SettingsFile(path, {})
    assert again.load() == CHOSEN
    assert again.problem == ""


def test_a_first_start_has_the_defaults_and_no_complaint(path: Path) -> None:
    file = SettingsFile(path, {})
    assert file.load() == Settings()
    assert file.problem == ""
    assert not path.exists()


def test_only_this_user_can_read_the_file(path: Path) -> None:
    SettingsFile(path, {}).save(CHOSEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "nul", "\x00\xff", "[" * 100_000])
def test_a_damaged_file_is_kept_aside_and_said(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="latin-1")
    file = SettingsFile(path, {})
    assert file.load() == Settings()
    assert "damaged" in file.problem
    assert "settings.json.bad" in file.problem
    assert path.with_name("settings.json.bad").read_text(encoding="latin-1") == text


def test_a_file_cut_short_anywhere_is_said_or_read_whole(path: Path) -> None:
    SettingsFile(path, {}).save(CHOSEN)
    whole = path.read_bytes()
    for length in range(len(whole) - 2):
        path.write_bytes(whole[:length])
        file = SettingsFile(path, {})
        assert file.load() == Settings()
        assert file.problem


def test_one_impossible_value_costs_only_that_value(path: Path) -> None:
    SettingsFile(path, {}).save(CHOSEN)
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "theme": "purple", "sounds": "perhaps", "short_code": 600000}))
    file = SettingsFile(path, {})
    loaded = file.load()
    assert loaded.shop_name == CHOSEN.shop_name
    assert (loaded.theme, loaded.sounds, loaded.short_code) == (ThemeChoice.SYSTEM, True, "")
    assert "short code (“600000”), sounds (“perhaps”), theme (“purple”)" in file.problem


def test_a_file_of_a_newer_till_is_read_as_far_as_it_is_known(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"shop_name": "Duka", "colour_of_the_roof": "blue"}')
    file = SettingsFile(path, {})
    assert file.load() == Settings(shop_name="Duka")
    assert file.problem == ""


def test_a_file_that_cannot_be_read_is_said(path: Path) -> None:
    path.mkdir(parents=True)
    file = SettingsFile(path, {})
    assert file.load() == Settings()
    assert "cannot be read" in file.problem


def test_a_bad_file_that_cannot_be_kept_aside_is_still_no_reason_not_to_start(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    path.with_name("settings.json.bad").mkdir()
    file = SettingsFile(path, {})
    assert file.load() == Settings()
    assert "could not be kept aside" in file.problem


def test_a_failed_save_leaves_the_old_settings_and_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SettingsFile(path, {})
    file.save(CHOSEN)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.save(Settings())
    assert SettingsFile(path, {}).load() == CHOSEN
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]


def test_the_environment_decides_over_the_file_and_is_not_written_to_it(path: Path) -> None:
    SettingsFile(path, {}).save(CHOSEN)
    file = SettingsFile(
        path, {"TILL_SHOP_NAME": "Other", "TILL_CODE": "9", "TILL_SOUNDS": "yes", "TILL_THEME": "light"}
    )
    loaded = file.load()
    assert (loaded.shop_name, loaded.till_code, loaded.sounds, loaded.theme) == ("Other", "9", True, "light")
    assert file.overridden == {"shop_name", "till_code", "sounds", "theme"}
    file.save(loaded)
    assert SettingsFile(path, {}).load() == CHOSEN


def test_an_impossible_value_in_the_environment_is_said_and_not_used(path: Path) -> None:
    file = SettingsFile(path, {"TILL_SOUNDS": "loud", "TILL_SHOP_NAME": ""})
    assert file.load() == Settings()
    assert file.problem == "TILL_SOUNDS is set to “loud”, which it cannot be, so it is not used."
    assert file.overridden == frozenset()


@pytest.mark.parametrize("text", ["1-2", "till", "é", "x" * 100])
def test_a_till_code_that_no_charge_could_bear_is_said_at_the_start_and_not_used(path: Path, text: str) -> None:
    file = SettingsFile(path, {"TILL_CODE": text})
    assert file.load() == Settings()
    assert file.problem == f"TILL_CODE is set to “{text[:40]}”, which it cannot be, so it is not used."
    path.parent.mkdir()
    path.write_text(json.dumps({"till_code": text, "relay_till_code": text, "shop_name": "Duka"}))
    file = SettingsFile(path, {})
    assert file.load() == Settings(shop_name="Duka")
    assert f"relay till code (“{text[:40]}”), till code (“{text[:40]}”)" in file.problem


def test_an_empty_till_code_is_none_either(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"till_code": ""}')
    assert SettingsFile(path, {}).load().till_code == "1"


def test_two_parts_of_the_program_that_save_different_fields_lose_neither(path: Path) -> None:
    file = SettingsFile(path, {})

    def save(field: str) -> None:
        for n in range(20):
            file.change(**{field: f"{n}"})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(save, ("shop_name", "short_code")))
    assert SettingsFile(path, {}).load() == file.in_force == Settings(shop_name="19", short_code="19")


def test_the_account_is_there_once_the_numbers_can_be_a_shop() -> None:
    assert CHOSEN.account == ShopAccount(AccountKind.BUY_GOODS, "600000", "5500123")
    assert Settings().account is None


def test_daraja_is_where_the_environment_says_unless_an_address_is_given() -> None:
    assert Settings().daraja_url == "https://sandbox.safaricom.co.ke"
    assert CHOSEN.daraja_url == "https://api.safaricom.co.ke"
    assert Settings(base_url="http://127.0.0.1:9").daraja_url == "http://127.0.0.1:9"


def test_a_till_is_paired_once_it_has_an_address_and_a_code_of_its_own() -> None:
    before_codes = Settings(relay_url="https://relay.example.co.ke", relay_till_id="t1")
    assert not before_codes.is_paired
    assert replace(before_codes, relay_till_code="2", relay_generation="1f").is_paired


@pytest.mark.parametrize("text", ["1", "A2", "abc"])
def test_a_till_code_of_up_to_three_letters_or_digits_is_good(text: str) -> None:
    assert till_code_problem(text) == ""


@pytest.mark.parametrize("text", ["", "1-2", "till", "é", "1 "])
def test_any_other_till_code_is_refused_with_an_example(text: str) -> None:
    assert "for example" in till_code_problem(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://relay.example.co.ke",
        "https://r.example:8443/x",
        "http://127.0.0.1:9",
        "http://[::1]:9",
        "http://localhost",
    ],
)
def test_encrypted_addresses_and_this_computer_are_good(text: str) -> None:
    assert url_problem(text) == ""


@pytest.mark.parametrize(
    "text", ["", "relay.example.co.ke", "ftp://relay", "https://", "https://[", "https://x:y", "https://r:99999"]
)
def test_what_is_not_an_address_is_refused_with_an_example(text: str) -> None:
    assert "for example" in url_problem(text)


@pytest.mark.parametrize("text", ["http://relay.example.co.ke", "http://192.168.1.10"])
def test_an_address_that_others_could_read_along_is_refused(text: str) -> None:
    assert "https://" in url_problem(text)


@pytest.mark.parametrize(
    ("choice", "sounds", "said_in"),
    [
        (SpokenChoice.SWAHILI, True, Language.SWAHILI),
        (SpokenChoice.ENGLISH, True, Language.ENGLISH),
        (SpokenChoice.ENGLISH, False, None),
        (SpokenChoice.OFF, True, None),
    ],
)
def test_amounts_are_said_where_there_are_sounds(choice: SpokenChoice, sounds: bool, said_in: Language | None) -> None:
    assert Settings(spoken=choice, sounds=sounds).said_in is said_in
