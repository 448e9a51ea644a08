"""The log file: everything that went wrong reaches it, and nothing that is private does."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from pos_app.ui.crash_log import Redacting

CHECKOUT = Path(__file__).resolve().parents[2]
CANARIES = [
    "ws_CO_23112026184500712345678",
    "0712345678",
    "0712 345 678",
    "0112-345-678",
    "254712345678",
    "+254712345678",
    "+254 712 345 678",
    "Bearer short",
    "Basic dTpw",
    "SGWcJPtNtYNPGm6uSYR9yPYrAI3Bm",  # an access token of Daraja
    "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",  # a passkey
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",  # a nonce
    "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGExZWQyYzkxOTIwMTYw",
    "q8Zc-1Lw_Kt9Xv2Rb7Yn4Md6Hs3Jf5Pg0Te8Ua",  # base64 for addresses
    "k7Q/2mX9dR+4bT6vN1wZ8yL3cF5hJ0pS/eG+aUiO=",
]
HARMLESS = [
    "sale 1042 of KES 350 was paid with UKN7BX41QP",
    'File "/usr/lib/python3/site-packages/httpcore/_async/connection_pool.py", line 256, in handle_async_request',
    'File "/opt/mpesa/till/_internal/pos_app/services/reconciliation_of_open_charges.py", line 12',
    "test_a_charge_is_asked_for_once_and_never_again",
    "the relay link ended: ConnectionRefusedError",
    "2026-11-23 18:45:00,123 INFO 10.254.0.1 took 120 ms",
]

_EVERYTHING = """
import logging, sys, threading
from pathlib import Path
from PySide6.QtCore import QObject, QTimer, qCritical, qWarning
from PySide6.QtWidgets import QApplication
from pos_app.ui import crash_log

crash_log.start(Path(sys.argv[1]))
logging.getLogger("pos_app").info("charge %s of %s", 7, "0712345678")
logging.getLogger("httpx").info("a chatty line")
try:
    raise ValueError("token SGWcJPtNtYNPGm6uSYR9yPYrAI3Bm refused")
except ValueError:
    logging.getLogger("pos_app").exception("push of ws_CO_23112026184500712345678")
qWarning("a warning of Qt about 254712345678")
qCritical("something critical")
def fail():
    raise LookupError("in a thread, 0712 345 678")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
app = QApplication([])
def slot():
    raise ArithmeticError("in a slot")
QTimer.singleShot(0, slot)
QTimer.singleShot(0, app.quit)
app.exec()
raise RuntimeError("uncaught, +254712345678")
"""


def formatted(message: str, *args: object) -> str:
    record = logging.LogRecord("pos_app", logging.ERROR, __file__, 1, message, args, None)
    return Redacting("%(message)s").format(record)


@pytest.mark.parametrize("canary", CANARIES)
def test_what_is_private_reaches_no_message_argument_or_traceback(canary: str) -> None:
    assert formatted(f"told {canary} now") == "told ••• now"
    assert formatted("told %s, then %r", canary, canary) == "told •••, then '•••'"
    try:
        raise ValueError(f"told {canary}")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), (type(error), error, None))
    told = Redacting("%(message)s").format(record)
    assert canary not in told
    assert "ValueError: told •••" in told


@pytest.mark.parametrize("line", HARMLESS)
def test_what_an_engineer_needs_stays_readable(line: str) -> None:
    assert formatted(line) == line


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A process in which everything goes wrong, and the folder of its log."""
    folder = tmp_path_factory.mktemp("log")
    command = [sys.executable, "-c", _EVERYTHING, str(folder)]
    return (subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=60, check=False), folder)


def test_every_kind_of_failure_reaches_the_file(ended: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    told = (ended[1] / "till.log").read_text(encoding="utf-8")
    for line in (
        "INFO pos_app charge 7 of •••",
        "ERROR pos_app push of •••",
        "ValueError: token ••• refused",
        "WARNING qt a warning of Qt about •••",
        "ERROR qt something critical",
        "CRITICAL pos_app.ui.crash_log a thread failed",
        "LookupError: in a thread, •••",
        "ArithmeticError: in a slot",
        "CRITICAL pos_app.ui.crash_log uncaught error",
        "RuntimeError: uncaught, •••",
    ):
        assert line in told, line
    assert "a chatty line" not in told
    assert "712345" not in told
    assert "Traceback (most recent call last)" in told


def test_an_uncaught_error_says_one_line_and_no_traceback(
    ended: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    process, folder = ended
    assert process.returncode == 1
    assert set(process.stderr.splitlines()) == {
        "Something unexpected happened; till.log in the till’s folder says what."
    }
    assert (folder / "crash.log").exists()


def test_a_crash_of_the_interpreter_leaves_its_stack_and_no_copy_of_its_memory(tmp_path: Path) -> None:
    crashing = "import sys, os, signal, resource; from pathlib import Path; from pos_app.ui import crash_log\n"
    crashing += "crash_log.start(Path(sys.argv[1])); print(resource.getrlimit(resource.RLIMIT_CORE), flush=True)\n"
    crashing += "os.kill(os.getpid(), signal.SIGSEGV)"
    command = [sys.executable, "-c", crashing, str(tmp_path)]
    process = subprocess.run(command, capture_output=True, cwd=CHECKOUT, timeout=60, check=False)
    assert process.returncode != 0
    assert process.stdout == b"(0, 0)\n"
    assert "Segmentation fault" in (tmp_path / "crash.log").read_text()
