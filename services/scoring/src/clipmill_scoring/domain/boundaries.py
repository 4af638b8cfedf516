"""Where a clip may begin and end: at sentence ends in speech, at cuts where nobody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from clipmill_scoring.domain.timeline import Bools, Floats, Ints, Shot, Timeline, Word

# A clip begins a little before its first word and ends a little after its last, so that breath and room are kept,
# but never nearer to the neighbour's word than the middle of the pause between them.
AIR_BEFORE_S = 0.25
AIR_AFTER_S = 0.3
# Nobody speaks a sentence this long: its end was missed, so pauses are taken for sentence ends inside it.
LONGEST_SENTENCE_S = 25.0
# Word times are known to about 80 ms (median, numbers of the audio service): with less pause than that, a boundary may
# lie inside a word and would be heard as a cut. Such sentence ends serve only where a stretch has no better one.
CLEAR_PAUSE_S = 0.08
# So short a sentence is seldom one by itself, but an announcement ("One last question."), a farewell, or half of a
# sentence that was cut at a comma: it goes with the neighbour that it is nearer to, unless both are far. What
# is asked or exclaimed is heard as such and stands alone.
SHORT_SENTENCE_WORDS = 3
FAR_S = 0.8
# A piece of such a sentence is at least this long where that is possible.
SHORTEST_PIECE_S = 3.0


@dataclass(frozen=True)
class Units:
    """What clips are made of: n units in order of time, each a sentence or a shot. A clip is a run of units.

    A clip of the units i to j covers [start_s[i], end_s[j]). Unit i holds the words first_word[i] to
    last_word[i] - 1 (none in a silent shot). `clean_start` and `clean_end` are False where a boundary is not a
    sentence's or a shot's own, but the best that could be had. `sure_start` and `sure_end` are how sure it is
    that they are one's own, 0 to 1. Both times rise with i.
    """

    start_s: Floats
    end_s: Floats
    first_word: Ints
    last_word: Ints
    clean_start: Bools
    clean_end: Bools
    sure_start: Floats
    sure_end: Floats

    def __len__(self) -> int:
        return len(self.start_s)


def sentence_units(timeline: Timeline, max_s: float) -> Units:
    """A unit a sentence, with those after it that follow without a pause.

    A unit longer than any clip, or than anybody speaks a sentence, is divided: at sentence ends if there are any, else
    at its longest pauses.
    """
    words = timeline.words
    gaps = _gaps(words)
    ends = [i for i in _apart(words, gaps) if gaps[i] >= CLEAR_PAUSE_S]
    pieces: list[tuple[int, int]] = []
    # By the word after it.
    sure = {i: word.end_sure for i, word in enumerate(words, 1) if word.ends_sentence} | {0: 1.0, len(words): 1.0}
    limit_s = min(LONGEST_SENTENCE_S, max_s)
    for first, last in _runs(ends, len(words)):
        pieces.extend(_divided(words, gaps, first, last, limit_s))

    air = _Air(timeline)
    return Units(
        start_s=np.array([air.start_s(first) for first, _ in pieces], dtype=np.float64),
        end_s=np.array([air.end_s(last - 1) for _, last in pieces], dtype=np.float64),
        first_word=np.array([first for first, _ in pieces], dtype=np.int64),
        last_word=np.array([last for _, last in pieces], dtype=np.int64),
        clean_start=np.array([first in sure for first, _ in pieces], dtype=np.bool_),
        clean_end=np.array([last in sure for _, last in pieces], dtype=np.bool_),
        sure_start=np.array([sure.get(first, 0.0) for first, _ in pieces], dtype=np.float64),
        sure_end=np.array([sure.get(last, 0.0) for _, last in pieces], dtype=np.float64),
    )


def shot_units(timeline: Timeline, min_s: float, max_s: float) -> Units:
    """A unit a shot; a shot longer than `max_s` is divided in steps of `min_s`. No boundary lies inside a word."""
    shots = timeline.shots or (Shot(0.0, timeline.duration_s, 0.0, 0.0),)
    cuts = {shots[0].start_s: True, shots[-1].end_s: True}
    for shot in shots:
        cuts[shot.start_s] = True
        if shot.duration_s > max_s:
            # A hair longer than min_s, so that rounding never makes a piece too short.
            step_s = max(min_s, 1.0) + 1e-6
            for k in range(1, int(shot.duration_s / step_s) + 1):
                cuts.setdefault(shot.start_s + k * step_s, False)
    starts_s = np.array([word.start_s for word in timeline.words])
    ends_s = np.maximum.accumulate(np.array([word.end_s for word in timeline.words])) if timeline.words else starts_s
    times: list[float] = []
    for time_s in sorted(cuts):
        begun = int(np.searchsorted(starts_s, time_s, side="left"))
        if begun == 0 or ends_s[begun - 1] <= time_s:
            times.append(time_s)
    edges = np.array(times, dtype=np.float64)
    clean = np.array([cuts[time_s] for time_s in times], dtype=np.bool_)
    at_word = np.searchsorted(starts_s, edges, side="left").astype(np.int64)
    sure = clean.astype(np.float64)
    return Units(edges[:-1], edges[1:], at_word[:-1], at_word[1:], clean[:-1], clean[1:], sure[:-1], sure[1:])


class _Air:
    """Places a boundary in the pause beside a word, at a cut of the picture where one falls into it.

    A cut between the boundary and the word would show a flash of another shot, so the boundary moves to the cut.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._starts_s = [word.start_s for word in timeline.words]
        # Where words overlap, one is over when all before it are.
        self._ends_s = list(accumulate((word.end_s for word in timeline.words), max))
        self._duration_s = timeline.duration_s
        self._cuts_s = np.array([shot.start_s for shot in timeline.shots[1:]], dtype=np.float64)

    def start_s(self, word: int) -> float:
        at_s = self._starts_s[word]
        wish_s = max(at_s - AIR_BEFORE_S, self._middle_s(word))
        cut = int(np.searchsorted(self._cuts_s, at_s, side="right")) - 1
        return max(wish_s, float(self._cuts_s[cut])) if cut >= 0 else wish_s

    def end_s(self, word: int) -> float:
        at_s = self._ends_s[word]
        wish_s = min(at_s + AIR_AFTER_S, self._middle_s(word + 1))
        cut = int(np.searchsorted(self._cuts_s, at_s, side="left"))
        return min(wish_s, float(self._cuts_s[cut])) if cut < len(self._cuts_s) else wish_s

    def _middle_s(self, word: int) -> float:
        """The middle of the pause before a word; the video's edges for the first word and after the last."""
        if word == 0:
            return 0.0
        if word == len(self._starts_s):
            return self._duration_s
        return (self._ends_s[word - 1] + self._starts_s[word]) / 2


def _gaps(words: Sequence[Word]) -> Floats:
    """The pause after each word but the last, in seconds; negative where words overlap: no boundary can lie there."""
    if len(words) < 2:
        return np.zeros(0)
    ends_s = np.maximum.accumulate(np.array([word.end_s for word in words]))
    # A word that ends within an earlier, longer one has no pause of its own.
    return np.array([word.start_s for word in words[1:]]) - ends_s[:-1]


def _apart(words: Sequence[Word], gaps: Floats) -> list[int]:
    """The last words of sentences that no short sentence clings across."""
    ends = [i for i, word in enumerate(words[:-1]) if word.ends_sentence]
    # Nothing lies before the first sentence and after the last one.
    pauses_s = [np.inf, *gaps[ends].tolist(), np.inf]
    clung = set[int]()
    for k, (first, last) in enumerate(_runs(ends, len(words))):
        near = k if pauses_s[k] <= pauses_s[k + 1] else k + 1
        is_short = last - first <= SHORT_SENTENCE_WORDS and not words[last - 1].text.endswith(("?", "!"))
        if is_short and pauses_s[near] < FAR_S:
            clung.add(near - 1)
    return [end for k, end in enumerate(ends) if k not in clung]


def _runs(ends: Iterable[int], count: int) -> list[tuple[int, int]]:
    """Half-open runs of words that end after each of `ends` and at `count`."""
    edges = [0, *(end + 1 for end in ends), count]
    return [(a, b) for a, b in pairwise(edges) if a < b]


def _divided(words: Sequence[Word], gaps: Floats, first: int, last: int, limit_s: float) -> list[tuple[int, int]]:
    """Half-open runs of words of at most `limit_s`, cut at the longest pauses; longer where words leave no room."""
    pieces: list[tuple[int, int]] = []
    open_runs = [(first, last)]
    while open_runs:
        a, b = open_runs.pop()
        if b - a < 2 or words[b - 1].end_s - words[a].start_s <= limit_s:
            pieces.append((a, b))
            continue
        inner = gaps[a : b - 1]
        end_s = np.array([words[i].end_s for i in range(a, b)])
        shortest = np.minimum(end_s[:-1] - words[a].start_s, words[b - 1].end_s - end_s[:-1])
        amid = np.array([not word.ends_sentence for word in words[a : b - 1]])
        # A sentence end, else the longest pause; of equal ones that nearest to the middle; none that leaves a scrap,
        # if there are others.
        order = np.lexsort((-shortest, -inner, amid, shortest < SHORTEST_PIECE_S, inner < 0))
        best = int(order[0])
        if inner[best] < 0:
            pieces.append((a, b))
            continue
        open_runs += [(a + best + 1, b), (a, a + best + 1)]
    return pieces
