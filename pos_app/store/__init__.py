"""The till's own SQLite: plain functions from a connection to domain values; rows never leave this package."""
