"""What a B2C payment costs the shop (contract §6, Safaricom's form of August 2023). Whole shillings."""

_STEPS = ((100, 0), (1_500, 5), (5_000, 9), (20_000, 11), (250_000, 13))


def b2c_charge(amount: int) -> int:
    return next((charge for most, charge in _STEPS if amount <= most), _STEPS[-1][1])
