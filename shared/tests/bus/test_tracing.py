"""Where a trace enters and leaves the bus; events that are not sampled cost no span and still pass their trace on."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill_shared.bus import tracing
from clipmill_shared.events import Event

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED, UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE}-b7ad6b7169203331-00"


@pytest.fixture
def all_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_share", 1.0)


def event(traceparent: str | None) -> Event[Any]:
    return Event(topics.INGEST_REQUESTS, JobRequest(owner_id="ann"), "1", "ann", "/test", traceparent=traceparent)


def test_an_unsampled_trace_is_passed_on_as_it_came() -> None:
    here = tracing.surroundings()
    assert here.run(tracing.enter, event(UNSAMPLED)) is False
    assert here.run(tracing.traceparent) == UNSAMPLED


def test_what_begins_below_an_unsampled_event_is_not_sampled_either() -> None:
    tracer = TracerProvider(sampler=ParentBased(ALWAYS_ON)).get_tracer("test")
    here = tracing.surroundings()
    for header in (UNSAMPLED, None):
        here.run(tracing.enter, event(header))
        assert not here.run(tracer.start_span, "below").is_recording()


def test_without_a_trace_the_decision_not_to_sample_is_passed_on() -> None:
    here = tracing.surroundings()
    assert here.run(tracing.enter, event(None)) is False
    header = here.run(tracing.traceparent)
    assert header is not None and header.endswith("-00")
    assert here.run(tracing.traceparent) == header


def test_a_sampled_trace_is_handled_within_a_span_of_it() -> None:
    here = tracing.surroundings()
    assert here.run(tracing.enter, event(SAMPLED)) is True

    def handled() -> str | None:
        with tracing.handling(event(SAMPLED), "group"):
            return tracing.traceparent()

    assert (here.run(handled) or "").split("-")[1] == TRACE


@pytest.mark.usefixtures("all_begin")
def test_the_configured_share_of_events_without_a_trace_begins_one() -> None:
    assert tracing.surroundings().run(tracing.enter, event(None)) is True


@pytest.mark.parametrize("header", ["", "x", "1", "00-zz-zz-01", f"00-{TRACE}", "0" * 600])
def test_a_header_that_is_none_is_no_trace(header: str) -> None:
    here = tracing.surroundings()
    here.run(tracing.enter, event(header))
    assert here.run(tracing.traceparent) is None or header == ""
