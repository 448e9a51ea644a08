"""What an API operator asks for: B2C, Reversal, Transaction Status, Account Balance (contract §2.7 to §2.10).

It must not know pushes, customers or sockets.
"""
