"""The network page: how M-Pesa is, whether a payment can be missing, and what a person has to settle."""
