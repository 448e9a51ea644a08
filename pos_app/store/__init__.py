"""The till's own SQLite: plain functions from a session to domain values; live rows never leave this package."""
