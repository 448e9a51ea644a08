"""Daraja, locally: an independent witness written from the contract page, for training, tests and newcomers.

It must know nothing else of ours. `daraja.Daraja` is the whole service without a socket; `transport` and `server`
carry it.
"""
