"""Why a refund may not go on just now, asked in the transaction that would let it: what was true may be no more."""

import sqlite3

from pos_app.domain.refund import Refund
from pos_app.store import refunds

OFF = "Refunds by M-Pesa are off until the owner has mended the API operator."


def held_up(connection: sqlite3.Connection, refund: Refund) -> str:
    """A sentence; empty where nothing stands in the way."""
    if refund.route.is_by_mpesa and refunds.switched_off(connection) is not None:
        return OFF
    return ""
