"""Where a trace enters and leaves the bus. Without an OpenTelemetry SDK only the incoming traceparent is passed on."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from clipmill_shared.events import Event

_tracer = trace.get_tracer("clipmill.bus")
_propagator = TraceContextTextMapPropagator()


def traceparent() -> str | None:
    """The header of the trace that runs now; None outside of any."""
    if not trace.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


def handling(event: Event[Any], group: str) -> AbstractContextManager[object]:
    """A consumer's span around the handler, a child of the publisher's span."""
    parent = _propagator.extract({"traceparent": event.traceparent}) if event.traceparent else None
    return _tracer.start_as_current_span(
        f"process {event.topic.name}",
        context=parent,
        kind=trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "clipmill",
            "messaging.destination.name": event.topic.name,
            "messaging.consumer.group.name": group,
            "messaging.message.id": event.id,
            "clipmill.attempt": event.attempt,
        },
    )
