"""The clip's sound with what is played under it, before it and after it. Sounds are samples x channels, one rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill_render.domain.loudness import MAX_GAIN_DB, Measured
from clipmill_render.domain.timeline import Span

USUAL_BELOW_LU = 18.0
# Where nobody speaks music is so much louder than under speech.
RISE_LU = 8.0
# It is down when a word begins, which is known before; and comes back without haste.
DUCK_S, RISE_S = 0.25, 0.8
# Between two words that are nearer than this it stays down.
HOLD_S = 1.5
FADE_IN_S, FADE_OUT_S, LOOP_S = 0.5, 1.5, 1.0

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """Samples and how loud they are."""

    samples: Samples
    loudness: Measured


def gain_to(loudness: Measured, target_lufs: float | None) -> float:
    """What brings a sound to the target, as a factor; 1 where there is none, or nothing to bring there."""
    if target_lufs is None or loudness.is_silent:
        return 1.0
    return float(10 ** (min(target_lufs - loudness.loudness_lufs, MAX_GAIN_DB) / 20))


def placed(sound: Samples, at: int, count: int) -> Samples:
    """`count` samples that are silent but for `sound`, whose first is sample `at`."""
    made = np.zeros((count, sound.shape[1]), np.float32)
    part = sound[: count - at]
    made[at : at + len(part)] = part
    return made


def faded(sound: Samples, fade_in: int, fade_out: int) -> Samples:
    """The sound with ramps of so many samples at its ends."""
    steps = np.arange(len(sound), dtype=np.float32)
    level = np.minimum(1.0, (steps + 1) / max(fade_in, 1))
    return np.asarray(sound * np.minimum(level, (steps[::-1] + 1) / max(fade_out, 1))[:, None], np.float32)


def looped(sound: Samples, count: int, rate_hz: int) -> Samples:
    """The first `count` samples of the sound repeated, each time cross-faded into itself at equal power."""
    if len(sound) >= count:
        return sound[:count]
    over = min(round(LOOP_S * rate_hz), len(sound) // 4)
    angle = (np.arange(over, dtype=np.float32) + 0.5) / max(over, 1) * np.float32(np.pi / 2)
    made = np.zeros((count + len(sound), sound.shape[1]), np.float32)
    for at in range(0, count, len(sound) - over):
        again = sound.copy()
        if at:
            again[:over] *= np.sin(angle)[:, None]
        again[len(again) - over :] *= np.cos(angle)[:, None]
        made[at : at + len(again)] += again
    return made[:count]


def music_under(
    music: Samples, count: int, rate_hz: int, *, speech: Iterable[Span], silent: Sequence[Span], below_lu: float
) -> Samples:
    """`count` samples of music, as loud as `music` less `below_lu` while there is `speech` (seconds), RISE_LU louder
    elsewhere, and not heard while what is `silent` (cards with a sound of their own) lasts.
    """
    times = np.arange(count, dtype=np.float32) / np.float32(rate_hz)
    level_db = np.full(count, RISE_LU - below_lu, np.float32)
    spans = _held(speech)
    if spans:
        # The earlier rise ends before the later fall begins: spans are farther apart than both.
        edges = [(s - DUCK_S, 0.0, s, -RISE_LU, e, -RISE_LU, e + RISE_S, 0.0) for s, e in spans]
        points = np.array(edges, np.float64).reshape(-1, 2)
        level_db += np.interp(times, points[:, 0], points[:, 1]).astype(np.float32)
    level = np.power(np.float32(10), level_db / 20)
    for span in silent:
        outside = np.maximum(span.start_s - times, times - span.end_s)
        level *= np.clip(outside / FADE_IN_S, 0, 1)
    bed = looped(music, count, rate_hz) * level[:, None]
    return faded(bed.astype(np.float32), round(FADE_IN_S * rate_hz), min(round(FADE_OUT_S * rate_hz), count // 4))


def _held(speech: Iterable[Span]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    for span in sorted(speech, key=lambda span: span.start_s):
        if spans and span.start_s - spans[-1][1] < HOLD_S:
            spans[-1] = (spans[-1][0], max(spans[-1][1], span.end_s))
        else:
            spans.append((span.start_s, span.end_s))
    return spans
