"""Who is heard in a stretch of sound of a few seconds, told apart within it alone.

A segmentation model says which of at most three voices speaks each 17 ms; an embedding of what each says alone is what
the same voice is known by elsewhere. Who is the same as who is asked once, of the whole video (scoring).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.activity import ENDS_BELOW
from clipmill_audio.domain.filterbank import STEP_S as BAND_STEP_S
from clipmill_audio.domain.filterbank import WINDOW_S as BAND_WINDOW_S
from clipmill_audio.domain.timed import Span

# What the segmentation model takes, and how it counts: frame n is about FIRST_S + n * FRAME_S.
STRETCH_S = 10.0
FRAME_S = 0.016875
FIRST_S = 0.031
# A stretch ends in the longest silence of its second half.
EARLIEST_END_S = 5.0
# Shorter than a word: a breath, or the model's doubt.
SHORTEST_S = 0.1
# Below this much of one's own, what others say at the same time is better than nothing.
ENOUGH_ALONE_S = 0.3
# Of one voice in one stretch. On sample.wav 1.5 s makes three speakers of two, 3 s and 10 s do not; the embedding costs
# 44 ms a second.
LISTEN_S = 3.0
FEWEST_FRAMES = 20

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class LocalVoice:
    """When one voice of a stretch speaks, in seconds from the stretch's beginning, and which frames of its filterbank
    to know it by. `alone_s`: how much of that nobody else speaks in; 0 where it never speaks alone.
    """

    spans: tuple[Span, ...]
    frames: NDArray[np.int64]
    alone_s: float


def stretches(probabilities: Sequence[float], step_s: float) -> list[Span]:
    """What to give the segmentation model at a time: spans in order, each at most STRETCH_S, without long silences.

    `probabilities` of speech, one for each `step_s`.
    """
    speaks = np.asarray(probabilities) >= ENDS_BELOW
    most, earliest = int(STRETCH_S / step_s), int(EARLIEST_END_S / step_s)
    spans: list[Span] = []
    start = 0
    while (later := np.flatnonzero(speaks[start:])).size:
        start += int(later[0])
        end = start + most
        if end < len(speaks):
            end = _middle_of_longest_silence(speaks, start + earliest, end)
        end = start + int(np.flatnonzero(speaks[start:end])[-1]) + 1
        spans.append(Span(start * step_s, end * step_s))
        start = end
    return spans


def _middle_of_longest_silence(speaks: Bools, start: int, end: int) -> int:
    """`end` where there is no silence."""
    quiet, longest, middle = 0, 0, end
    for step in range(start, end):
        quiet = 0 if speaks[step] else quiet + 1
        if quiet > longest:
            longest, middle = quiet, step - quiet // 2
    return middle


def voices_of(active: Bools, length_s: float) -> list[LocalVoice]:
    """The voices of a stretch. `active`: frames x voices, of the segmentation model; the sound ends at `length_s`."""
    active = active & (FIRST_S + np.arange(len(active)) * FRAME_S < length_s)[:, None]
    lonely = active.sum(axis=1) == 1
    found = []
    for voice in active.T:
        if voice.sum() * FRAME_S < SHORTEST_S:
            continue
        alone_s = float((voice & lonely).sum() * FRAME_S)
        has_enough = alone_s >= ENOUGH_ALONE_S
        frames = _middle(_band_frames(voice & lonely if has_enough else voice, length_s))
        if len(frames) >= FEWEST_FRAMES:
            found.append(LocalVoice(_spans(voice, length_s), frames, alone_s if has_enough else 0.0))
    return found


def _band_frames(voice: Bools, length_s: float) -> NDArray[np.int64]:
    """The filterbank's frames in which `voice` is."""
    at_s = np.arange(int((length_s - BAND_WINDOW_S) / BAND_STEP_S)) * BAND_STEP_S + BAND_WINDOW_S / 2
    frames = np.round((at_s - FIRST_S) / FRAME_S).astype(np.int64)
    return np.flatnonzero(voice[np.clip(frames, 0, len(voice) - 1)])


def _middle(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    most = int(LISTEN_S / BAND_STEP_S)
    skipped = max(0, (len(frames) - most) // 2)
    return frames[skipped : skipped + most]


def _spans(voice: Bools, length_s: float) -> tuple[Span, ...]:
    changes = np.flatnonzero(np.diff(voice.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    half = FRAME_S / 2
    return tuple(
        Span(
            min(length_s, max(0.0, first * FRAME_S + FIRST_S - half)),
            min(length_s, stop * FRAME_S + FIRST_S - half),
        )
        for first, stop in changes.tolist()
    )
