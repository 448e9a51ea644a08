"""The systemd unit: read by systemd itself, and booted: a real systemd runs it with everything that it locks away."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import may_mount

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd is Linux's")

MOST_EXPOSED = 15  # tenths: systemd calls 2.0 and less "OK" for a service that must be reached over a network
SECRET = "kanari-7f3a"
PROOF = """\
[Unit]
After=systemd-sysusers.service systemd-tmpfiles-setup.service
SuccessAction=poweroff
FailureAction=poweroff

[Service]
Type=oneshot
Environment=LD_LIBRARY_PATH=/opt/python/lib
ExecStart=/opt/python/bin/python3 -I /mnt/booted.py /mnt/found.json
StandardError=file:/mnt/error
"""
TARGET = "[Unit]\nRequires=basic.target proof.service\nAfter=basic.target\n"


@pytest.fixture
def unit(files: Path) -> str:
    return files.joinpath("systemd/relay.service").read_text(encoding="utf-8")


@pytest.mark.xdist_group("installed")
def test_systemd_finds_nothing_wrong_with_the_unit(unit: str, installed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "relay.service"
    copy.write_text(unit.replace("/opt/relay", str(installed)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "relay.service" in line]
    assert (done.returncode, about_it) == (0, [])


def test_what_it_exposes_stays_small(files: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}"]
    done = subprocess.run([*command, files / "systemd/relay.service"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]


def test_it_stops_within_what_a_drain_takes(unit: str) -> None:
    """The tills are spread over 30 seconds at the most, and a server that restarts must not cut that short."""
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > 40
    assert re.search(r"^ExecStop=-/opt/relay/bin/relay drain ", unit, re.MULTILINE)


def test_no_secret_is_in_the_unit(unit: str) -> None:
    """What stands in a unit is shown to every user of the machine."""
    settings = " ".join(re.findall(r"^Environment=(.*)$", unit, re.MULTILINE))
    assert not re.search(r"KEY|PASSWORD|SECRET|@", settings)
    assert "\nEnvironmentFile=-/etc/relay/relay.env\n" in unit


@pytest.fixture(scope="module")
def found(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What happened in the machine that was booted."""
    if not may_mount():
        pytest.skip("only root can boot a machine")
    folder = tmp_path_factory.mktemp("boot")
    out = folder / "out"
    out.mkdir()
    folder.joinpath("machine").mkdir()
    shutil.copy(Path(__file__).with_name("booted.py"), out)
    _lay_out(folder / "upper", installed)
    shown = {sys.base_prefix: "/opt/python", _packages(installed): "/opt/packages"}
    options = [f"--bind-ro={outside}:{inside}" for outside, inside in shown.items()]
    boot = ["sh", Path(__file__).with_name("boot.sh"), folder, *options]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", *boot],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    error = out.joinpath("error").read_text() if out.joinpath("error").exists() else done.stderr[-3000:]
    assert out.joinpath("found.json").exists(), error
    seen: dict[str, Any] = json.loads(out.joinpath("found.json").read_text())
    assert error == "", f"{error}\n{seen['log']}"
    return seen


def _packages(installed: Path) -> str:
    (linked,) = {
        str(path.readlink().parent) for path in installed.glob("lib/python3.*/site-packages/*") if path.is_symlink()
    }
    return linked


def _lay_out(upper: Path, installed: Path) -> None:
    """Over the machine's root, as the guide says; Python and the packages are shown at places that the unit can see."""
    files = Path(__file__).parents[2] / "build/relay/systemd"
    texts = {
        "etc/systemd/system/relay.service": files.joinpath("relay.service").read_text(),
        "etc/systemd/system/relay.service.d/elsewhere.conf": files.joinpath("elsewhere.conf").read_text(),
        "etc/systemd/system/proof.service": PROOF,
        "etc/systemd/system/proof.target": TARGET,
        "usr/lib/sysusers.d/relay.conf": files.joinpath("relay.sysusers").read_text(),
        "usr/lib/tmpfiles.d/relay.conf": files.joinpath("relay.tmpfiles").read_text(),
        "etc/relay/relay.env": f"RELAY_PUBLIC_URL=https://relay.example\nRELAY_CANARY={SECRET}\nLD_LIBRARY_PATH=/opt/python/lib\n",
        "etc/relay/pgpass": f"*:*:*:relay:{SECRET}\n",
    }
    for path, text in texts.items():
        upper.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        upper.joinpath(path).write_text(text)
    for secret in ("relay.env", "pgpass"):
        upper.joinpath("etc/relay", secret).chmod(0o600)
    _move(installed, upper / "opt/relay")


def _move(installed: Path, to: Path) -> None:
    shutil.copytree(installed, to, symlinks=True)
    for link in to.glob("lib/python3.*/site-packages/*"):
        if link.is_symlink():
            target = f"/opt/packages/{link.readlink().name}"
            link.unlink()
            link.symlink_to(target)
    for python in to.glob("bin/python*"):
        if python.readlink().is_absolute():
            python.unlink()
            python.symlink_to(f"/opt/python/bin/{python.name}")
    for name in ("bin/relay", "pyvenv.cfg"):
        text = to.joinpath(name).read_text().replace(str(installed), "/opt/relay")
        to.joinpath(name).write_text(text.replace(sys.base_prefix, "/opt/python"))


@pytest.mark.xdist_group("installed")
def test_booted_it_takes_a_callback_with_everything_locked_away(found: dict[str, Any]) -> None:
    status = dict(line.split(":\t", 1) for line in found["status"].splitlines() if ":\t" in line)
    assert found["answer"] == {"ResultCode": 0, "ResultDesc": "Accepted"}
    assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapBnd"], 16)) == ("1", "2", 0)
    assert "0" not in status["Uid"].split()
    assert float(re.search(r"relay\.service: (\d+\.\d+)", found["exposure"])[1]) * 10 <= MOST_EXPOSED


@pytest.mark.xdist_group("installed")
def test_booted_it_keeps_what_it_has_to_itself(found: dict[str, Any]) -> None:
    own = ["0o700", "relay"]
    assert found["modes"] == {
        "/var/lib/relay": own,
        "/var/spool/relay": own,
        "/run/relay": own,
        "/etc/relay": ["0o700", "root"],
    }
    assert found["credential"] == ["0o400", "relay"]
    assert SECRET not in found["shown"] + found["log"]


@pytest.mark.xdist_group("installed")
def test_booted_it_comes_back_after_a_kill_and_ends_well(found: dict[str, Any]) -> None:
    assert found["ready"] == {"ready": True}
    assert found["ended"] == ["success", "0", "inactive"]
    assert "Traceback" not in found["log"]
