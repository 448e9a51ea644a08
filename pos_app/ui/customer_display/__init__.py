"""The second window, which faces the customer."""
