"""What the operators' console keeps beside the log: operators, their sessions and wrong tries, a record of their acts,
what tills are to read again, and where quarantined callbacks came from.

It must not know the console. The steps in `migrations` make the tables.
"""

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

metadata = MetaData()

operator = Table(
    "operator",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password", Text),
    Column("added_at", BigInteger),
)
session = Table(
    "operator_session",
    metadata,
    Column("id_sha256", Text, primary_key=True),
    Column("operator", Text),
    Column("address", Text),
    Column("began_at", BigInteger),
    Column("seen_at", BigInteger),
)
browser = Table(
    "operator_browser",
    metadata,
    Column("id_sha256", Text, primary_key=True),
    Column("operator", Text),
    Column("seen_at", BigInteger),
)
tries = Table(
    "operator_tries",
    metadata,
    Column("who", Text, primary_key=True),
    Column("wrong", BigInteger),
    Column("last_at", BigInteger),
)
record = Table(
    "operator_record",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("at", BigInteger),
    Column("operator", Text),
    Column("address", Text),
    Column("action", Text),
    Column("subject", Text),
    Column("detail", Text),
)
reading_again = Table(
    "reading_again",
    metadata,
    Column("till_id", Text, primary_key=True),
    Column("stream", Text),
    Column("epoch", Text),
    Column("after", BigInteger),
    Column("asked_at", BigInteger),
)
sender = Table(
    "quarantined_sender",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("address", Text),
)
