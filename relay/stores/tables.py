"""The relay's tables: streams, events, shops, tills, their seats, and invitations.

It must not know a dialect: what differs between databases is in the store's own module.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from relay.stores.sequence import SEQ_BITS, SEQ_MASK

metadata = MetaData()
VERSION = 3
"""Of the shape of these tables, kept in the file: to be raised with every change of it. Nothing was released with the
ones before, so a file of theirs is refused, not carried over."""

# STRICT tables take INTEGER alone, and only a column declared so is the row id.
_whole = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


stream = Table(
    "stream",
    metadata,
    Column("id", _whole, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _text("epoch"),
    Column("floor", _whole, nullable=False, server_default="0"),
    _text("rules", nullable=True),
    sqlite_strict=True,
)

# The head of a stream is its last row: nothing else can disagree with it. `id` is the event's place: the stream above,
# seq in the low SEQ_BITS, so that a stream lies together in its order. `at` is milliseconds of UTC, `encoding` how the
# body is kept (Encoding), `money` the fields that make a copy the same payment; erasure blanks `body`, and the chain
# stays whole. The key is kept in two, its end first in the index: that is Safaricom's, and those that come together
# lie together, where whole keys, which begin with chance, would each write a page of their own. `nonce` is kept only
# where the key does not hold it: what a row takes is what every commit writes.
event = Table(
    "event",
    metadata,
    Column("id", _whole, primary_key=True, autoincrement=False),
    Column("stream_id", _whole, ForeignKey("stream.id"), nullable=False),
    _text("key_end"),
    _text("key_start"),
    Column("rev", Integer, nullable=False),
    _text("kind"),
    _text("receipt", nullable=True),
    _text("trust"),
    _text("src"),
    Column("at", _whole, nullable=False),
    _text("nonce", nullable=True),
    _text("short_code", nullable=True),
    _bytes("body_sha256"),
    _bytes("money"),
    _bytes("chain"),
    Column("encoding", Integer, nullable=False),
    _text("body", nullable=True),
    UniqueConstraint("key_end", "key_start", "stream_id", "rev", name="event_identity"),
    # Nothing but a claim asks for a receipt, and a confirmation's stands in its key already.
    Index("event_stk_receipt", "receipt", sqlite_where=text("kind = 'stk' AND receipt IS NOT NULL")),
    CheckConstraint(f"id >> {SEQ_BITS} = stream_id AND id & {SEQ_MASK} > 0", name="event_place"),
    sqlite_strict=True,
)

shop = Table(
    "shop",
    metadata,
    Column("id", _whole, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("stream_id", _whole, ForeignKey("stream.id"), nullable=False, unique=True),
    _text("callback_key"),
    Column("callback_key_sha256", Text, nullable=False, unique=True),
    _text("nonce_key"),
    sqlite_strict=True,
)

till = Table(
    "till",
    metadata,
    Column("id", Text, primary_key=True, nullable=False),
    Column("shop_id", _whole, ForeignKey("shop.id"), nullable=False),
    _text("name"),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("paired_at", _whole, nullable=False),
    Column("revoked_at", _whole, nullable=True),
    Column("acked_seq", _whole, nullable=True),
    Column("acked_at", _whole, nullable=True),
    Index("till_revoked", "revoked_at"),
    sqlite_strict=True,
)

# A till's place in its shop: the device that it runs on, and the code that begins its account references. A place is
# never given to another device, for a customer may still pay by an old reference.
seat = Table(
    "seat",
    metadata,
    Column("till_id", Text, ForeignKey("till.id"), primary_key=True, nullable=False),
    Column("shop_id", _whole, ForeignKey("shop.id"), nullable=False),
    _text("device"),
    _text("code"),
    UniqueConstraint("shop_id", "device", name="seat_device"),
    UniqueConstraint("shop_id", "code", name="seat_code"),
    sqlite_strict=True,
)

# A wrong second half counts against the invitation that its first half names.
invite = Table(
    "invite",
    metadata,
    Column("first_half", Text, primary_key=True, nullable=False),
    Column("shop_id", _whole, ForeignKey("shop.id"), nullable=False),
    _text("code_sha256"),
    Column("expires_at", _whole, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    sqlite_strict=True,
)
