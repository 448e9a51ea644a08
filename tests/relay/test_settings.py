"""Settings: command line first, then the environment, then the defaults; nonsense is refused with a sentence."""

from pathlib import Path

import pytest

from relay.settings import SettingError, from_arguments, store_path


def test_the_command_line_comes_before_the_environment() -> None:
    environment = {"RELAY_PORT": "1", "RELAY_HOST": "::1", "RELAY_STORE": "sqlite:////data/relay.db"}
    made = from_arguments({"port": "2", "host": None, "stdin_closes": True}, environment)
    assert (made.port, made.host, made.store) == (2, "::1", Path("/data/relay.db"))
    assert made.high_water == Path("/data/relay.db.highwater")
    assert made.stdin_closes


def test_lists_of_addresses_and_urls_are_tidied() -> None:
    said = {"source_ips": "196.201.214.200, 2001:DB8::1", "public_url": "https://relay.test/", "high_water": "/x/y"}
    made = from_arguments(said, {})
    assert made.source_ips == {"196.201.214.200", "2001:db8::1"}
    assert made.public_url == "https://relay.test"
    assert made.high_water == Path("/x/y")


def test_the_default_store_is_in_the_data_folder() -> None:
    assert store_path("").name == "relay.db"
    assert store_path("sqlite:///relative.db") == Path("relative.db")


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
        {"store": "postgresql://x"},
        {"port": "x"},
        {"port": "65536"},
        {"port": "-1"},
        {"public_url": "relay.test"},
        {"source_ips": "196.201.214.0/24"},
        {"trusted_proxies": "proxy"},
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
