"""Debian's Chromium without a window, spoken to by its DevTools protocol: what a person types, sees and sends."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import connect

PATIENCE = 20.0
PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--no-proxy-server",
)
_KEYS = {"Tab": ("\t", 9), "Enter": ("\r", 13)}


class Chromium:
    """One process; every `person` has cookies of their own."""

    def __init__(self, folder: Path) -> None:
        found = next(filter(None, map(shutil.which, PROGRAMS)), None)
        assert found is not None, f"{PROGRAMS[0]} is missing: python3 build/dev.py test installs it"
        command = [found, *_FLAGS, f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        lines = iter(self._process.stderr.readline, "")
        address = next(line.split()[-1] for line in lines if "DevTools listening on" in line)
        self._opened = ExitStack()
        self._socket = self._opened.enter_context(connect(address, max_size=None, proxy=None))
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **params: Any) -> Any:
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(said))
        while True:
            heard = json.loads(self._socket.recv(timeout=PATIENCE))
            if heard.get("id") == number:
                assert "error" not in heard, heard["error"]
                return heard["result"]
            self.events.append(heard)

    def person(self) -> "Person":
        return Person(self)

    def close(self) -> None:
        self.call("Browser.close")
        self._opened.close()
        self._process.communicate(timeout=PATIENCE)


class Person:
    """Somebody with a browser window of their own."""

    def __init__(self, chromium: Chromium) -> None:
        context = chromium.call("Target.createBrowserContext")["browserContextId"]
        target = chromium.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self._session = chromium.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._chromium = chromium
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        return self._chromium.call(method, self._session, **params)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, so: Callable[[], Any], what: str = "") -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if found := so():
                    return found
            except AssertionError:  # the page that was asked is going
                pass
            time.sleep(0.02)
        raise AssertionError(f"never so: {what}\n{self.text}")

    def leave(self, by: Callable[[], Any]) -> Self:
        """Does what leads to another page, and waits until that is there."""
        self.run("window.isOld = true")
        by()
        self.until(lambda: self.run("!window.isOld && document.readyState === 'complete'"), "another page")
        return self

    def go(self, url: str) -> Self:
        return self.leave(lambda: self.call("Page.navigate", url=url))

    def fill(self, name: str, text: str, form: str = "") -> Self:
        self.run(f"document.querySelector({json.dumps(f'{form} [name={name}]'.strip())}).value = {json.dumps(text)}")
        return self

    def click(self, selector: str) -> Self:
        return self.leave(lambda: self.run(f"document.querySelector({json.dumps(selector)}).click()"))

    def press(self, key: str) -> None:
        text, code = _KEYS[key]
        said = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text if key == "Enter" else "", **said)
        self.call("Input.dispatchKeyEvent", type="keyUp", **said)

    @property
    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    @property
    def path(self) -> str:
        return str(self.run("location.pathname"))

    def cookies(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.call("Network.getCookies")["cookies"]}

    def requests(self) -> list[str]:
        """Every address that was asked for by this window so far."""
        return [one["request"]["url"] for one in self._events("Network.requestWillBeSent")]

    def logged(self) -> list[dict[str, Any]]:
        """What the browser itself said of the pages, where `Log` is enabled."""
        return [one["entry"] for one in self._events("Log.entryAdded")]

    def _events(self, method: str) -> list[dict[str, Any]]:
        mine = [one for one in self._chromium.events if one.get("sessionId") == self._session]
        return [one["params"] for one in mine if one["method"] == method]

    def look(self, path: Path, width: int, height: int, scheme: str) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.run("document.fonts.ready.then(() => true)")
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=False)
        path.write_bytes(base64.b64decode(shot["data"]))
