"""The relay's tables as SQLAlchemy Core asks them: what both databases have under the same name.

It must not know a dialect. The steps in `migrations` make them, with their keys, checks and indexes. `event_key` and
`event_row` are one table on SQLite, which has them as views of it; PostgreSQL keeps the bodies apart, a table a day.
"""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

# Nothing up to and with `floor` is read any more. Trimming follows behind it: the bodies up to `cleared` are gone, and
# up to `forgotten` all that an event was known by; the relay's own records stay.
stream = Table(
    "stream",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("epoch", Text),
    Column("floor", BigInteger),
    Column("rules", Text),
    Column("cleared", BigInteger),
    Column("forgotten", BigInteger),
)

# What an event is known by. `id` is its place: the stream above, seq in the low SEQ_BITS, so that a stream lies
# together in its order. `money` are the fields that make a copy the same payment. The key is kept in two, its end first
# in the index: that is Safaricom's, and those that come together lie together, where whole keys, which begin with
# chance, would each write a page of their own. `body` is for the relay's own record alone (claim, release, anchor): it
# outlives those of the callbacks, or a payment could be used again.
event_key = Table(
    "event_key",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("stream_id", BigInteger),
    Column("key_end", Text),
    Column("key_start", Text),
    Column("rev", Integer),
    Column("kind", Text),
    Column("receipt", Text),
    Column("trust", Text),
    Column("money", LargeBinary),
    Column("chain", LargeBinary),
    Column("body", Text),
)

# A whole event, its columns those of sequence.Row. `at` is milliseconds of UTC, `encoding` how the body is kept
# (Encoding); erasure blanks `body`, and the chain stays whole. `nonce` is kept only where the key does not hold it:
# what a row takes is what every commit writes.
event_row = Table(
    "event_row",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("stream_id", BigInteger),
    Column("key_end", Text),
    Column("key_start", Text),
    Column("rev", Integer),
    Column("kind", Text),
    Column("receipt", Text),
    Column("trust", Text),
    Column("src", Text),
    Column("at", BigInteger),
    Column("nonce", Text),
    Column("short_code", Text),
    Column("body_sha256", LargeBinary),
    Column("money", LargeBinary),
    Column("chain", LargeBinary),
    Column("encoding", Integer),
    Column("body", Text),
)

shop = Table(
    "shop",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("stream_id", BigInteger),
    Column("callback_key", Text),
    Column("callback_key_sha256", Text),
    Column("nonce_key", Text),
)

till = Table(
    "till",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shop_id", BigInteger),
    Column("name", Text),
    Column("token_sha256", Text),
    Column("paired_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("acked_seq", BigInteger),
    Column("acked_at", BigInteger),
)

# A till's place in its shop: the device that it runs on, and the code that begins its account references. A place is
# never given to another device, for a customer may still pay by an old reference.
seat = Table(
    "seat",
    metadata,
    Column("till_id", Text, primary_key=True),
    Column("shop_id", BigInteger),
    Column("device", Text),
    Column("code", Text),
)

# A wrong second half counts against the invitation that its first half names.
invite = Table(
    "invite",
    metadata,
    Column("first_half", Text, primary_key=True),
    Column("shop_id", BigInteger),
    Column("code_sha256", Text),
    Column("expires_at", BigInteger),
    Column("tries", Integer),
)

# `proof` is a word, sealed by the key of that id.
body_key = Table("body_key", metadata, Column("id", Text, primary_key=True), Column("proof", Text))
