"""Statements made of the names of columns, once, when a module is imported; no value ever becomes part of one."""

import json
from collections.abc import Iterable

ONE_OF = "IN (SELECT value FROM json_each(?))"
"""Bind `listed`: one statement for any number of values."""


def listed(values: Iterable[str | int]) -> str:
    return json.dumps(list(values))


def insert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 — names of ours


def select(columns: tuple[str, ...], table: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 — names of ours


def update(table: str, columns: tuple[str, ...]) -> str:
    """Of the row whose id is bound last."""
    changes = ", ".join(f"{column} = ?" for column in columns)
    return f"UPDATE {table} SET {changes} WHERE id = ?"  # noqa: S608 — names of ours


def like(text: str, *, anywhere: bool = False) -> str:
    r"""The pattern of what begins with the text, or has it anywhere, under `ESCAPE '\'`."""
    literal = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{literal}%" if anywhere else f"{literal}%"
