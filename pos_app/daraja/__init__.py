"""Speaks Daraja, Safaricom's M-Pesa API, and turns every answer into evidence; knows no store, service or screen."""
