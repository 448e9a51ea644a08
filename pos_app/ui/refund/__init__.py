"""Giving money back: prepared from a sale, released by who may, and followed to its end."""
