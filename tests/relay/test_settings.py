"""Settings: command line first, then the environment, then the defaults; nonsense is refused with a sentence."""

from pathlib import Path

import pytest

from relay.settings import LOOPBACK, SettingError, from_arguments, store_url


def test_the_command_line_comes_before_the_environment() -> None:
    environment = {"RELAY_PORT": "1", "RELAY_HOST": "::1", "RELAY_STORE": "sqlite:////data/relay.db"}
    made = from_arguments({"port": "2", "host": None, "stdin_closes": True}, environment)
    assert (made.port, made.host, made.store) == (2, "::1", "sqlite:////data/relay.db")
    assert made.high_water == Path("/data/relay.db.highwater")
    assert made.stdin_closes


def test_figures_are_for_this_machine_unless_others_are_named() -> None:
    assert from_arguments({}, {}).metrics_from is from_arguments({"metrics_from": ""}, {}).metrics_from is LOOPBACK
    assert all(address in LOOPBACK for address in ("127.0.0.1", "127.8.8.8", "::1"))
    made = from_arguments({"metrics_from": "10.0.0.0/8, 2001:db8::1"}, {}).metrics_from
    assert "10.9.9.9" in made
    assert "2001:db8::1" in made
    assert "127.0.0.1" not in made


def test_how_much_is_logged_and_in_which_form() -> None:
    assert (from_arguments({}, {}).log_level, from_arguments({}, {}).log_format) == ("info", "text")
    made = from_arguments({"log_level": "debug"}, {"RELAY_LOG_FORMAT": "json"})
    assert (made.log_level, made.log_format) == ("debug", "json")


def test_lists_of_addresses_and_urls_are_tidied() -> None:
    said = {"source_ips": "196.201.214.200, 2001:DB8::1", "public_url": "https://relay.test/", "high_water": "/x/y"}
    made = from_arguments(said, {})
    assert made.source_ips == {"196.201.214.200", "2001:db8::1"}
    assert made.public_url == "https://relay.test"
    assert made.high_water == Path("/x/y")


def test_the_default_store_is_in_the_data_folder() -> None:
    assert store_url("").endswith("/relay.db")
    assert store_url("sqlite:///relative.db") == "sqlite:///relative.db"


def test_a_store_of_its_own_has_what_belongs_to_it_on_this_computer() -> None:
    made = from_arguments({}, {"RELAY_STORE": "postgresql://relay:secret@db.test/relay"})
    assert made.store == "postgresql://relay:secret@db.test/relay"
    assert (made.high_water.name, made.lock.name) == ("relay.highwater", "relay.highwater.lock")
    assert made.high_water.parent == made.lock.parent == Path(store_url("").removeprefix("sqlite:///")).parent
    assert "secret" not in repr(made)


def test_proxies_are_believed_by_address_or_by_network() -> None:
    ours = from_arguments({"trusted_proxies": "10.4.0.0/16, 192.0.2.7,2001:DB8::/32"}, {}).trusted_proxies
    assert all(address in ours for address in ("10.4.0.0", "10.4.255.9", "::ffff:10.4.1.1", "192.0.2.7", "2001:db8::1"))
    assert not any(address in ours for address in ("10.5.0.1", "192.0.2.8", "2001:db9::1", "", "unix"))
    assert "127.0.0.1" not in from_arguments({}, {}).trusted_proxies


@pytest.mark.parametrize(
    "said",
    [
        {"store": "relay.db"},
        {"store": "sqlite:///"},
        {"store": "mysql://x"},
        {"port": "x"},
        {"port": "65536"},
        {"port": "-1"},
        {"public_url": "relay.test"},
        {"source_ips": "196.201.214.0/24"},
        {"trusted_proxies": "proxy"},
        {"metrics_from": "everywhere"},
        {"log_level": "loud"},
        {"log_format": "xml"},
        {"trusted_proxies": "10.0.0.0/33"},
    ],
)
def test_what_cannot_be_used_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        from_arguments(said, {})


@pytest.mark.parametrize("word", ["mpesa", "M-Pesa", "safaricom", "exe", "exec", "cmd", "sql", "query"])
def test_a_public_url_that_safaricom_would_refuse_is_refused_at_start(word: str) -> None:
    with pytest.raises(SettingError, match="Safaricom takes no callback URL"):
        from_arguments({"public_url": f"https://{word}.shop.test"}, {})
