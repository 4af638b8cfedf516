"""How it is said."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import MANY, Columns, Feature, Seen, sums
from clipmill_scoring.domain.timeline import Floats

FEATURES: tuple[Feature, ...] = (
    Feature("speech_rate", "voice", "words/s", 1, 0, MANY, "words a second of speech (pauses over .5 s apart)"),
    Feature("pause_share", "voice", "share", 1, 0, 1, "share of the clip in pauses between words over .5 s"),
    Feature("energy", "voice", "dB", 1, -90, 90, "mean level of the voice over the whole video's"),
    Feature("energy_variation", "voice", "dB", 1, 0, 90, "standard deviation of the voice's level"),
)
# A shorter silence between words is articulation, a longer one a pause.
PAUSE_S = 0.5


def measure(seen: Seen) -> Columns:
    """The features of the voice."""
    words, begin, end = seen.timeline.words, seen.begin, seen.end
    starts_s = np.array([word.start_s for word in words], dtype=np.float64)
    ends_s = np.array([word.end_s for word in words], dtype=np.float64)
    gaps_s = starts_s[1:] - ends_s[:-1]
    pauses_s = np.where(gaps_s > PAUSE_S, gaps_s, 0.0)
    said = end > begin
    paused_s = sums(pauses_s, np.minimum(begin, len(pauses_s)), np.clip(end - 1, begin, len(pauses_s)))
    first, last = np.minimum(begin, len(words) - 1), np.maximum(end - 1, 0)
    spoken_s = np.where(said, ends_s[last] - starts_s[first] - paused_s, np.nan) if len(words) else seen.unknown()
    energy, variation = _energy(seen)
    return {
        "speech_rate": (end - begin) / np.where(spoken_s > 0, spoken_s, np.nan),
        "pause_share": np.where(said, np.clip(paused_s / seen.these.duration_s, 0, 1), np.nan),
        "energy": energy,
        "energy_variation": variation,
    }


def _energy(seen: Seen) -> tuple[Floats, Floats]:
    """The mean over the video's mean, and the standard deviation, of the voice's level in dB."""
    loudness = seen.timeline.loudness_db
    if loudness is None or np.isnan(loudness.values).all():
        return seen.unknown(), seen.unknown()
    # Taken from the video's own mean, so that the squares of the variance stay small and exact.
    level = loudness.values - np.nanmean(loudness.values)
    heard = ~np.isnan(level)
    begin, end = seen.cells(loudness)
    count = sums(heard, begin, end)
    count[count == 0] = np.nan
    mean = sums(np.where(heard, level, 0.0), begin, end) / count
    square = sums(np.where(heard, level**2, 0.0), begin, end) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))
