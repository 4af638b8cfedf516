"""What is heard beside the words, over the parts of a video."""

from __future__ import annotations

from collections.abc import Iterable

from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill.common.v1.common_pb2 import TimeRange

# Shorter ones are not claimed; at a part's edge a piece of one may be shorter until it is joined.
LEAST_S = {SoundEvent.KIND_SILENCE: 2.0, SoundEvent.KIND_MUSIC: 5.0}
# Music that stops for less goes on; a silence is broken by any sound.
BRIDGED_S = {SoundEvent.KIND_SILENCE: 0.05, SoundEvent.KIND_MUSIC: 3.0}


def joined(events: Iterable[SoundEvent]) -> list[SoundEvent]:
    """The events of all parts, in the order of the parts: what was cut at an edge is one again, in order of start."""
    return [event for event in bridged(events) if length_s(event.range) >= LEAST_S[event.kind]]


def bridged(events: Iterable[SoundEvent]) -> list[SoundEvent]:
    """Events in order of start within each kind, with those made one that are nearly next to each other."""
    whole: list[SoundEvent] = []
    last: dict[int, SoundEvent] = {}
    for event in events:
        former = last.get(event.kind)
        if former is not None and event.range.start_s - former.range.end_s <= BRIDGED_S[event.kind]:
            _extend(former, event)
        else:
            last[event.kind] = SoundEvent()
            last[event.kind].CopyFrom(event)
            whole.append(last[event.kind])
    return sorted(whole, key=lambda event: event.range.start_s)


def _extend(event: SoundEvent, by: SoundEvent) -> None:
    if event.HasField("confidence"):
        first_s, second_s = length_s(event.range), length_s(by.range)
        event.confidence = (event.confidence * first_s + by.confidence * second_s) / (first_s + second_s)
    event.range.end_s = max(event.range.end_s, by.range.end_s)


def length_s(span: TimeRange) -> float:
    """How long it is."""
    return span.end_s - span.start_s
