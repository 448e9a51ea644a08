"""Taking the money: the phone, the wait, cash, and the shop's own number; it replaces the cart and nothing else."""
