"""What can be set on a relay, from the command line first and the environment second.

It must not know what the settings are used for.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_data_path

from relay import protocol
from relay.addresses import Addresses
from relay.retention import BODY_DAYS
from relay.stores import sealing
from relay.stores.sealing import BadKeysError, Seals
from relay.stores.store import POSTGRESQL, SQLITE

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FORBIDDEN_WORDS = ("mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
"""Safaricom takes no callback URL with one of them, in any case (contract §7)."""


MEGABYTE = 1024 * 1024
LOOPBACK = Addresses("127.0.0.0/8, ::1")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")


class SettingError(Exception):
    """A setting that cannot be used; the text is for the operator."""


@dataclass(frozen=True)
class Settings:
    """Seconds are seconds. `source_ips` empty means that the source address says nothing (training, tests).

    `shop_pace` is callbacks of one shop a second, `socket_pace` websockets of all; what comes faster waits its turn.
    `till_pace` is requests of one till a second; what comes faster is refused.
    The console has a port of its own. `console_url` is its https address where others than this computer reach it.
    """

    store: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8443
    public_url: str = ""
    high_water: Path = field(default=Path())
    spool: Path | None = None
    spool_bytes: int = 1024 * MEGABYTE
    source_ips: frozenset[str] = frozenset()
    trusted_proxies: Container[str] = frozenset()
    metrics_from: Container[str] = LOOPBACK
    log_level: str = "info"
    log_format: str = "text"
    console: bool = False
    console_host: str = "127.0.0.1"
    console_port: int = 8444
    console_url: str = ""
    admin: Path | None = None
    stdin_closes: bool = False
    body_days: int = BODY_DAYS
    shop_pace: int = 50
    till_pace: int = 20
    shop_tills: int = 50
    sockets: int = 20_000
    socket_pace: int = 330
    seals: Seals = field(default_factory=Seals, repr=False)
    heartbeat_seconds: float = protocol.HEARTBEAT_SECONDS
    hello_seconds: float = protocol.HELLO_SECONDS
    slow_seconds: float = 30.0
    body_seconds: float = 3.0
    housekeeping_seconds: float = 1.0
    drain_seconds: float = 5.0
    retry_in: tuple[float, float] = (1, 30)

    @property
    def store_file(self) -> Path | None:
        """None where the store is a server's."""
        return _file(self.store)

    @property
    def spool_folder(self) -> Path:
        return self.spool or _named(self.high_water, ".spool")

    @property
    def lock(self) -> Path:
        """Held by the one relay that may serve the store's file, or keep this high water of a store that is shared."""
        return _named(self.store_file or self.high_water, ".lock")


def from_arguments(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """`arguments` holds None for what was not said; then RELAY_<NAME> of the environment counts, then the default."""

    def text(name: str, default: str = "") -> str:
        said = arguments.get(name)
        return str(said) if said is not None else environment.get(f"RELAY_{name.upper()}", default)

    store = store_url(text("store"))
    console_host = text("console_host", "127.0.0.1")
    beside = text("high_water")
    return Settings(
        store=store,
        host=text("host", "127.0.0.1"),
        port=_number(text("port", "8443"), "port", 0, 65535),
        public_url=_url(text("public_url")),
        high_water=Path(beside) if beside else _beside(store, ".highwater"),
        spool=Path(text("spool")) if text("spool") else None,
        spool_bytes=_number(text("spool_mb", "1024"), "spool_mb", 1, 1024 * 1024) * MEGABYTE,
        source_ips=_addresses(text("source_ips")),
        trusted_proxies=_networks(text("trusted_proxies")),
        metrics_from=_networks(text("metrics_from")) if text("metrics_from") else LOOPBACK,
        log_level=_one_of(text("log_level", "info"), "log_level", LOG_LEVELS),
        log_format=_one_of(text("log_format", "text"), "log_format", LOG_FORMATS),
        console=_switch(text("console", "off"), "console"),
        console_host=console_host,
        console_port=_number(text("console_port", "8444"), "console_port", 0, 65535),
        console_url=_console_url(text("console_url"), console_host),
        admin=Path(text("admin")) if text("admin") else None,
        stdin_closes=bool(arguments.get("stdin_closes")),
        shop_pace=_number(text("shop_pace", "50"), "shop_pace", 0, 100_000),
        till_pace=_number(text("till_pace", "20"), "till_pace", 0, 100_000),
        shop_tills=_number(text("shop_tills", "50"), "shop_tills", 1, 10_000),
        sockets=_number(text("sockets", "20000"), "sockets", 1, 1_000_000),
        socket_pace=_number(text("socket_pace", "330"), "socket_pace", 1, 100_000),
        body_days=body_days(text("body_days", str(BODY_DAYS))),
        seals=seals(environment),
        slow_seconds=_number(text("slow_seconds", "30"), "slow_seconds", 1, 3600),
        heartbeat_seconds=_number(text("heartbeat_seconds", "25"), "heartbeat_seconds", 1, 55),
    )


def store_url(said: str) -> str:
    """The address of a store; that of a file in the data folder where there is none."""
    if not said:
        return f"{SQLITE}{_data_folder() / 'relay.db'}"
    if not said.startswith((SQLITE, *POSTGRESQL)) or said == SQLITE:
        raise SettingError("the store must look like sqlite:///path/to/relay.db or postgresql://host/database")
    return said


def body_days(said: str) -> int:
    """For how many days the log keeps what was called back."""
    return _number(said, "body_days", 1, 3650)


def seals(environment: Mapping[str, str]) -> Seals:
    """From the environment alone: others can see a command line."""
    try:
        return sealing.parse(environment.get("RELAY_BODY_KEYS", ""))
    except BadKeysError as wrong:
        raise SettingError(f"RELAY_BODY_KEYS: {wrong}") from None


def _file(store: str) -> Path | None:
    return Path(store.removeprefix(SQLITE)) if store.startswith(SQLITE) else None


def _beside(store: str, ending: str) -> Path:
    """By the store's file; in the data folder of this computer where the store is on another."""
    return _named(_file(store) or _data_folder() / "relay", ending)


def _named(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _data_folder() -> Path:
    return user_data_path("till-relay", appauthor=False)


def _url(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise SettingError("the public URL must begin with https:// (or http:// for training)")
    found = [word for word in _FORBIDDEN_WORDS if word in url.lower()]
    if found:
        raise SettingError(f"Safaricom takes no callback URL with '{found[0]}' in it: the public URL must be without")
    return url.rstrip("/")


def _console_url(url: str, host: str) -> str:
    """Passwords travel to it: beyond this computer by https only."""
    if url and not (url.startswith("https://") and urlsplit(url).path in ("", "/")):
        raise SettingError("the console's URL must be https://name, with nothing behind the name")
    if not url and host not in _LOOPBACK:
        raise SettingError("a console that others reach needs --console-url https://…, the address that they type")
    return url.rstrip("/")


def _switch(said: str, name: str) -> bool:
    if said not in ("on", "off"):
        raise SettingError(f"{name} must be on or off")
    return said == "on"


def _number(said: str, name: str, least: int, most: int) -> int:
    if not said.isdecimal() or not least <= int(said) <= most:
        raise SettingError(f"{name} must be a whole number from {least} to {most}")
    return int(said)


def _addresses(said: str) -> frozenset[str]:
    try:
        return frozenset(str(ip_address(part.strip())) for part in said.split(",") if part.strip())
    except ValueError as wrong:
        raise SettingError("IP addresses must be written out, with commas between them") from wrong


def _networks(said: str) -> Addresses:
    """In a cluster a proxy has another address every day, and its network is what is known of it."""
    try:
        return Addresses(said)
    except ValueError as wrong:
        raise SettingError(
            "addresses and networks must look like 10.1.2.3 or 10.0.0.0/8, with commas between"
        ) from wrong


def _one_of(said: str, name: str, known: tuple[str, ...]) -> str:
    if said not in known:
        raise SettingError(f"{name} must be one of {', '.join(known)}")
    return said
