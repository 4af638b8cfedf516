"""Every metric of the bus, with a sentence. Without an OpenTelemetry SDK they cost next to nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry import metrics

_meter = metrics.get_meter("clipmill.bus")


@dataclass(slots=True)
class Count:
    """A number that only grows."""

    value: int = 0


class CountsByAttributes:
    """A counter that is read when metrics are collected: adding to one of the SDK's costs as much as a small event."""

    def __init__(self, name: str, description: str) -> None:
        self._counts: dict[tuple[tuple[str, str], ...], Count] = {}
        _meter.create_observable_counter(name, [self._observe], unit="{event}", description=description)

    def of(self, **attributes: str) -> Count:
        """The count to add to, the same for the same attributes."""
        return self._counts.setdefault(tuple(attributes.items()), Count())

    def _observe(self, _options: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
        return [metrics.Observation(count.value, dict(names)) for names, count in list(self._counts.items())]


PUBLISHED = CountsByAttributes("clipmill.bus.published", "Events stored in a topic.")
HANDLED = CountsByAttributes("clipmill.bus.handled", "Events that a group's handler finished, by topic and group.")
RETRIED = _meter.create_counter(
    "clipmill.bus.retried", unit="{event}", description="Attempts of a handler that failed and will be repeated."
)
DEAD_LETTERED = _meter.create_counter(
    "clipmill.bus.dead_lettered", unit="{event}", description="Events given up: poison, or too many failed attempts."
)
DISCARDED = _meter.create_counter(
    "clipmill.bus.discarded",
    unit="{event}",
    description="Events dropped unread from an in-process topic whose reader has stopped.",
)
LAG = _meter.create_gauge(
    "clipmill.bus.lag",
    unit="{event}",
    description="Events of this member's partitions that it has not finished, as far as its last fetch has told.",
)
HANDLING_S = _meter.create_histogram(
    "clipmill.bus.handling",
    unit="s",
    description="Seconds in a handler and in publishing what it returned; of those that waited or took 1 ms.",
    explicit_bucket_boundaries_advisory=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60, 600, 3600),
)
OFFSETS_DISCARDED = _meter.create_counter(
    "clipmill.bus.offsets_discarded",
    unit="{partition}",
    description="Kept offsets that named nothing any more: the broker is another, or its log is shorter.",
)
LOST = _meter.create_counter(
    "clipmill.bus.lost", unit="{event}", description="Events that retention took away before the group had read them."
)
