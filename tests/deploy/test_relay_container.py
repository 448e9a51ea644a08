"""The container file, read line by line, and its program on a root that cannot be written, without an engine."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from programs import Program, may_mount

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="containers are Linux's")

NOBODY = 10001
WRITABLE = {"/var/lib/relay": "store", "/var/spool/relay": "spool", "/run/relay": "run"}
"""Two volumes, and memory for what lasts as long as the process; each with its folder in these tests."""
PINNED = re.compile(r"docker\.io/library/[a-z]+:\d+\.\d+\.\d+[a-z.-]*")


def instructions(path: Path) -> list[tuple[str, str]]:
    """Each with what is behind it, its lines joined."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = (line.strip() for line in re.sub(r"\\\n\s*", " ", text).splitlines())
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line)]


@pytest.fixture
def told(files: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word, rest in instructions(files / "Containerfile"):
        found.setdefault(word, []).append(rest)
    return found


@pytest.fixture
def variables(told: dict[str, list[str]]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in told["ENV"][0].split())


def test_it_is_built_on_one_pinned_base(told: dict[str, list[str]]) -> None:
    bases = {line.partition(" AS ")[0] for line in told["FROM"]}
    assert len(told["FROM"]) == 2
    (base,) = bases
    assert PINNED.fullmatch(base)
    assert f'org.opencontainers.image.base.name="{base}"' in told["LABEL"][0]


def test_it_runs_as_nobody_and_says_so_in_numbers(told: dict[str, list[str]]) -> None:
    """A name would have to be looked up, and an orchestrator could not tell that it is not root."""
    assert told["USER"] == [f"{NOBODY}:{NOBODY}"]


def test_nothing_in_it_is_run_by_a_shell(told: dict[str, list[str]]) -> None:
    health = told["HEALTHCHECK"][0].partition("CMD ")[2]
    for line in [*told["RUN"], *told["ENTRYPOINT"], *told["CMD"], health]:
        assert isinstance(json.loads(line), list), line


def test_only_two_folders_keep_anything(told: dict[str, list[str]], variables: dict[str, str]) -> None:
    kept = json.loads(told["VOLUME"][0])
    assert kept == ["/var/lib/relay", "/var/spool/relay"]
    assert variables["RELAY_STORE"].startswith(f"sqlite:///{kept[0]}/")
    assert variables["RELAY_SPOOL"] == kept[1]
    assert variables["RELAY_ADMIN"].startswith("/run/relay/")
    assert Path(variables["RELAY_HIGH_WATER"]).parent == Path(kept[1]), "what proves an old database lies apart from it"


def test_no_secret_is_in_it(told: dict[str, list[str]]) -> None:
    said = " ".join(told["ENV"] + told.get("ARG", []))
    assert not re.search(r"PASSW|SECRET|TOKEN|KEY", said, re.IGNORECASE)


def test_it_ends_by_the_signal_that_the_relay_drains_on(told: dict[str, list[str]]) -> None:
    assert told["STOPSIGNAL"] == ["SIGTERM"]


def test_what_is_copied_is_there_and_the_build_may_see_it(told: dict[str, list[str]], files: Path) -> None:
    checkout = files.parents[1]
    sources = [name for line in told["COPY"] if "--from" not in line for name in line.split()[:-1]]
    assert "build/requirements.lock" in sources
    lines = files.joinpath("Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    shown = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines, "what nobody named is not sent to the build"
    assert sorted(shown) == sorted(sources)
    assert all(checkout.joinpath(name).exists() for name in sources)


def test_what_the_installer_imports_of_build_is_copied_too(told: dict[str, list[str]], files: Path) -> None:
    own = {path.stem for path in files.parent.glob("*.py")}
    copied = {Path(name).stem for line in told["COPY"] for name in line.split() if name.startswith("build/")}
    for name in copied & own:
        text = files.parent.joinpath(f"{name}.py").read_text(encoding="utf-8")
        assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) & own <= copied


@pytest.fixture
def contained(
    installed: Path, tmp_path: Path, told: dict[str, list[str]], variables: dict[str, str]
) -> Iterator[Callable[..., Program]]:
    """Starts the container's program, with its variables; a volume is a folder of this test."""
    if not may_mount():
        pytest.skip("only root can make a root of its own for a program")
    volumes = {inside: tmp_path / name for inside, name in WRITABLE.items()}
    for folder in volumes.values():
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
    entry = [part.replace("/opt/relay", str(installed)) for part in json.loads(told["ENTRYPOINT"][0])]
    tmp_path.joinpath("root").mkdir()
    spec = {
        "root": str(tmp_path / "root"),
        "readable": [str(path) for path in _what_python_needs(installed)],
        "writable": [str(folder) for folder in volumes.values()],
        "links": {path: os.readlink(path) for path in ("/lib", "/lib64") if os.path.islink(path)},
        "user": NOBODY,
        "variables": _moved(variables, volumes) | {"RELAY_PORT": "0"},
    }
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        jail = ["unshare", "--mount", "--propagation", "private", sys.executable, Path(__file__).with_name("jail.py")]
        command = {"command": [*entry, *(arguments or json.loads(told["CMD"][0]))]}
        started.append(Program([*jail, json.dumps(spec | command)], os.environ, tmp_path / "log"))
        return started[-1]

    yield start
    for program in started:
        program.end(signal.SIGKILL)


def _what_python_needs(installed: Path) -> list[Path]:
    """Not /bin and not /usr/bin: the base image has a shell there, and the relay must not need one."""
    base = Path(sys.base_prefix)
    python = [Path(os.path.realpath(sys.executable))] if base == Path("/usr") else [base]
    libraries = [path for path in map(Path, ("/usr/lib", "/usr/lib64")) if path.is_dir()]
    return [*libraries, *python, Path(sys.prefix, "lib"), installed]


def _moved(variables: dict[str, str], volumes: dict[str, Path]) -> dict[str, str]:
    moved = dict(variables)
    for inside, outside in volumes.items():
        moved = {name: said.replace(inside, str(outside)) for name, said in moved.items()}
    return moved


@pytest.mark.xdist_group("installed")
def test_it_serves_as_nobody_from_a_root_that_cannot_be_written(
    contained: Callable[..., Program], confirmation: Callable[[str], bytes], tmp_path: Path, told: dict[str, list[str]]
) -> None:
    shop = json.loads(contained("shop", "add", "Duka", "--json").line())
    relay = contained()
    url = relay.line().removeprefix("listening on ")
    status = _status(relay.process.pid)
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {0}
    folders = {str(tmp_path / name) for name in WRITABLE.values()}
    assert _writable(relay.process.pid) == {"/tmp", "/dev/null", *folders}
    answer = httpx.post(
        f"{url}{shop['callback_path']}/c2b/confirm", content=confirmation("UJE7K2M9QX"), trust_env=False
    )
    assert answer.json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
    assert tmp_path.joinpath("store/relay.db").stat().st_mode & 0o777 == 0o600
    assert _looks_well(told, url)
    assert relay.end() == 0
    assert not _looks_well(told, url)
    assert "Traceback" not in relay.log.read_text()


def _status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _writable(process: int) -> set[str]:
    """Where a file system is mounted for it that may be written."""
    lines = (line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines())
    return {line[4] for line in lines if "rw" in line[5].split(",")}


def _looks_well(told: dict[str, list[str]], url: str) -> bool:
    """What the engine would ask every ten seconds."""
    asked = json.loads(told["HEALTHCHECK"][0].partition("CMD ")[2])
    port = url.rpartition(":")[2]
    command = [sys.executable, *(part.replace("8443", port) for part in asked[1:])]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
