"""The alert rules and the dashboard: promtool tries them, and every figure that they name is one of the relay's."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from relay.metrics import Metrics

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = CHECKOUT / "build" / "relay" / "alerts.yml"
TESTS = CHECKOUT / "build" / "relay" / "alerts_test.yml"
DASHBOARD = CHECKOUT / "build" / "relay" / "dashboard.json"
RUNBOOK = CHECKOUT / "resources" / "guide" / "relay" / "runbook.md"

OTHERS = {"up": "gauge", "probe_ssl_earliest_cert_expiry": "gauge", "ALERTS": "gauge"}
"""Told by Prometheus itself and by the blackbox exporter."""

NOT_METRICS = {"and", "or", "unless", "on", "by", "without", "ignoring", "bool", "group_left", "group_right", "offset"}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def kinds() -> dict[str, str]:
    """What each series is that a query can name: counter, gauge, or a part of a histogram."""
    found = dict(OTHERS)
    for family in Metrics().registry.collect():
        if family.type == "histogram":
            found |= {f"{family.name}_{part}": "counter" for part in ("bucket", "count", "sum")}
        elif family.type == "counter":
            found[f"{family.name}_total"] = "counter"
        else:
            found[family.name] = family.type
    return found


def metrics_in(query: str) -> Iterator[tuple[str, str]]:
    """Each series with the function that it stands in directly, if any."""
    bare = re.sub(r'"[^"]*"', '""', query)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    for found in re.finditer(NAME, bare):
        after, before = bare[found.end() :].lstrip(), bare[: found.start()]
        if not after.startswith("(") and found[0] not in NOT_METRICS and not before[-1:].isdigit():
            inside = re.search(rf"({NAME})\s*\(\s*$", before)
            yield found[0], inside[1] if inside else ""


def rules() -> list[dict[str, str]]:
    """Alert, expression and runbook of each; the file is regular, so no YAML reader is needed for it."""
    found = []
    for block in re.split(r"(?m)^      - alert: ", RULES.read_text(encoding="utf-8"))[1:]:
        expr = re.search(r"(?ms)^        expr: (?:>-\n)?(.*?)^        (?:for|labels):", block)
        runbook = re.search(r'(?m)^          runbook: "(.*)"$', block)
        severity = re.search(r"(?m)^          severity: (\w+)$", block)
        assert expr is not None, block
        assert runbook is not None, block
        assert severity is not None, block
        told = {
            name: bool(re.search(rf'(?m)^          {name}: ["\'].+["\']$', block))
            for name in ("summary", "description")
        }
        assert all(told.values()), block
        found.append(
            {"alert": block.split()[0], "expr": expr[1], "runbook": runbook[1], "severity": severity[1]},
        )
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Those of the dashboard, as Grafana sends them: its own variables filled in."""
    filled = {"$__rate_interval": "1m", "$job": "relay", "$instance": ".+"}
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    for name, value in filled.items():
        found = [query.replace(name, value) for query in found]
    return found


def assert_fits(query: str) -> None:
    named = list(metrics_in(query))
    assert named, query
    for name, function in named:
        assert name in kinds(), f"nobody tells {name}: {query}"
        counts = function in {"rate", "increase", "irate"}
        assert counts == (kinds()[name] == "counter"), f"{name} is a {kinds()[name]}: {query}"


def test_promtool_takes_the_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))


def test_each_alert_fires_when_it_should_and_not_when_it_should_not() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(TESTS))


def test_every_alert_is_tried() -> None:
    tried = re.findall(r'labels: ALERTS\{alertname="(\w+)"', TESTS.read_text(encoding="utf-8"))
    assert {rule["alert"] for rule in rules()} == set(tried)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_names_figures_that_exist_and_a_section_of_the_runbook(rule: dict[str, str]) -> None:
    assert_fits(rule["expr"])
    assert rule["severity"] in {"critical", "warning"}
    assert rule["runbook"] == f"runbook.md#{rule['alert'].lower()}"
    sections = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK.read_text(encoding="utf-8")))
    assert rule["alert"] in sections
    for part in ("Means", "Money", "Look", "Do", "Over"):
        assert f"**{part}**:" in sections[rule["alert"]], f"{rule['alert']} does not say {part}"


def test_the_runbook_has_no_section_of_an_alert_that_is_gone() -> None:
    sections = re.findall(r"(?m)^## (\w+)$", RUNBOOK.read_text(encoding="utf-8"))
    assert sections == [rule["alert"] for rule in rules()]
    links = re.findall(r"\]\(#(\w+)\)", RUNBOOK.read_text(encoding="utf-8"))
    assert set(links) <= {section.lower() for section in sections}


def test_the_runbook_names_figures_that_exist() -> None:
    named = set(re.findall(r"\b(?:relay|process)_[a-z_]+", RUNBOOK.read_text(encoding="utf-8")))
    told = {re.sub(r"_(bucket|count|sum)$", "", name) for name in kinds()} | kinds().keys()
    assert named <= told


@pytest.mark.parametrize("query", queries())
def test_the_dashboard_asks_for_figures_that_exist(query: str) -> None:
    assert_fits(query)


def test_promtool_takes_every_query_of_the_dashboard(tmp_path: Path) -> None:
    recorded = [
        f"      - {{record: 'dashboard:{at}', expr: {json.dumps(query)}}}" for at, query in enumerate(queries())
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text("\n".join(["groups:", "  - name: dashboard", "    rules:", *recorded, ""]))
    assert f"{len(recorded)} rules found" in promtool("check", "rules", str(file))


def test_the_dashboard_shows_every_figure_of_the_relay() -> None:
    shown = {name for query in queries() for name, _ in metrics_in(query)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}
    told = {re.sub(r"_(bucket|count|sum)$", "", name) for name in kinds() if name.startswith("relay_")}
    assert told <= families


def test_the_dashboard_is_laid_out_without_an_overlap() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "job", "instance"}
    assert board["uid"] == "relay"
