"""Counts every boundary that work crosses in this process, and ends the process with SIGKILL at a chosen one.

It must not know what work: it sees SQL that changes something, commits, bytes that leave and come, and changes told.
"""

import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from pos_app.services.changes import Changes
from pos_app.store.database import Database

_CHANGING = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "COMMIT", "ROLLBACK")


class CrashPoints:
    def __init__(self) -> None:
        self.names: list[str] = []
        self._at = 0
        self._counting = False
        self._lock = threading.Lock()

    def arm(self, at: int) -> None:
        """Counts from here; `at` 0 only counts."""
        self.names, self._at, self._counting = [], at, True

    def disarm(self) -> list[str]:
        self._counting = False
        return self.names

    def cross(self, name: str) -> None:
        if not self._counting:
            return
        with self._lock:
            self.names.append(name)
            if len(self.names) == self._at:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Before the first connection or socket is made."""
        self._watch_sql()
        self._wrap(Database, "_run", after="committed")
        self._wrap(Changes, "publish", before="telling")
        for name in ("connect", "send", "sendmsg"):
            self._wrap_socket(name, before=name, after=f"{name} done")
        for name in ("recv", "recv_into"):
            self._wrap_socket(name, after=name)

    def _watch_sql(self) -> None:
        connect = sqlite3.connect

        def traced(statement: str) -> None:
            if statement.startswith(_CHANGING):
                self.cross(" ".join(statement.split()[:3]))

        def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_trace_callback(traced)
            return connection

        vars(sqlite3)["connect"] = watched

    def _wrap(self, owner: type, name: str, *, before: str = "", after: str = "") -> None:
        whole: Callable[..., Any] = getattr(owner, name)

        def wrapped(this: Any, *arguments: Any) -> Any:
            if before:
                self.cross(before)
            result = whole(this, *arguments)
            if after:
                self.cross(after)
            return result

        setattr(owner, name, wrapped)

    def _wrap_socket(self, name: str, *, before: str = "", after: str) -> None:
        whole: Callable[..., Any] = getattr(socket.socket, name)

        def wrapped(this: socket.socket, *arguments: Any) -> Any:
            if this.family == socket.AF_UNIX:  # the loop's own wake-ups and the test's channel
                return whole(this, *arguments)
            if before:
                self.cross(before)
            result = whole(this, *arguments)
            self.cross(after)
            return result

        setattr(socket.socket, name, wrapped)
