"""Telemetry: nothing is imported when nothing is exported, and what is counted can be scraped."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from clipmill_shared import metrics
from clipmill_shared.telemetry import TelemetrySettings, configure_exporters, metrics_page
configure_exporters(TelemetrySettings(), "test", with_metrics={with_metrics})
metrics.CHILDREN_DIED.add(2, {{"function": "f"}})
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "prometheus_client")))[:1])
if {with_metrics}:
    print(metrics_page()[0].decode())
"""


def run(*, with_metrics: bool, **environment: str) -> str:
    program = [sys.executable, "-c", PROGRAM.format(with_metrics=with_metrics)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CLIPMILL_", "OTEL_"))}
    return subprocess.run(program, env={**clean, **environment}, capture_output=True, text=True, check=True).stdout


def test_nothing_is_imported_when_nothing_is_exported():
    assert run(with_metrics=False) == "[]\n"


def test_metrics_can_be_scraped():
    page = run(with_metrics=True)
    assert 'clipmill_children_died_total{function="f",' in page and 'service_name="test"' in page


@pytest.mark.parametrize("variable", ["CLIPMILL_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_traces_are_exported_where_either_variable_says(variable):
    assert "opentelemetry.sdk" in run(with_metrics=False, **{variable: "http://127.0.0.1:1"})
