"""Every metric of the bus, with a sentence. Without an OpenTelemetry SDK they cost next to nothing."""

from __future__ import annotations

from opentelemetry import metrics

_meter = metrics.get_meter("clipmill.bus")

PUBLISHED = _meter.create_counter("clipmill.bus.published", unit="{event}", description="Events stored in a topic.")
HANDLED = _meter.create_counter(
    "clipmill.bus.handled", unit="{event}", description="Events that a group's handler finished, by topic and group."
)
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
    description="Seconds in a handler and in publishing what it returned.",
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
