"""What the registration page shows, as one frozen value; it knows no widget and no service but its words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pos_app.services.registration import DefaultAction, MsisdnStyle, Product
from pos_app.ui.settings.state import ProbeResult


@dataclass(frozen=True, slots=True)
class RegistrationState:
    """`blocked` says why nothing can be registered now, or is empty; `obstacle` what Safaricom would refuse.

    `confirming` is what waits for its second press, because it is taken once.
    """

    blocked: str
    customer_label: str = ""
    address: str = ""
    obstacle: str = ""
    is_final: bool = False
    style: MsisdnStyle = MsisdnStyle.MASKED
    default_action: DefaultAction = DefaultAction.COMPLETED
    nominated: str = ""
    nominated_error: str = ""
    confirming: Product | None = None
    asking: frozenset[Product] = frozenset()
    standings: Mapping[Product, str] = field(default_factory=lambda: MappingProxyType({}))
    results: Mapping[Product, ProbeResult] = field(default_factory=lambda: MappingProxyType({}))

    def may_register(self, product: Product) -> bool:
        return not self.blocked and not self.obstacle and product not in self.asking and self.confirming is None
