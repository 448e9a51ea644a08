"""Where events, shops and tills are kept: one schema on SQLAlchemy Core, and one small module per database.

Nothing here knows HTTP, websockets or the frames' way to a till.
"""
