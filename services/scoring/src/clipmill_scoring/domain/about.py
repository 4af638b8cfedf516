"""Which moments are about what was asked for: by what is said, and by what was described of the pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from clipmill_scoring.domain.boundaries import Units
from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.meaning import Embed
from clipmill_scoring.domain.timeline import Floats, Timeline

# A candidate is about it when it is at least half as near as the nearest one.
SHARE_OF_NEAREST = 0.5
# Nothing is about it where the nearest is no nearer than this: what has nothing to do with a request came to .05 and
# less, what was about it to .16 and more, in passages of four sentences on four subjects.
NEAREST_AT_LEAST = 0.1
# What a picture shows is about it from here on: of 7 descriptions and 12 requests, none of another subject came to more
# than .15, what was meant to .21 and more. So long must a candidate show it.
SEEN_AT_LEAST, SHOWN_S = 0.2, 2.0
BLOCK_ROWS = 4096


def nearness(timeline: Timeline, units: Units, these: Candidates, request: str, embed: Embed) -> Floats:
    """For each candidate, how near what it says or shows is to the request: -1 to 1, NaN where nothing is known."""
    return np.fmax(likeness(timeline, units, these, request, embed), seen_likeness(timeline, these, request, embed))


def likeness(timeline: Timeline, units: Units, these: Candidates, request: str, embed: Embed) -> Floats:
    """For each candidate, the cosine between the request and all that it says: -1 to 1, NaN where nothing is said.

    What a candidate says is the sum of its sentences' vectors, each weighted by its words.
    """
    words = timeline.words
    ends = [k + 1 for k, word in enumerate(words) if word.ends_sentence]
    cuts = np.unique(np.array([0, *ends, *units.first_word.tolist(), len(words)], dtype=np.int64))
    texts = [" ".join(word.text for word in words[a:b]) for a, b in pairwise(cuts.tolist())]
    asked, *said = embed([request, *texts])
    if not said:
        return np.full(len(these), np.nan)
    running = np.cumsum(np.vstack((np.zeros_like(asked), np.array(said) * np.diff(cuts)[:, None])), axis=0)
    first = np.searchsorted(cuts, units.first_word[these.first])
    last = np.searchsorted(cuts, units.last_word[these.last])
    near = np.full(len(these), np.nan)
    for top in range(0, len(these), BLOCK_ROWS):
        block = slice(top, top + BLOCK_ROWS)
        whole = running[last[block]] - running[first[block]]
        length = np.linalg.norm(whole, axis=1)
        near[block] = (whole @ asked) / np.where(length > 0, length, np.nan)
    return near


def seen_likeness(timeline: Timeline, these: Candidates, request: str, embed: Embed) -> Floats:
    """For each candidate the cosine between the request and the description of a shot that it shows, the nearest one's;
    NaN where none comes to SEEN_AT_LEAST."""
    shots = [shot for shot in timeline.shots if shot.text]
    near = np.full(len(these), np.nan)
    if not shots:
        return near
    asked, *seen = embed([request, *(shot.text for shot in shots)])
    for shot, cosine in zip(shots, np.array(seen) @ asked, strict=True):
        if cosine >= SEEN_AT_LEAST:
            shown_s = np.minimum(these.end_s, shot.end_s) - np.maximum(these.start_s, shot.start_s)
            is_shown = shown_s >= min(SHOWN_S, shot.duration_s)
            near[is_shown] = np.fmax(near[is_shown], cosine)
    return near


def threshold(near: Floats) -> float:
    """What a candidate's likeness must be at least; infinite where nothing is about it."""
    nearest = float(np.nanmax(near, initial=-1.0))
    return nearest * SHARE_OF_NEAREST if nearest >= NEAREST_AT_LEAST else float("inf")
