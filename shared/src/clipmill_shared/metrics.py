"""Every metric of the frame but the bus's (bus/metrics.py), with a sentence.

Without an OpenTelemetry SDK they cost next to nothing; a process that serves /metrics turns it on (telemetry.py).
Labels are few and bounded: never a job, an owner or a message.
"""

from __future__ import annotations

from opentelemetry import metrics

_meter = metrics.get_meter("clipmill")

TASK_S = _meter.create_histogram(
    "clipmill.task.duration",
    unit="s",
    description="Seconds a worker had a task for, by stage and outcome: made, cached, failed, dropped.",
    explicit_bucket_boundaries_advisory=(0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
WARNINGS = _meter.create_counter(
    "clipmill.result.warnings",
    unit="{warning}",
    description="Warnings in results, fallbacks among them, by stage and code.",
)
CHILDREN_DIED = _meter.create_counter(
    "clipmill.children.died",
    unit="{process}",
    description="Child processes of a worker that ended in the middle of a call, by function.",
)
RESULT_READS = _meter.create_counter(
    "clipmill.results.reads",
    unit="{read}",
    description="Kept results that tasks looked for, by stage and where one was: memory, redis, blobs, none.",
)
RESULT_WAITS = _meter.create_counter(
    "clipmill.results.waits", unit="{task}", description="Tasks that waited for another to make the same, by stage."
)
RESULT_SHARES = _meter.create_counter(
    "clipmill.results.shares",
    unit="{task}",
    description="Tasks of a video that an earlier one is like, by stage and outcome: shared, made anew.",
)
RESULT_SAVED_S = _meter.create_counter(
    "clipmill.results.saved", unit="s", description="Seconds of work that kept results saved, by stage."
)
RESULT_SAVED_INFERENCES = _meter.create_counter(
    "clipmill.results.saved.inferences", unit="{call}", description="Calls of models that kept results saved, by stage."
)
OUTBOX_WAITING = _meter.create_gauge(
    "clipmill.outbox.waiting", unit="{event}", description="Events written but not yet on the bus, by database."
)
OUTBOX_FAILED = _meter.create_counter(
    "clipmill.outbox.failed", unit="{attempt}", description="Attempts to relay the outbox that failed, by database."
)
LIMITED_ALONE = _meter.create_counter(
    "clipmill.limits.alone",
    unit="{take}",
    description="Rate limits that a process counted by itself, because the shared count (Redis) was away.",
)
INFERENCE_FALLBACKS = _meter.create_counter(
    "clipmill.inference.fallbacks",
    unit="{call}",
    description="Calls of models that the next executor of a chain answered, by model and the code of why.",
)
INFERENCE_RECORDS_DROPPED = _meter.create_counter(
    "clipmill.inference.records.dropped",
    unit="{record}",
    description="Records of models' calls that found no room, or no bus, by part.",
)
RPC_S = _meter.create_histogram(
    "clipmill.rpc.duration",
    unit="s",
    description="Seconds of gRPC calls, by method and status code; a watch lasts as long as its job.",
    explicit_bucket_boundaries_advisory=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
)
