"""What can be set on a relay, from the command line first and the environment second.

It must not know what the settings are used for.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from platformdirs import user_data_path

from relay import protocol
from relay.addresses import Addresses

_SQLITE = "sqlite:///"
_FORBIDDEN_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
"""Safaricom takes no callback URL with one of them, in any case (contract §7)."""


class SettingError(Exception):
    """A setting that cannot be used; the text is for the operator."""


@dataclass(frozen=True)
class Settings:
    """Seconds are seconds. `source_ips` empty means that the source address says nothing (training, tests)."""

    store: Path
    host: str = "127.0.0.1"
    port: int = 8443
    public_url: str = ""
    high_water: Path = field(default=Path())
    source_ips: frozenset[str] = frozenset()
    trusted_proxies: Container[str] = frozenset()
    stdin_closes: bool = False
    heartbeat_seconds: float = protocol.HEARTBEAT_SECONDS
    hello_seconds: float = protocol.HELLO_SECONDS
    slow_seconds: float = 30.0
    body_seconds: float = 3.0
    housekeeping_seconds: float = 1.0
    drain_seconds: float = 5.0
    retry_in: tuple[float, float] = (1, 30)


def from_arguments(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """`arguments` holds None for what was not said; then RELAY_<NAME> of the environment counts, then the default."""

    def text(name: str, default: str = "") -> str:
        said = arguments.get(name)
        return str(said) if said is not None else environment.get(f"RELAY_{name.upper()}", default)

    store = store_path(text("store"))
    beside = text("high_water")
    return Settings(
        store=store,
        host=text("host", "127.0.0.1"),
        port=_number(text("port", "8443"), "port", 0, 65535),
        public_url=_url(text("public_url")),
        high_water=Path(beside) if beside else store.with_name(store.name + ".highwater"),
        source_ips=_addresses(text("source_ips")),
        trusted_proxies=_proxies(text("trusted_proxies")),
        stdin_closes=bool(arguments.get("stdin_closes")),
        slow_seconds=_number(text("slow_seconds", "30"), "slow_seconds", 1, 3600),
        heartbeat_seconds=_number(text("heartbeat_seconds", "25"), "heartbeat_seconds", 1, 55),
    )


def store_path(url: str) -> Path:
    """The file that a store's address names; the data folder's where there is no address."""
    if not url:
        return user_data_path("till-relay", appauthor=False) / "relay.db"
    if not url.startswith(_SQLITE) or len(url) == len(_SQLITE):
        raise SettingError("the store must look like sqlite:///path/to/relay.db")
    return Path(url.removeprefix(_SQLITE))


def _url(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise SettingError("the public URL must begin with https:// (or http:// for training)")
    found = [word for word in _FORBIDDEN_WORDS if word in url.lower()]
    if found:
        raise SettingError(f"Safaricom takes no callback URL with '{found[0]}' in it: the public URL must be without")
    return url.rstrip("/")


def _number(said: str, name: str, least: int, most: int) -> int:
    if not said.isdecimal() or not least <= int(said) <= most:
        raise SettingError(f"{name} must be a whole number from {least} to {most}")
    return int(said)


def _addresses(said: str) -> frozenset[str]:
    try:
        return frozenset(str(ip_address(part.strip())) for part in said.split(",") if part.strip())
    except ValueError as wrong:
        raise SettingError("IP addresses must be written out, with commas between them") from wrong


def _proxies(said: str) -> Addresses:
    """In a cluster a proxy has another address every day, and its network is what is known of it."""
    try:
        return Addresses(said)
    except ValueError as wrong:
        raise SettingError("proxies must be addresses or networks like 10.0.0.0/8, with commas between them") from wrong
