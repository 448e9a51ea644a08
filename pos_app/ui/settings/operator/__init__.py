"""The API operator that refunds by M-Pesa and asks for balances; a part of the settings that acts by itself."""
