"""How it is said, and what is heard beside it."""

from __future__ import annotations

import numpy as np

from clipmill_scoring.domain.features.definition import MANY, Columns, Feature, Seen, sums
from clipmill_scoring.domain.timeline import Floats

FEATURES: tuple[Feature, ...] = (
    Feature("speech_rate", "voice", "words/s", 1, 0, MANY, "words a second of speech (pauses over .5 s apart)"),
    Feature("pause_share", "voice", "share", 1, 0, 1, "share of the clip in pauses between words over .5 s"),
    Feature("energy", "voice", "dB", 1, -90, 90, "mean level of the voice over the whole video's"),
    Feature("energy_variation", "voice", "dB", 1, 0, 90, "standard deviation of the voice's level"),
    Feature("pitch_range", "voice", "semitones", 1, 0, 60,
            "from the 10th to the 90th percentile of the voice's pitch in a phrase, mean over phrases' time"),
    Feature("rate_variation", "voice", "words/s", 1, 0, MANY,
            "standard deviation of the phrases' words a second, by time; two phrases at least"),
    Feature("overlap_share", "voice", "share", 1, 0, 1, "share of the clip in which two speak at once"),
    Feature("music_share", "sound", "share", 1, 0, 1, "share of the clip in which music is heard, under speech too"),
)  # fmt: skip
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
        **_phrased(seen),
        "overlap_share": seen.share(seen.timeline.overlaps),
        "music_share": seen.share(seen.timeline.music),
    }


def _phrased(seen: Seen) -> Columns:
    """What is measured of the phrases whose middles lie in each candidate."""
    phrases = seen.timeline.phrases
    middle_s = np.array([(phrase.start_s + phrase.end_s) / 2 for phrase in phrases])
    begin, end = (np.searchsorted(middle_s, edge_s) for edge_s in (seen.these.start_s, seen.these.end_s))
    length_s = np.array([phrase.end_s - phrase.start_s for phrase in phrases])
    rate = np.array([phrase.words_per_s for phrase in phrases])
    semitones = np.array([phrase.pitch_range for phrase in phrases])

    def mean(values: Floats, weight: Floats) -> Floats:
        total = sums(weight, begin, end)
        result: Floats = sums(values * weight, begin, end) / np.where(total > 0, total, np.nan)
        return result

    average = mean(rate, length_s)
    variance = np.maximum(mean(rate**2, length_s) - average**2, 0.0)
    return {
        "pitch_range": mean(np.nan_to_num(semitones), np.where(np.isnan(semitones), 0.0, length_s)),
        "rate_variation": np.where(end - begin > 1, np.sqrt(variance), np.nan),
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
