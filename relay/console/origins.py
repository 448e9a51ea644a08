"""By which address a browser may reach the console: a form that another site made is refused, whatever else it has.

Pure. On loopback any port will do, because operators come through tunnels; elsewhere one address only, and by https.
"""

from urllib.parse import urlsplit

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


class Origins:
    def __init__(self, url: str) -> None:
        """`url` is the console's own https address; empty for a console that only this computer reaches."""
        self._host = urlsplit(url).netloc.lower()
        self.secure = url.startswith("https://")

    def knows_host(self, host: str) -> bool:
        """Any other name is that of a site which has pointed it here."""
        if self._host:
            return host.lower() == self._host
        name, port = _split(host.lower())
        return name in _LOOPBACK and (not port or port.isdecimal())

    def is_own(self, origin: str, host: str) -> bool:
        scheme = "https" if self.secure else "http"
        return self.knows_host(host) and origin.lower() == f"{scheme}://{host.lower()}"


def _split(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, bracket, rest = host.partition("]")
        return name + bracket, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name, port
