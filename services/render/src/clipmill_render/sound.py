"""Edits the clip's sound by sample: joins, and silence where a coarse word is said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipmill_render.domain.faces import Shot
from clipmill_render.domain.timeline import Span, Timeline

# Long enough that nothing clicks, short enough that no word is blurred.
CROSSFADE_S = 0.008
Samples = NDArray[np.float32]


def edit_sound(path: Path, timeline: Timeline, silent: Sequence[Shot]) -> None:
    """Rewrite the WAV file at `path`, which is the clip's whole range: `silent` spans muted, then the pieces joined."""
    from scipy.io import wavfile  # type: ignore[import-untyped]

    rate_hz, samples = wavfile.read(path)
    muted = with_silence(samples, silent, rate_hz)
    wavfile.write(path, rate_hz, joined(muted, timeline.pieces, rate_hz))


def with_silence(samples: Samples, silent: Sequence[Shot], rate_hz: int) -> Samples:
    """`samples` (time x channels), silent through each span, with ramps inside it."""
    level = np.ones(len(samples), np.float32)
    ramp = round(CROSSFADE_S * rate_hz)
    for span in silent:
        first, end = (min(max(round(at * rate_hz), 0), len(samples)) for at in (span.start_s, span.end_s))
        steps = np.arange(end - first)
        level[first:end] = np.minimum(level[first:end], np.clip(1 - np.minimum(steps, steps[::-1]) / ramp, 0, 1))
    return samples * level[:, None]


def joined(samples: Samples, pieces: Sequence[Span], rate_hz: int) -> Samples:
    """The pieces one after another, as long as they are together; each join is cross-faded at equal power, with what
    lies just beyond the pieces' edges.
    """
    edges = [(round(piece.start_s * rate_hz), round(piece.end_s * rate_hz)) for piece in pieces]
    made = np.concatenate([samples[first:end] for first, end in edges])
    half = round(CROSSFADE_S / 2 * rate_hz)
    angle = (np.arange(2 * half, dtype=np.float32) + 0.5) / (2 * half) * np.float32(np.pi / 2)
    fade_in, fade_out = np.sin(angle)[:, None], np.cos(angle)[:, None]
    at = 0
    for (first, end), (following, _) in pairwise(edges):
        at += end - first
        ending, beginning = samples[end - half : end + half], samples[following - half : following + half]
        if len(ending) == len(beginning) == 2 * half == len(made[at - half : at + half]):
            made[at - half : at + half] = ending * fade_out + beginning * fade_in
    return made
