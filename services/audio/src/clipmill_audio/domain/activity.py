"""From a voice activity model's probabilities to the ranges where somebody speaks.

Two thresholds and two shortest lengths, with the values that Silero's authors publish for their model.
"""

from __future__ import annotations

from collections.abc import Sequence

from clipmill_audio.domain.timed import Span

BEGINS_AT = 0.5
ENDS_BELOW = 0.35
SHORTEST_SPEECH_S = 0.25
SHORTEST_SILENCE_S = 0.1
PAD_S = 0.03


def speech_ranges(probabilities: Sequence[float], step_s: float) -> list[Span]:
    """Ranges in order, not overlapping, in seconds from the first step; each step lasts `step_s`."""
    end_s = len(probabilities) * step_s
    ranges: list[Span] = []
    for span in _runs(probabilities, step_s):
        if ranges and span.start_s - ranges[-1].end_s < SHORTEST_SILENCE_S:
            ranges[-1] = Span(ranges[-1].start_s, span.end_s)
        else:
            ranges.append(span)
    # The pad is less than half of the shortest silence, so that padded ranges stay apart.
    return [
        Span(max(0.0, span.start_s - PAD_S), min(end_s, span.end_s + PAD_S))
        for span in ranges
        if span.length_s >= SHORTEST_SPEECH_S
    ]


def _runs(probabilities: Sequence[float], step_s: float) -> list[Span]:
    """Stretches that begin at BEGINS_AT and last until ENDS_BELOW."""
    runs: list[Span] = []
    began: int | None = None
    for step, probability in enumerate(probabilities):
        if began is None and probability >= BEGINS_AT:
            began = step
        elif began is not None and probability < ENDS_BELOW:
            runs.append(Span(began * step_s, step * step_s))
            began = None
    if began is not None:
        runs.append(Span(began * step_s, len(probabilities) * step_s))
    return runs
