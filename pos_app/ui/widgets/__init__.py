"""The small controls every screen shares; they know the theme and no service."""
