"""What is measured of a candidate. One definition each, computed for all candidates at once.

A value is NaN where it cannot be known (no words, no sound, no picture): such a feature is absent from the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clipmill_scoring.domain.boundaries import Units
from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.timeline import Bools, Floats, Ints, Level, Timeline
from clipmill_scoring.domain.words import HALF_LEANING, LEANING, Marks, bare, marks


@dataclass(frozen=True)
class Feature:
    """A measure's definition. Values lie within [low, high]; `english` ones are known for English words only."""

    name: str
    group: str
    unit: str
    version: int
    low: float
    high: float
    what: str
    english: bool = False


_MANY = float("inf")
_PER_100 = "per 100 words"
FEATURES: tuple[Feature, ...] = (
    Feature("first_person", "words", _PER_100, 1, 0, 100, "I, me, my, we, us, our", english=True),
    Feature("second_person", "words", _PER_100, 1, 0, 100, "you, your", english=True),
    Feature("people", "words", _PER_100, 1, 0, 100, "he, she, family, friends, roles", english=True),
    Feature("dialogue", "words", _PER_100, 1, 0, 200, "verbs of speaking, and quotation marks", english=True),
    Feature("questions", "words", _PER_100, 1, 0, 100, "question marks"),
    Feature("charged", "words", _PER_100, 1, 0, 200, "words of feeling and exclamation marks", english=True),
    Feature("casual", "words", _PER_100, 1, 0, 100, "words of everyday talk", english=True),
    Feature("contrast", "words", _PER_100, 1, 0, 100, "but, yet, instead, negations", english=True),
    Feature("numbers", "words", _PER_100, 1, 0, 100, "digits and number words", english=True),
    Feature("word_length", "words", "letters", 1, 0, _MANY, "mean letters a word", english=True),
    Feature("sentence_length", "words", "words", 1, 0, _MANY, "words a sentence end"),
    Feature("hook", "shape", "share", 1, 0, 1,
            "of four, how many the first sentence has: question, you, number, contrast, feeling, curiosity, brevity",
            english=True),
    Feature("opening", "shape", "share", 1, 0, 1,
            "1 begins a thought; .5 with so, but, he, this, ...; 0 with and, or, because, or amid a sentence",
            english=True),
    Feature("closing", "shape", "share", 1, 0, 1, "1 ends a sentence; .5 with a question left open; 0 amid a sentence"),
    Feature("duration_fit", "shape", "share", 1, 0, 1, "1 from 20 to 45 s, falling evenly to 0 at 5 s and at 120 s"),
    Feature("speech_rate", "voice", "words/s", 1, 0, _MANY, "words a second of speech (pauses over .5 s apart)"),
    Feature("pause_share", "voice", "share", 1, 0, 1, "share of the clip in pauses between words over .5 s"),
    Feature("energy", "voice", "dB", 1, -90, 90, "mean level of the voice over the whole video's"),
    Feature("energy_variation", "voice", "dB", 1, 0, 90, "standard deviation of the voice's level"),
    Feature("face_share", "picture", "share", 1, 0, 1, "share of the clip with a face in the picture"),
    Feature("faces", "picture", "faces", 1, 0, _MANY, "mean number of faces while there is one"),
    Feature("motion", "picture", "share", 1, 0, 1, "mean change of luma between sampled frames"),
    Feature("cuts", "picture", "per minute", 1, 0, _MANY, "changes of shot inside the clip"),
    Feature("sharpness", "picture", "octaves", 1, -_MANY, _MANY, "sharpness (log2) over the whole video's mean"),
)  # fmt: skip
# Measured where something was asked for; see about.py.
ABOUT = Feature("about", "asked", "cosine", 1, -1, 1, "likeness between the request and all that is said")
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in (*FEATURES, ABOUT)}

# A shorter silence between words is articulation, a longer one a pause.
PAUSE_S = 0.5
# Duration fit: (seconds, share).
_FIT = ((0.0, 5.0, 20.0, 45.0, 120.0), (0.0, 0.0, 1.0, 1.0, 0.0))

Columns = dict[str, Floats]


def columns(timeline: Timeline, units: Units, these: Candidates) -> Columns:
    """Each feature's value for each candidate, in the order of FEATURES. Values are NaN where unknown."""
    begin, end = units.first_word[these.first], units.last_word[these.last]
    marked = marks(timeline.words)
    found = {
        **word_columns(marked, begin, end),
        **_shape(timeline, marked, units, these),
        **_voice(timeline, these, begin, end),
        **_picture(timeline, these),
    }
    english = is_english(timeline.language)
    nothing = np.full(len(these), np.nan)
    return {f.name: found[f.name] if english or not f.english else nothing for f in FEATURES}


def is_english(language: str) -> bool:
    """True also where no language was said: then nothing says otherwise."""
    return language in ("", "auto", "en") or language.startswith("en-")


def word_columns(marked: Marks, begin: Ints, end: Ints) -> Columns:
    """The features of the group "words", for the runs of words from `begin` to `end` - 1."""
    count = (end - begin).astype(np.float64)
    count[count == 0] = np.nan

    def rate(kind: Bools, other: Bools | None = None) -> Floats:
        share = _sum(kind, begin, end)
        if other is not None:
            share = share + _sum(other, begin, end)
        result: Floats = 100 * share / count
        return result

    return {
        "first_person": rate(marked.first_person),
        "second_person": rate(marked.second_person),
        "people": rate(marked.people),
        "dialogue": rate(marked.speech, marked.quote),
        "questions": rate(marked.asks),
        "charged": rate(marked.charged, marked.exclaims),
        "casual": rate(marked.casual),
        "contrast": rate(marked.contrast),
        "numbers": rate(marked.number),
        "word_length": _sum(marked.letters, begin, end) / count,
        "sentence_length": count / np.maximum(_sum(marked.ends, begin, end), 1),
    }


def hooks(marked: Marks, begin: Ints, end: Ints) -> Floats:
    """The hook of each run of words: four of seven known openers make a full one."""
    length = end - begin
    signs = [
        _sum(kind, begin, end) > 0
        for kind in (
            marked.asks, marked.second_person, marked.number, marked.contrast,
            marked.charged | marked.exclaims, marked.curiosity,
        )
    ]  # fmt: skip
    signs.append((length >= 3) & (length <= 12))
    share: Floats = np.minimum(np.sum(signs, axis=0) / 4, 1.0)
    return share


def _shape(timeline: Timeline, marked: Marks, units: Units, these: Candidates) -> Columns:
    words = timeline.words
    begin, end = units.first_word[these.first], units.last_word[these.last]
    fit = np.interp(these.duration_s, *_FIT)
    silent = begin == end
    if not words:
        unknown = np.full(len(these), np.nan)
        return {"hook": unknown, "opening": unknown, "closing": unknown, "duration_fit": fit}
    # A unit may hold several sentences, where no pause divides them: the hook is the first one's.
    ends = np.append(np.flatnonzero(marked.ends) + 1, len(words))
    first_end = ends[np.searchsorted(ends, units.first_word, side="right").clip(max=len(ends) - 1)]
    hook = hooks(marked, units.first_word, np.minimum(first_end, units.last_word))[these.first]
    opens = np.array([_opening(word.text) for word in words])
    closes = np.where(marked.asks, 0.5, 1.0) * marked.ends
    opening = opens[np.minimum(begin, len(words) - 1)] * units.clean_start[these.first]
    closing = closes[np.maximum(end - 1, 0)] * units.clean_end[these.last]
    return {
        "hook": np.where(silent, np.nan, hook),
        "opening": np.where(silent, np.nan, opening),
        "closing": np.where(silent, np.nan, closing),
        "duration_fit": fit,
    }


def _opening(text: str) -> float:
    word = bare(text).split("'", 1)[0]
    return 0.0 if word in LEANING else 0.5 if word in HALF_LEANING else 1.0


def _voice(timeline: Timeline, these: Candidates, begin: Ints, end: Ints) -> Columns:
    words = timeline.words
    starts_s = np.array([word.start_s for word in words], dtype=np.float64)
    ends_s = np.array([word.end_s for word in words], dtype=np.float64)
    gaps_s = starts_s[1:] - ends_s[:-1]
    pauses_s = np.where(gaps_s > PAUSE_S, gaps_s, 0.0)
    said = end > begin
    paused_s = _sum(pauses_s, np.minimum(begin, len(pauses_s)), np.clip(end - 1, begin, len(pauses_s)))
    first, last = np.minimum(begin, len(words) - 1), np.maximum(end - 1, 0)
    if len(words):
        spoken_s = np.where(said, ends_s[last] - starts_s[first] - paused_s, np.nan)
    else:
        spoken_s = np.full(len(these), np.nan)
    energy, variation = _energy(timeline.loudness_db, these)
    return {
        "speech_rate": (end - begin) / np.where(spoken_s > 0, spoken_s, np.nan),
        "pause_share": np.where(said, np.clip(paused_s / these.duration_s, 0, 1), np.nan),
        "energy": energy,
        "energy_variation": variation,
    }


def _energy(loudness: Level | None, these: Candidates) -> tuple[Floats, Floats]:
    """The mean over the video's mean, and the standard deviation, of the voice's level in dB."""
    if loudness is None or np.isnan(loudness.values).all():
        return np.full(len(these), np.nan), np.full(len(these), np.nan)
    # Taken from the video's own mean, so that the squares of the variance stay small and exact.
    level = loudness.values - np.nanmean(loudness.values)
    heard = ~np.isnan(level)
    begin, end = _cells(loudness, these)
    count = _sum(heard, begin, end)
    count[count == 0] = np.nan
    mean = _sum(np.where(heard, level, 0.0), begin, end) / count
    square = _sum(np.where(heard, level**2, 0.0), begin, end) / count
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def _picture(timeline: Timeline, these: Candidates) -> Columns:
    unknown = np.full(len(these), np.nan)
    share = number = motion = cuts = sharpness = unknown
    if timeline.faces is not None:
        begin, end = _cells(timeline.faces, these)
        seen = _sum(timeline.faces.values > 0, begin, end)
        share = seen / np.maximum(end - begin, 1)
        number = _sum(timeline.faces.values, begin, end) / np.where(seen > 0, seen, np.nan)
    if timeline.shots:
        motion = np.clip(_over_shots(timeline, [shot.motion for shot in timeline.shots], these), 0, 1)
        octave = [float(np.log2(max(shot.sharpness, 1e-3))) for shot in timeline.shots]
        whole = np.average(octave, weights=[shot.duration_s for shot in timeline.shots])
        sharpness = _over_shots(timeline, octave, these) - whole
        at_s = np.array([shot.start_s for shot in timeline.shots[1:]])
        inside = np.searchsorted(at_s, these.end_s, "left") - np.searchsorted(at_s, these.start_s, "right")
        cuts = np.maximum(inside, 0) * 60 / these.duration_s
    return {"face_share": share, "faces": number, "motion": motion, "cuts": cuts, "sharpness": sharpness}


def _over_shots(timeline: Timeline, values: list[float], these: Candidates) -> Floats:
    """The mean over each candidate's time of a value that is constant in a shot (the last shot's goes on)."""
    starts_s = np.array([shot.start_s for shot in timeline.shots])
    value = np.array(values)
    areas = np.concatenate(([0.0], np.cumsum(value[:-1] * np.diff(starts_s))))

    def area(time_s: Floats) -> Floats:
        shot = np.maximum(np.searchsorted(starts_s, time_s, "right") - 1, 0)
        result: Floats = areas[shot] + value[shot] * (time_s - starts_s[shot])
        return result

    mean: Floats = (area(these.end_s) - area(these.start_s)) / these.duration_s
    return mean


def _cells(level: Level, these: Candidates) -> tuple[Ints, Ints]:
    """The grid's cells whose middles lie in each candidate."""
    begin = np.clip(np.ceil(these.start_s / level.step_s - 0.5), 0, len(level.values)).astype(np.int64)
    end = np.clip(np.ceil(these.end_s / level.step_s - 0.5), begin, len(level.values)).astype(np.int64)
    return begin, end


def _sum(values: Bools | Floats, begin: Ints, end: Ints) -> Floats:
    """The sum of values[begin:end] for each pair, from one running sum."""
    running = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    total: Floats = running[end] - running[begin]
    return total
