"""Starts the till: a window first, then everything slow, then the till inside it; one till for one folder."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from pos_app.ui.application import App
from pos_app.ui.shell import Shell

if TYPE_CHECKING:
    import asyncio

    from pos_app.domain.shop import MpesaAccess
    from pos_app.ui.desk import Desk

Training = Callable[[Path], AbstractContextManager["MpesaAccess"]]
_LIGHT, _DARK = "#EEF2F6", "#0E151C"


def run(data_folder: Path | None, load_training: Callable[[], Training] | None = None) -> int:
    """The till until its window closes. Exit code 1 when it could not open, or is open already.

    `load_training` gives training mode's own world; None for a till that takes real money.
    """
    os.umask(0o077)
    app = App(sys.argv[:1])
    shell = _first_paint(app, data_folder, training=load_training is not None)
    # Nothing slow was imported up to here: the window is on the screen while the rest loads.
    from pos_app.paths import data_dir
    from pos_app.ui import crash_log, event_loop

    folder = data_dir(data_folder)
    if load_training is not None:
        folder = data_dir(folder / "training")
    crash_log.start(folder)

    async def main(app: App, stop: "asyncio.Event") -> int:
        return await _main(app, stop, shell, folder, load_training)

    return event_loop.run(main, sys.argv[:1])


def _first_paint(app: App, data_folder: Path | None, *, training: bool) -> Shell:
    shell = Shell(_background(data_folder), training=training)
    shell.show()
    app.processEvents()
    return shell


def _background(data_folder: Path | None) -> str:
    """Dark at once for who chose dark; reading the settings properly comes later."""
    try:
        chosen = (data_folder / "settings.json").read_text(encoding="utf-8") if data_folder else ""
    except OSError:
        chosen = ""
    return _DARK if '"theme": "dark"' in chosen else _LIGHT


async def _main(
    app: App, stop: "asyncio.Event", shell: Shell, folder: Path, load_training: Callable[[], Training] | None
) -> int:
    from pos_app.ui.desk import Desk
    from pos_app.ui.instance import Instance

    instance = Instance(folder)
    if not instance.claim():
        sys.stderr.write("The till is already open on this computer; its window has been raised.\n")
        shell.close()
        return 1
    desk = Desk(app, folder, training=load_training is not None)
    shell.hold(desk.window)
    instance.listen(shell.come_forward)
    with ExitStack() as children:
        opened = await _open(desk, folder, children, load_training)
        await stop.wait()
        shell.hide()
        await desk.close()
    instance.release()
    return 0 if opened else 1


async def _open(desk: "Desk", folder: Path, children: ExitStack, load_training: Callable[[], Training] | None) -> bool:
    import asyncio
    import logging

    from pos_app.store.database import StoreError

    try:
        access = None
        if load_training is not None:
            training = await asyncio.to_thread(load_training)
            access = await asyncio.to_thread(children.enter_context, training(folder))
        await desk.open(access)
    except (StoreError, OSError, RuntimeError) as error:
        logging.getLogger(__name__).exception("the till could not open")
        desk.refuse(str(error))
        return False
    return True
