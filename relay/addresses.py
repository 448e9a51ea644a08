"""Addresses and whole networks: those that an operator writes, and the one that somebody is counted by.

It must not know what somebody from there may do.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


class Addresses:
    """`"10.1.2.3" in addresses`. It is nearly always one of a few who asks, so that is found out once for each."""

    def __init__(self, said: str) -> None:
        """ValueError for what is neither an address nor a network."""
        self._networks = tuple(ip_network(part.strip(), strict=False) for part in said.split(",") if part.strip())
        self._found = lru_cache(1024)(self._find)

    def __contains__(self, address: object) -> bool:
        return self._found(address)

    def _find(self, address: object) -> bool:
        seen = _read(str(address))
        return seen is not None and any(seen in network for network in self._networks)


def network_of(address: str) -> str:
    """Of an IPv6 address the network that one line is given, of which anybody has all addresses."""
    seen = _read(address)
    if isinstance(seen, IPv6Address):
        return str(IPv6Address(int(seen) >> 64 << 64))
    return address if seen is None else str(seen)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        seen = ip_address(address)
    except ValueError:
        return None
    if isinstance(seen, IPv6Address) and seen.ipv4_mapped is not None:
        return seen.ipv4_mapped
    return seen
