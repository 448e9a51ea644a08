"""The receipt on the screen; the history and the selling screen both open it."""
