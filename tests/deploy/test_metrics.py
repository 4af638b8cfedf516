"""Dashboards and alerts ask for metrics that the code has, in PromQL that parses, and each alert says what to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from deploy.conftest import ROOT

RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [
    (path.name, panel)
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
    for panel in json.loads(path.read_text())["panels"]
]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [t["expr"] for _, panel in PANELS for t in panel["targets"]]
# Of Prometheus and its client, not ours.
OTHERS = {
    "up",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
}
# Uses each metric of a module once, and prints what Prometheus would see.
PROGRAM = """
import importlib, sys
from clipmill_shared.telemetry import TelemetrySettings, configure_exporters, metrics_page
configure_exporters(TelemetrySettings(), "test", with_metrics=True)
for module in sys.argv[1:]:
    for metric in vars(importlib.import_module(module)).values():
        if type(metric).__name__ == "CountsByAttributes":
            metric.of(topic="t", group="g").value += 1
        for use in ("add", "set", "record"):
            if type(metric).__module__.startswith("opentelemetry") and hasattr(metric, use):
                getattr(metric, use)(1)
print(metrics_page()[0].decode())
"""


def modules_with_metrics() -> list[str]:
    """Every module of ours that makes metrics."""
    found = []
    for source in (path for part in ("shared", "services", "cli") for path in (ROOT / part).glob("**/src/**/*.py")):
        if "get_meter(" in source.read_text():
            found.append(str(source).rpartition("/src/")[2].removesuffix(".py").replace("/", "."))
    return found


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Every metric of ours as Prometheus sees it."""
    program = [sys.executable, "-c", PROGRAM, *modules_with_metrics()]
    page = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^(clipmill_\w+)", page, re.MULTILINE))


def selectors(node: Any) -> Iterator[str]:
    """The names of the metrics that an expression asks for."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name
    for part in ("lhs", "rhs", "expr", "vector_selector"):
        if (child := getattr(node, part, None)) is not None:
            yield from selectors(child)
    if isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from selectors(argument)


def asked(expression: str) -> set[str]:
    # Grafana fills it in.
    return set(selectors(promql_parser.parse(expression.replace("$__rate_interval", "1m"))))


def whole(name: str) -> str:
    """A histogram's name without what Prometheus appends to it."""
    return re.sub(r"_(bucket|count|sum)$", "", name)


def test_every_module_with_metrics_is_known(names: set[str]):
    assert {"clipmill_shared.metrics", "clipmill_shared.bus.metrics", "clipmill_ingest.metrics"} <= set(
        modules_with_metrics()
    )
    assert len(names) > 20


def test_what_is_asked_for_is_there(names: set[str]):
    for expression in EXPRESSIONS:
        assert asked(expression) and asked(expression) <= names | OTHERS, expression


def test_every_metric_is_on_a_dashboard(names: set[str]):
    shown = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for _, panel in PANELS
        for t in panel["targets"]
        for name in asked(t["expr"])
    }
    made = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
    # In process only, where nobody looks at dashboards.
    assert made - shown - {"clipmill_bus_discarded_total"} == set()


def test_every_alert_says_what_it_is_and_the_docs_what_to_do():
    operations = (ROOT / "docs/operations.md").read_text()
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"], rule["alert"]
        assert f"`{rule['alert']}`" in operations


def test_every_panel_has_a_place_of_its_own():
    for name in {name for name, _ in PANELS}:
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for page, p in PANELS if page == name]
        assert len(set(places)) == len(places)
