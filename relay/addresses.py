"""Addresses and whole networks, as an operator writes them. It must not know what somebody from there may do."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


class Addresses:
    """`"10.1.2.3" in addresses`. It is nearly always one of a few who asks, so that is found out once for each."""

    def __init__(self, said: str) -> None:
        """ValueError for what is neither an address nor a network."""
        self._networks = tuple(ip_network(part.strip(), strict=False) for part in said.split(",") if part.strip())
        self._found = lru_cache(1024)(self._find)

    def __contains__(self, address: object) -> bool:
        return self._found(address)

    def _find(self, address: object) -> bool:
        try:
            seen = ip_address(str(address))
        except ValueError:
            return False
        if isinstance(seen, IPv6Address) and seen.ipv4_mapped is not None:
            seen = seen.ipv4_mapped
        return any(seen in network for network in self._networks)
