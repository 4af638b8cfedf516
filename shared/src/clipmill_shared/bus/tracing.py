"""Where a trace enters and leaves the bus. Without an OpenTelemetry SDK only the incoming traceparent is passed on.

Hardly any event is sampled, so one that is not must cost next to nothing: no span is made for it. In its stead stands
`_Publisher`, which knows the publisher's span and parses its header when somebody asks.
"""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from contextvars import Context, ContextVar, copy_context
from typing import Any

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from clipmill_shared.events import Event

_tracer = trace.get_tracer("clipmill.bus")
_propagator = TraceContextTextMapPropagator()
# The header of the event that is being handled here; empty for an unsampled one that came without.
_incoming: ContextVar[str | None] = ContextVar("incoming", default=None)
# The share of events without a header that begin a trace. See `begin_traces`.
_share = 0.0


def begin_traces(share: float) -> None:
    """Let this share of the events that come without a trace begin one (0 to 1)."""
    global _share  # noqa: PLW0603
    _share = share


class _Publisher(trace.NonRecordingSpan):
    """The publisher's span of the event that is being handled, wherever this is the current span."""

    def get_span_context(self) -> trace.SpanContext:
        header = _incoming.get()
        if header == "":
            header = _new_header(sampled=False)
            _incoming.set(header)
        if not header:
            return trace.INVALID_SPAN_CONTEXT
        parent = _propagator.extract({"traceparent": header}, context.Context())
        return trace.get_current_span(parent).get_span_context()


_publisher = _Publisher(trace.INVALID_SPAN_CONTEXT)


def surroundings() -> Context:
    """A copy of the present context for handlers to run in; `enter` tells it which event is being handled."""
    here = copy_context()
    here.run(lambda: context.attach(trace.set_span_in_context(_publisher)))
    return here


def enter(event: Event[Any], here: Context | None = None) -> bool:
    """Note in a context (None: the present one) that `event` is being handled; True when its trace is sampled: see
    `handling`.
    """
    header = event.traceparent
    if header is None:
        header = _new_header(sampled=True) if random.random() < _share else ""  # noqa: S311
    if here is None:
        _incoming.set(header)
    else:
        here.run(_incoming.set, header)
    # The last hex digit of the flags.
    return header[-1:] in _SAMPLED


_SAMPLED = frozenset("13579bdfBDF")


def handling(event: Event[Any], group: str) -> AbstractContextManager[object]:
    """A consumer's span around the handler, a child of the publisher's span."""
    # The SDK asks a parent for its context three times, and each time the header would be parsed.
    parent = trace.NonRecordingSpan(_publisher.get_span_context())
    return _tracer.start_as_current_span(
        f"process {event.topic.name}",
        trace.set_span_in_context(parent),
        kind=trace.SpanKind.CONSUMER,
        attributes={
            "messaging.system": "clipmill",
            "messaging.destination.name": event.topic.name,
            "messaging.consumer.group.name": group,
            "messaging.message.id": event.id,
            "clipmill.attempt": event.attempt,
        },
    )


def traceparent() -> str | None:
    """The header of the trace that runs now; None outside of any."""
    span = trace.get_current_span()
    if span is trace.INVALID_SPAN:
        return None
    now = span.get_span_context()
    return f"00-{now.trace_id:032x}-{now.span_id:016x}-{now.trace_flags:02x}" if now.is_valid else None


def _new_header(*, sampled: bool) -> str:
    return f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-{sampled:02x}"
