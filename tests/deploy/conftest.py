"""The relay as an operator installs it: in a folder of its own, as a process, with a shop, a till and callbacks."""

import importlib.metadata
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages
sys.path.append(str(Path(__file__).parents[2] / "build"))  # nor is build/

from programs import Relay

import relay_install
import relay_packages


@pytest.fixture
def files() -> Path:
    """The folder with everything that deploys a relay."""
    return relay_install.CHECKOUT / "build" / "relay"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `relay_install.install` makes it, with links to this environment's packages instead of downloads."""
    folder = tmp_path_factory.mktemp("opt") / "relay"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python3.*/site-packages"))
    for name in relay_packages.read(relay_install.part_of_lock()):
        for path in _of_package(name):
            packages.joinpath(path.name).symlink_to(path)
    relay_install.finish(folder)
    return folder


def _of_package(name: str) -> set[Path]:
    """What it put at the top of its environment; nothing of one that only other systems need."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return set()
    tops = {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}
    return {Path(str(package.locate_file(top))) for top in tops}


@pytest.fixture
def start_relay(tmp_path: Path) -> Iterator[Callable[..., Relay]]:
    started: list[Relay] = []

    def start(folder: str = "relay", **settings: str) -> Relay:
        started.append(Relay([sys.executable, "-m", "relay"], tmp_path / folder, **settings))
        return started[-1]

    yield start
    for relay in started:
        relay.end(signal.SIGKILL)


@pytest.fixture
def confirmation() -> Callable[[str], bytes]:
    """The body of a customer's payment by its receipt."""

    def made(receipt: str) -> bytes:
        said = {"TransID": receipt, "TransAmount": "150.00", "BusinessShortCode": "600966", "BillRefNumber": "T1-7-1"}
        return json.dumps(said).encode()

    return made
