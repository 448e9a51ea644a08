"""Operators' passwords: what one must be like, what is kept of it, and whether one is right.

It must not know who asks. Argon2id (money-safety §5) takes tens of milliseconds of a core, on purpose: so it has one
thread of its own that gives way to the relay, and only a few may wait for it.
"""

import asyncio
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LEAST = 12
MOST = 200
WAITING = 4
WAITING_KNOWN = 8
"""A browser that its operator is known at still finds a place while strangers fill theirs."""
_MEMORY_KIB = 46 * 1024
_ITERATIONS = 2
_NICE = 10
_COMMON = {
    "password",
    "passw0rd",
    "qwertyuiop",
    "iloveyou",
    "welcome",
    "letmein",
    "administrator",
    "mpesa",
    "safaricom",
}


class BusyError(Exception):
    """Too many passwords are being looked at; nothing was counted."""


def fault(password: str, name: str) -> str:
    """What is wrong with it as a new password, for a person; empty where it will do."""
    plain = "".join(letter for letter in password.casefold() if letter.isalpha())
    if len(password) < LEAST:
        return f"A password has at least {LEAST} characters; a few words in a row are easiest to keep in mind."
    if len(password) > MOST:
        return f"A password has at most {MOST} characters."
    if len(set(password)) < 6 or plain in _COMMON or (plain and plain == name.casefold()):
        return "That is one of the first that somebody would try. Take a few words that do not belong together."
    return ""


def keep(password: str) -> str:
    """In the form that says its own salt and cost, so that a dearer one can replace it later."""
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=_ITERATIONS, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(_typed(password))


def is_right(password: str, kept: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_typed(password), kept)
    except InvalidKey:
        return False
    return True


def _typed(password: str) -> bytes:
    # The same phrase typed on another keyboard must be the same bytes.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


class Passwords:
    """Looks at one password at a time, beside the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay-passwords", initializer=_give_way)
        self._waiting = 0
        self._nobodys = self._thread.submit(keep, secrets.token_hex(16))

    @contextmanager
    def place(self, *, known: bool) -> Iterator[None]:
        """To be held from before a try is counted until it is answered. BusyError where there is none."""
        if self._waiting >= (WAITING_KNOWN if known else WAITING):
            raise BusyError
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def are_right(self, password: str, kept: str | None) -> bool:
        """`kept` is None for an operator that there is not: that takes the same time, and is never right."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._look, password, kept)

    def _look(self, password: str, kept: str | None) -> bool:
        right = is_right(password[: MOST + 1], self._nobodys.result() if kept is None else kept)
        return right and kept is not None

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)


def _give_way() -> None:
    """On Linux a thread has a priority of its own: a callback never waits for a password."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
