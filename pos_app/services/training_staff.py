"""Who works in the training shop, and their PINs, which are shown to learners and good for nothing else."""

from collections.abc import Mapping

from pos_app.domain.staff import Role
from pos_app.services.authority import Authority
from pos_app.services.clock import utc_now
from pos_app.services.staff import Staff

_PEOPLE = (
    ("Wanjiru", Role.OWNER, "90736215"),
    ("Otieno", Role.MANAGER, "58203917"),
    ("Kamau", Role.SUPERVISOR, "719305"),
    ("Akinyi", Role.CASHIER, "482915"),
    ("Odhiambo", Role.AUDITOR, "630718"),
)
PRACTICE_PINS: Mapping[str, str] = {name: pin for name, _role, pin in _PEOPLE}
_AT_THE_TILL = "Akinyi"


async def hire(staff: Staff, authority: Authority) -> None:
    """Once; afterwards the cashier stands at the till, signed in, so that a learner can sell at once."""
    if not await staff.people():
        (owner, _role, pin), *others = _PEOPLE
        await staff.set_up(owner, pin)
        for name, role, pin in others:
            await staff.add(name, role, pin)
    people = [one for one in await staff.people() if one.active]
    cashier = next((one for one in people if one.name == _AT_THE_TILL), people[0])
    authority.begin(cashier, utc_now())
