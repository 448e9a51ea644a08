"""The Kubernetes manifests: valid by its own schemas, old and new, and held to what a relay in a cluster must have."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from programs import Relay

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="there are no schemas in the lock for others"
)

VERSIONS = ("1.31", "1.37")
LONGEST_DRAIN = 40
Manifest = dict[str, Any]


@pytest.fixture
def folder(files: Path) -> Path:
    return files / "kubernetes"


@pytest.fixture
def manifests(folder: Path) -> list[Manifest]:
    """All that is applied."""
    listed = yaml.safe_load(folder.joinpath("kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in listed]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text)]


@pytest.fixture
def named(manifests: list[Manifest]) -> Callable[..., Manifest]:
    def find(kind: str, name: str = "relay") -> Manifest:
        (found,) = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        return found

    return find


@pytest.fixture
def pod(named: Callable[..., Manifest]) -> Manifest:
    spec: Manifest = named("StatefulSet")["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    (found,) = pod["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_each_is_valid_and_says_nothing_that_kubernetes_does_not_know(manifests: list[Manifest], version: str) -> None:
    import kubernetes_validate

    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)
    assert len(manifests) > 8


def test_every_file_is_applied_but_the_adapter_s(folder: Path) -> None:
    listed = yaml.safe_load(folder.joinpath("kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    lying = {path.name for path in folder.glob("*.yaml")}
    assert lying - set(listed) == {"kustomization.yaml", "metrics-adapter.yaml"}


def test_it_runs_as_nobody_with_nothing_to_write_on_and_no_way_up(pod: Manifest, container: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = container["securityContext"]
    assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"], own["privileged"]) == (True, False, False)
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


def test_it_gets_no_token_of_the_cluster(pod: Manifest, named: Callable[..., Manifest]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert named("ServiceAccount")["automountServiceAccountToken"] is False


def test_its_appetite_has_limits(container: Manifest) -> None:
    for kind in ("requests", "limits"):
        assert set(container["resources"][kind]) == {"cpu", "memory", "ephemeral-storage"}


def test_no_image_is_whatever_is_newest(container: Manifest, folder: Path) -> None:
    kustomized = yaml.safe_load(folder.joinpath("kustomization.yaml").read_text(encoding="utf-8"))
    (image,) = kustomized["images"]
    name, _, tag = container["image"].partition(":")
    assert (image["name"], image["newTag"]) == (name, tag)
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag)


def test_every_path_that_is_probed_is_answered(container: Manifest, start_relay: Callable[..., Relay]) -> None:
    relay = start_relay()
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/livez", "/livez", "/readyz"]
    assert {probe["port"] for probe in probes} == {port["name"] for port in container["ports"]}
    for probe in probes:
        assert httpx.get(relay.url + probe["path"], trust_env=False).status_code == 200


def test_a_relay_has_the_time_to_send_its_tills_away(pod: Manifest, container: Manifest) -> None:
    assert container["lifecycle"]["preStop"]["exec"]["command"][:2] == ["/opt/relay/bin/relay", "drain"]
    assert pod["terminationGracePeriodSeconds"] > LONGEST_DRAIN


def test_the_spool_is_each_replica_s_own_and_outlives_it(named: Callable[..., Manifest], container: Manifest) -> None:
    spec = named("StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert variables["RELAY_SPOOL"] == mounts[claim["metadata"]["name"]]
    assert Path(variables["RELAY_HIGH_WATER"]).parent == Path(variables["RELAY_SPOOL"])
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}


def test_every_mount_has_a_volume(named: Callable[..., Manifest], pod: Manifest, container: Manifest) -> None:
    claims = {claim["metadata"]["name"] for claim in named("StatefulSet")["spec"]["volumeClaimTemplates"]}
    volumes = {volume["name"] for volume in pod["volumes"]} | claims
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_everything_that_chooses_the_relay_by_its_label_finds_it(
    named: Callable[..., Manifest], manifests: list[Manifest]
) -> None:
    labels = named("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    chosen = [
        named("StatefulSet")["spec"]["selector"]["matchLabels"],
        named("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        named("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(one["spec"]["selector"] for one in manifests if one["kind"] == "Service"),
    ]
    assert chosen == [labels] * 5
    assert named("StatefulSet")["spec"]["serviceName"] == named("Service", "relay-replicas")["metadata"]["name"]


def test_it_grows_with_tills_and_callbacks_and_never_below_what_a_disruption_takes(
    named: Callable[..., Manifest], folder: Path
) -> None:
    spec = named("HorizontalPodAutoscaler")["spec"]
    adapter = yaml.safe_load(folder.joinpath("metrics-adapter.yaml").read_text(encoding="utf-8"))
    told = {rule["name"]["as"] for rule in adapter["rules"]["custom"]}
    assert told == {one["pods"]["metric"]["name"] for one in spec["metrics"] if one["type"] == "Pods"}
    assert spec["scaleTargetRef"]["kind"] == "StatefulSet"
    assert spec["minReplicas"] - named("PodDisruptionBudget")["spec"]["maxUnavailable"] >= 2


def test_what_makes_it_grow_is_a_figure_of_the_relay(folder: Path) -> None:
    metrics = pytest.importorskip("relay.metrics").Metrics()
    adapter = yaml.safe_load(folder.joinpath("metrics-adapter.yaml").read_text(encoding="utf-8"))
    asked = {rule["seriesQuery"].partition("{")[0] for rule in adapter["rules"]["custom"]}
    known = metrics.told().decode()
    assert all(f"# TYPE {name} " in known for name in asked)


def test_nobody_reaches_anybody_unless_it_is_said(named: Callable[..., Manifest]) -> None:
    assert named("NetworkPolicy", "nobody")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    rules = named("NetworkPolicy")["spec"]
    assert all(rule.get("from") and rule["ports"] for rule in rules["ingress"])
    assert all(rule.get("to") and rule["ports"] for rule in rules["egress"])


def test_replicas_do_not_stand_on_one_machine(pod: Manifest) -> None:
    spread = {one["topologyKey"]: one["whenUnsatisfiable"] for one in pod["topologySpreadConstraints"]}
    assert spread["kubernetes.io/hostname"] == "DoNotSchedule"
    assert "topology.kubernetes.io/zone" in spread


def test_secrets_are_named_and_not_told(manifests: list[Manifest], container: Manifest) -> None:
    assert {"secretRef": {"name": "relay"}} in container["envFrom"]
    assert not [one for one in manifests if one["kind"] == "Secret"]
    assert not re.search(
        r"STORE|KEYS|PASSWORD", " ".join(next(one for one in manifests if one["kind"] == "ConfigMap")["data"])
    )
