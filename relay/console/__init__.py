"""The operators' console: a few web pages on a listener of their own, behind a password, that work without JavaScript.

It must not be reachable where Safaricom and the tills call, and it never edits an event of the log.
"""
