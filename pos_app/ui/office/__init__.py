"""The back of the shop: refunds, accounts, who works here, and the record of who did what."""
