"""What the process's metrics say. One provider a process, made when a test first asks: there can be no second."""

from __future__ import annotations

import functools

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader

Key = tuple[str, tuple[tuple[str, object], ...]]


@functools.cache
def _reader() -> InMemoryMetricReader:
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
    return reader


def measured() -> dict[Key, float]:
    """The value of every metric, by (name, sorted labels); of a histogram, how often it was recorded."""
    data = _reader().get_metrics_data()
    values: dict[Key, float] = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    key = (metric.name, tuple(sorted((point.attributes or {}).items())))
                    values[key] = point.count if isinstance(point, HistogramDataPoint) else point.value
    return values


class Measured:
    """What was counted since this was made."""

    def __init__(self) -> None:
        self._before = measured()

    def __call__(self, name: str, **labels: object) -> float:
        key = (name, tuple(sorted(labels.items())))
        return measured().get(key, 0) - self._before.get(key, 0)


def gauge(name: str, **labels: object) -> float:
    """What a gauge says now; KeyError when nothing has set it."""
    return measured()[(name, tuple(sorted(labels.items())))]
