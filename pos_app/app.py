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
    from pos_app.ui.instance import Instance

Training = Callable[[Path], AbstractContextManager["MpesaAccess"]]
_LIGHT, _DARK = "#F1F4F7", "#0F171F"
CANNOT_OPEN = "The till cannot open"


def run(data_folder: Path | None, load_training: Callable[[], Training] | None = None) -> int:
    """The till until its window closes. Exit code 1 when it could not open, or is open already.

    `load_training` gives training mode's own world; None for a till that takes real money.
    """
    os.umask(0o077)
    app = App(sys.argv[:1])
    training = load_training is not None
    shell = _first_paint(app, data_folder, training=training)
    # Nothing slow was imported up to here: the window is on the screen while the rest loads.
    from pos_app.ui import event_loop

    async def main(app: App, stop: "asyncio.Event") -> int:
        try:
            first = _the_only_till(_prepared(data_folder, training=training))
        except OSError as error:
            return await _refuse(app, stop, shell, f"The till’s folder cannot be used: {error}. Nothing was changed.")
        if first is None:
            shell.close()
            return _failed("The till is already open on this computer; its window has been raised.")
        code = await _main(app, stop, shell, first, load_training)
        first.release()
        return code

    return event_loop.run(main, sys.argv[:1])


def _first_paint(app: App, data_folder: Path | None, *, training: bool) -> Shell:
    shell = Shell(_background(data_folder, training=training), training=training)
    shell.show()
    app.processEvents()
    return shell


def _background(data_folder: Path | None, *, training: bool) -> str:
    """Dark at once for who chose dark; reading the settings properly comes later."""
    from pos_app.paths import data_dir

    try:
        folder = data_folder or data_dir()
        chosen = (folder / "training" if training else folder).joinpath("settings.json").read_bytes()
    except OSError:
        chosen = b""
    return _DARK if b'"theme": "dark"' in chosen else _LIGHT


def _prepared(data_folder: Path | None, *, training: bool) -> Path:
    """The folder, with the log open in it. Raises OSError."""
    from pos_app.paths import data_dir
    from pos_app.ui import crash_log

    folder = data_dir(data_folder)
    if training:
        folder = data_dir(folder / "training")
    crash_log.start(folder)
    return folder


def _the_only_till(folder: Path) -> "Instance | None":
    from pos_app.ui.instance import Instance

    instance = Instance(folder)
    return instance if instance.claim() else None


def _failed(sentence: str) -> int:
    if sys.stderr is not None:  # a windowed program has none
        sys.stderr.write(f"{sentence}\n")
    return 1


async def _refuse(app: App, stop: "asyncio.Event", shell: Shell, sentence: str) -> int:
    from pos_app.ui.message_page import MessagePage
    from pos_app.ui.theme import apply_theme

    apply_theme(app, "system")
    shell.hold(MessagePage(CANNOT_OPEN, sentence))
    code = _failed(sentence)
    await stop.wait()
    return code


async def _main(
    app: App, stop: "asyncio.Event", shell: Shell, instance: "Instance", load_training: Callable[[], Training] | None
) -> int:
    import asyncio

    from pos_app.ui.desk import Desk

    folder = instance.folder
    desk = Desk(app, folder, training=load_training is not None)
    shell.hold(desk.window)
    instance.listen(shell.come_forward)
    with ExitStack() as children:
        opening = asyncio.create_task(_open(desk, folder, children, load_training), name="open")
        await stop.wait()
        shell.hide()
        # Who closes the window while a passphrase is asked for, or a child starts, has closed the till.
        opening.cancel()
        await asyncio.wait({opening})
        await desk.close()
    return 1 if not opening.cancelled() and not opening.result() else 0


async def _open(desk: "Desk", folder: Path, children: ExitStack, load_training: Callable[[], Training] | None) -> bool:
    import logging

    from pos_app.store.database import StoreError

    try:
        access = None if load_training is None else await _training_world(folder, children, load_training)
        await desk.open(access)
    except (StoreError, OSError, RuntimeError) as error:
        logging.getLogger(__name__).exception("the till could not open")
        desk.refuse(str(error))
    except Exception:  # the edge of the program: a window that only says “Starting” would be worse
        logging.getLogger(__name__).exception("the till could not open")
        desk.refuse(f"Something unexpected happened; {folder / 'till.log'} says what. Sales and payments are safe.")
    else:
        return True
    return False


async def _training_world(folder: Path, children: ExitStack, load_training: Callable[[], Training]) -> "MpesaAccess":
    import asyncio

    training = await asyncio.to_thread(load_training)
    starting = asyncio.create_task(asyncio.to_thread(children.enter_context, training(folder)))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # A thread cannot be cancelled: what it starts must be there to be ended.
        await asyncio.wait({starting})
        raise
