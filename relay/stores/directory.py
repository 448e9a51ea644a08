"""Shops, their tills and the invitations to pair one: plain functions on a connection that is in a transaction.

It must not know HTTP. Tokens and codes are kept as SHA-256 only; callback keys can be shown again.
"""

import hashlib
import hmac
import itertools
import re
import secrets
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from relay.stores.streams import create_stream
from relay.stores.tables import invite, seat, shop, stream, till

CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
CODE_MS = 10 * 60 * 1000
CODE_TRIES = 5

_TILL_CODE = re.compile(r"[A-Z0-9]{1,3}", re.ASCII)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Shop(NamedTuple):
    id: int
    name: str
    stream: str
    callback_key: str
    nonce_key: str


class Mark(NamedTuple):
    shops: int
    newest: int | None


class Till(NamedTuple):
    """`code` is None for one that was paired before codes were given."""

    id: str
    code: str | None
    shop: str
    name: str
    paired_at: int
    revoked_at: int | None
    acked_seq: int | None
    acked_at: int | None


class Credential(NamedTuple):
    """What a bearer token opens: one till, and of that till one stream."""

    till_id: str
    stream: str
    revoked: bool


class Invitation(NamedTuple):
    code: str
    expires_at: int


class Device(NamedTuple):
    """What a till says of itself when it pairs; `code` is the till code that it would like, or empty."""

    id: str
    name: str
    code: str = ""


class Paired(NamedTuple):
    till_id: str
    till_code: str
    token: str
    shop: Shop


class NoSuchShopError(Exception):
    """There is no shop of that name."""


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_shops = select(shop.c.id, shop.c.name, stream.c.name, shop.c.callback_key, shop.c.nonce_key).join(
    stream, stream.c.id == shop.c.stream_id
)


def _as_shop(row: Row[int, str, str, str, str] | None) -> Shop | None:
    return Shop(*row) if row is not None else None


def add_shop(connection: Connection, name: str, epoch: str) -> Shop:
    """sqlalchemy.exc.IntegrityError if there is a shop of that name."""
    made = Shop(0, name, "st_" + secrets.token_hex(4), secrets.token_hex(16), secrets.token_hex(16))
    stream_id = create_stream(connection, made.stream, epoch)
    values = {
        "name": name,
        "stream_id": stream_id,
        "callback_key": made.callback_key,
        "callback_key_sha256": sha256(made.callback_key),
        "nonce_key": made.nonce_key,
    }
    return made._replace(id=connection.execute(insert(shop).values(values).returning(shop.c.id)).scalar_one())


def mark(connection: Connection) -> Mark:
    """Another one once shops were added or taken away."""
    return Mark(*connection.execute(select(func.count(), func.max(shop.c.id))).one())


def shops(connection: Connection) -> list[Shop]:
    return [Shop(*row) for row in connection.execute(_shops.order_by(shop.c.id))]


def shop_by_name(connection: Connection, name: str) -> Shop:
    found = _as_shop(connection.execute(_shops.where(shop.c.name == name)).first())
    if found is None:
        raise NoSuchShopError(name)
    return found


def shop_by_key_hash(connection: Connection, key_sha256: str) -> Shop | None:
    """Looked up by hash, so that the time it takes says nothing about how much of a guessed key is right."""
    return _as_shop(connection.execute(_shops.where(shop.c.callback_key_sha256 == key_sha256)).first())


def invite_till(connection: Connection, shop_name: str, now_ms: int) -> Invitation:
    """A code of eight letters, shown as XXXX-XXXX: the first half names the invitation, the second proves it."""
    owner = shop_by_name(connection, shop_name)
    connection.execute(delete(invite).where(invite.c.expires_at <= now_ms))
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
    connection.execute(delete(invite).where(invite.c.first_half == code[:4]))
    values = {"first_half": code[:4], "shop_id": owner.id, "code_sha256": sha256(code), "expires_at": now_ms + CODE_MS}
    connection.execute(insert(invite).values(values))
    return Invitation(f"{code[:4]}-{code[4:]}", now_ms + CODE_MS)


def pair(connection: Connection, code: str, device: Device, now_ms: int) -> Paired | None:
    """None for a code that is wrong, used, expired or burnt by five wrong tries; which of these is not said."""
    letters = "".join(code.split()).replace("-", "").upper()
    found = connection.execute(select(invite).where(invite.c.first_half == letters[:4]).with_for_update()).first()
    if found is None or found.expires_at <= now_ms or found.tries >= CODE_TRIES:
        return None
    if not hmac.compare_digest(found.code_sha256, sha256(letters)):
        tried = update(invite).where(invite.c.first_half == found.first_half)
        connection.execute(tried.values(tries=invite.c.tries + 1))
        return None
    connection.execute(delete(invite).where(invite.c.first_half == found.first_half))
    return _seated(connection, found.shop_id, device, now_ms)


def _seated(connection: Connection, shop_id: int, device: Device, now_ms: int) -> Paired:
    """The same device is the same till again, under a new token: a copy of its folder that pairs puts it out."""
    # Two relays may seat tills of one shop at once, and no two may have the same code.
    connection.execute(select(shop.c.id).where(shop.c.id == shop_id).with_for_update())
    token = secrets.token_hex(32)
    fresh = {"name": device.name, "token_sha256": sha256(token), "paired_at": now_ms, "revoked_at": None}
    held = connection.execute(select(seat).where(seat.c.shop_id == shop_id, seat.c.device == device.id)).first()
    if held is not None:
        till_id, till_code = held.till_id, held.code
        connection.execute(update(till).where(till.c.id == till_id).values(fresh))
    else:
        till_id, till_code = "till_" + secrets.token_hex(4), _free_code(connection, shop_id, device.code)
        connection.execute(insert(till).values(id=till_id, shop_id=shop_id, **fresh))
        taken = {"till_id": till_id, "shop_id": shop_id, "device": device.id, "code": till_code}
        connection.execute(insert(seat).values(taken))
    return Paired(till_id, till_code, token, Shop(*connection.execute(_shops.where(shop.c.id == shop_id)).one()))


def _free_code(connection: Connection, shop_id: int, wanted: str) -> str:
    """What was wanted, where it is a code and nobody ever had it; else the first in 1 … 9, A … Z, 10 … that is free."""
    taken = set(connection.execute(select(seat.c.code).where(seat.c.shop_id == shop_id)).scalars())
    wanted = wanted.strip().upper()
    if _TILL_CODE.fullmatch(wanted) and wanted not in taken:
        return wanted
    return next(code for code in _codes() if code not in taken)


def _codes() -> Iterator[str]:
    lengths = (itertools.product(_DIGITS, repeat=length) for length in (1, 2, 3))
    return ("".join(digits) for digits in itertools.chain.from_iterable(lengths) if digits[0] != "0")


_credentials = (
    select(till.c.token_sha256, till.c.id, stream.c.name, till.c.revoked_at)
    .join(shop, shop.c.id == till.c.shop_id)
    .join(stream, stream.c.id == shop.c.stream_id)
    .where(till.c.token_sha256.in_(bindparam("hashes", expanding=True)))
)


def credentials(connection: Connection, hashes: list[str]) -> dict[str, Credential]:
    """By the SHA-256 of a token; nothing for one that no till has."""
    rows = connection.execute(_credentials, {"hashes": hashes})
    return {row[0]: Credential(row[1], row[2], row[3] is not None) for row in rows}


def tills(connection: Connection) -> list[Till]:
    columns = (till.c.paired_at, till.c.revoked_at, till.c.acked_seq, till.c.acked_at)
    wanted = select(till.c.id, seat.c.code, shop.c.name, till.c.name, *columns).join(shop, shop.c.id == till.c.shop_id)
    seated = wanted.outerjoin(seat, seat.c.till_id == till.c.id)
    return [Till(*row) for row in connection.execute(seated.order_by(till.c.paired_at, till.c.id))]


def revoke(connection: Connection, till_id: str, now_ms: int) -> bool:
    """False if there is no such till; one that is revoked stays so from its first time."""
    changed = update(till).where(till.c.id == till_id).values(revoked_at=func.coalesce(till.c.revoked_at, now_ms))
    return connection.execute(changed).rowcount == 1


def revoked(connection: Connection) -> set[str]:
    return set(connection.execute(select(till.c.id).where(till.c.revoked_at.is_not(None))).scalars())


_rules = select(stream.c.rules)


def set_rules(connection: Connection, stream_name: str, document: str) -> None:
    connection.execute(update(stream).where(stream.c.name == stream_name).values(rules=document))


def rules(connection: Connection, stream_name: str) -> str:
    """Empty where the shop has set none."""
    return connection.execute(_rules.where(stream.c.name == stream_name)).scalar() or ""


def held_rules(connection: Connection, stream_name: str) -> str:
    """The same, and nobody else sets others before the transaction ends."""
    return connection.execute(_rules.where(stream.c.name == stream_name).with_for_update()).scalar() or ""


def note_acks(connection: Connection, acks: dict[str, int], now_ms: int) -> None:
    """A hint for trimming, for the lag figure and for who is away; delivery never reads it."""
    noted = update(till).where(till.c.id == bindparam("of")).values(acked_seq=bindparam("seq"), acked_at=now_ms)
    # In one order at every relay, so that two never wait for each other.
    connection.execute(noted, [{"of": till_id, "seq": acks[till_id]} for till_id in sorted(acks)])


def away(connection: Connection, after_ms: int, before_ms: int) -> list[tuple[str, int]]:
    """How many tills of each shop were last noted between the two times, with the rules of that shop, or nothing."""
    gone = (till.c.acked_at > after_ms) & (till.c.acked_at <= before_ms) & till.c.revoked_at.is_(None)
    counted = (
        select(func.coalesce(stream.c.rules, ""), func.count())
        .select_from(till)
        .join(shop, shop.c.id == till.c.shop_id)
        .join(stream, stream.c.id == shop.c.stream_id)
        .where(gone)
        .group_by(stream.c.id, stream.c.rules)
    )
    return [(document, count) for document, count in connection.execute(counted)]
