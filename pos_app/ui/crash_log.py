"""The log file: everything that went wrong reaches it, without phone numbers, tokens or other long secrets."""

import faulthandler
import logging
import re
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

log = logging.getLogger(__name__)

_BYTES, _FILES = 2_000_000, 5
_PRIVATE = re.compile(
    r"ws_CO_\w+"  # CheckoutRequestIDs, which end in a phone
    r"|(?:\+?254|\b0)[\s-]?[17](?:[\s-]?\d){8}\b"  # phones in any spelling
    r"|(?:Bearer|Basic)\s+[^\s,'\"]+"
    r"|\b[0-9a-fA-F]{24,}\b"  # keys and nonces in hex
    r"|\b[A-Za-z0-9]{40,}"
    # Keys and tokens in base64, either alphabet; the mixture tells them from names and from most paths.
    r"|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[\w+/-]{24,}={0,2}",
    re.ASCII,
)
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Redacting(logging.Formatter):
    """The last gate: whatever a message, an argument or a traceback holds."""

    def format(self, record: logging.LogRecord) -> str:
        return _PRIVATE.sub("•••", super().format(record))


def start(folder: Path) -> None:
    """Sends this process's log, uncaught errors and Qt's warnings to `till.log` in the folder, crashes beside it.

    A crash leaves that and nothing else: the memory of a till holds the shop's keys.
    """
    _leave_no_core()
    handler = RotatingFileHandler(folder / "till.log", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
    handler.setFormatter(Redacting("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for chatty in ("httpx", "httpcore", "websockets", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    faulthandler.enable((folder / "crash.log").open("a"))  # open for the life of the process
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: log.critical("a thread failed", exc_info=args.exc_value)
    qInstallMessageHandler(_qt_said)


def _leave_no_core() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("uncaught error", exc_info=(kind, error, trace))
    if sys.stderr is not None:  # a windowed program has none
        sys.stderr.write("Something unexpected happened; till.log in the till’s folder says what.\n")


def _qt_said(kind: QtMsgType, _context: QMessageLogContext, message: str | None) -> None:
    logging.getLogger("qt").log(_LEVELS.get(kind, logging.WARNING), "%s", message)
