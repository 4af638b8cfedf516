"""The metrics of the feature store. Labels are few and bounded: features, entities and reasons, never a clip."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics

from clipmill_scoring.domain.history import Found

_meter = metrics.get_meter("clipmill.scoring")

_READS = _meter.create_counter(
    "clipmill.features.reads", unit="{clip}", description="Clips whose features were read, by entity and store."
)
_STATUS = _meter.create_counter(
    "clipmill.features.values", unit="{value}", description="Values that were read, by entity and status."
)
_AGE_S = _meter.create_histogram(
    "clipmill.features.age",
    unit="s",
    description="How old the oldest value of a clip was when it was read, by entity.",
    explicit_bucket_boundaries_advisory=(60, 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400),
)
DEAD_LETTERS = _meter.create_counter(
    "clipmill.features.dead.letters", unit="{value}", description="Values that were not taken, by feature and reason."
)
CHECKED = _meter.create_counter(
    "clipmill.features.checked", unit="{value}", description="Served values that were measured again."
)
MISMATCHES = _meter.create_counter(
    "clipmill.features.mismatches", unit="{value}", description="Of them those that differ, by feature."
)


def count_read(entity: str, store: str, clips: int) -> None:
    if clips:
        _READS.add(clips, {"entity": entity, "store": store})


def note_ages(entity: str, found: Iterable[Found], at_s: float) -> None:
    """Count what was read of a clip, and how stale it was."""
    found = list(found)
    ages_s = [at_s - each.event_s for each in found if each.job_id]
    if ages_s:
        _AGE_S.record(max(ages_s), {"entity": entity})
    for status in {each.status for each in found}:
        count = sum(each.status is status for each in found)
        _STATUS.add(count, {"entity": entity, "status": status.value})
