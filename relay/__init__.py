"""The relay: it has the public address, stores every callback before it answers, and serves them in order to the tills.

It must not know what a sale is, nor import anything of the till; the till imports only `relay.protocol`.
"""
