"""The relay's log: each record one line on standard error, for a person or for a machine.

It must not know what is logged, and lets nothing private through.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

from relay import request_id
from relay.masking import masked

logger = logging.getLogger("relay.logs")


def start(level: str, form: str) -> None:
    """What is not ours is heard from warnings on: at debug, libraries tell what comes over the wire."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("relay").setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: logger.critical("a thread failed", exc_info=failed.exc_value)


class TextFormatter(logging.Formatter):
    """`2026-11-28T09:15:00.123Z INFO relay.feed [7f3a-12] till_9f connected`; a traceback follows on its own lines."""

    def format(self, record: logging.LogRecord) -> str:
        request = _request(record)
        named = f" [{request}]" if request else ""
        line = f"{_time(record)} {record.levelname} {record.name}{named} {_printable(_message(record))}"
        failed = _failure(self, record)
        return f"{line}\n{failed}" if failed else line


class JsonFormatter(logging.Formatter):
    """One object on one line: time (UTC), level, logger, message; request and error where there are such."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            "request": _request(record),
            "error": _failure(self, record),
        }
        return json.dumps({name: said for name, said in told.items() if said})


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    return masked(record.getMessage())


def _printable(text: str) -> str:
    """A path or a name may hold a line break, and would write a line of its own."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def _request(record: logging.LogRecord) -> str:
    """Said with the record by who answers many requests in one go."""
    return str(getattr(record, "request", "") or request_id.current.get())


def _failure(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return masked(formatter.formatException(record.exc_info)) if record.exc_info and record.exc_info[0] else ""


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("uncaught error", exc_info=(kind, error, trace))
