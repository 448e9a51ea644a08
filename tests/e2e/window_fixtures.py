"""A desk on a loop that Qt drives, in a shop of the test's own; a plugin of the window's test modules."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counter import Counter, access_of
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pos_app.settings import Settings, SettingsFile
from pos_app.ui.event_loop import TillLoop

Made = Callable[..., Counter]


@pytest.fixture
def counter(aloop: TillLoop, qapp: QApplication, qtbot: QtBot) -> Iterator[Made]:
    """A desk on a folder; at the end each is closed."""
    made: list[Counter] = []

    def make(folder: Path, *, training: bool = True) -> Counter:
        made.append(Counter(qapp, qtbot, folder, training=training))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def shop(world: Any) -> Any:
    till = world.till("buy_goods")
    till.folder.mkdir()
    SettingsFile(till.folder / "settings.json", {}).save(Settings(shop_name="Mama Njeri"))
    return till


@pytest.fixture
def desk(counter: Made, shop: Any) -> Counter:
    opened = counter(shop.folder)
    opened.open(access_of(shop))
    opened.until(opened.is_live, "the relay is followed")
    return opened
