"""Where Safaricom tells the shop of its customers' payments: the URLs of each shortcode (contract §2.3, §2.5).

It must not know how they were registered.
"""

from dataclasses import dataclass, field
from typing import Literal

Version = Literal[1, 2]
ResponseType = Literal["Completed", "Cancelled"]


@dataclass(frozen=True)
class Registration:
    """`version` decides how payers are written: 1 hashed, 2 masked. `response_type` is what silence means."""

    version: Version = 2
    response_type: ResponseType = "Completed"
    confirmation_url: str = ""
    validation_url: str = ""


@dataclass
class Registrations:
    """`validating` are the shortcodes for which external validation was switched on, by e-mail."""

    _urls: dict[str, Registration] = field(default_factory=dict)
    validating: set[str] = field(default_factory=set)

    def of(self, shortcode: str) -> Registration:
        """Nowhere, when nothing is registered: the payment still completes (§7)."""
        return self._urls.get(shortcode, Registration())

    def register(self, shortcode: str, registration: Registration) -> None:
        self._urls[shortcode] = registration

    def forget(self, shortcode: str) -> None:
        """As two operators do it on the portal."""
        self._urls.pop(shortcode, None)

    def __contains__(self, shortcode: str) -> bool:
        return shortcode in self._urls

    def validation_url(self, shortcode: str) -> str:
        return self.of(shortcode).validation_url if shortcode in self.validating else ""

    def all(self) -> dict[str, Registration]:
        return dict(self._urls)
