"""Runs as root inside a booted machine: puts the relay's unit through its day, and writes down what it saw, as JSON.

    python booted.py RESULT.json

It judges nothing, and knows of the relay only what an operator would type.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

URL = "http://127.0.0.1:8443"
CONFIRMATION = b'{"TransID": "UJE7K2M9QX", "TransAmount": "150.00", "BusinessShortCode": "600966"}'
PATIENCE = 30.0


def main() -> None:
    found: dict[str, object] = {}
    try:
        look(found)
    finally:
        found["log"] = told("journalctl", "--unit=relay", "--no-pager", "--output=cat")
        Path(sys.argv[1]).write_text(json.dumps(found))


def look(found: dict[str, object]) -> None:
    told("systemctl", "start", "relay")
    wait(answers)
    process = int(property_of("MainPID"))
    found["status"] = Path(f"/proc/{process}/status").read_text()
    found["shown"] = told("systemctl", "show", "relay")
    found["modes"] = {path: modes(path) for path in ("/var/lib/relay", "/var/spool/relay", "/run/relay", "/etc/relay")}
    found["credential"] = modes("/run/credentials/relay.service/pgpass")
    shop = json.loads(as_operator("shop", "add", "Duka", "--json"))
    found["answer"] = json.loads(ask(f"{shop['callback_path']}/c2b/confirm", CONFIRMATION))
    os.kill(process, signal.SIGKILL)
    wait(lambda: property_of("NRestarts") == "1" and answers())
    found["ready"] = json.loads(ask("/readyz"))
    found["exposure"] = told("systemd-analyze", "security", "--no-pager", "relay").splitlines()[-1]
    told("systemctl", "stop", "relay")
    found["ended"] = [property_of(name) for name in ("Result", "ExecMainStatus", "ActiveState")]


def as_operator(*arguments: str) -> str:
    """Beside the running relay, with its settings, as the guide says."""
    settings = ("--property=User=relay", "--property=EnvironmentFile=/etc/relay/relay.env")
    store = "--setenv=RELAY_STORE=sqlite:////var/lib/relay/relay.db"
    return told(
        "systemd-run", "--quiet", "--pipe", "--wait", "--collect", *settings, store, "/opt/relay/bin/relay", *arguments
    )


def modes(path: str) -> list[object]:
    seen = os.stat(path)
    return [oct(seen.st_mode & 0o777), Path(path).owner()]


def property_of(name: str) -> str:
    return told("systemctl", "show", f"--property={name}", "--value", "relay").strip()


def answers() -> bool:
    with contextlib.suppress(OSError):
        return b"true" in ask("/livez")
    return False


def ask(path: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(URL + path, body, timeout=PATIENCE) as answer:
        return bytes(answer.read())


def told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def wait(met: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > end:
            raise TimeoutError(met)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
