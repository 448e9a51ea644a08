"""The settings screen: the shop, its M-Pesa account and keys, and the relay."""
