"""Who speaks when in a whole video: which of the voices that were heard in stretches of seconds are the same person.

Average linkage over cosine distances of the voices' embeddings; two of one stretch are two people and keep apart.
Distances measured: of one person .2 to .45 (telephone, synthetic voices), of two .6 to 1. How far a voice is from its
own speaker's others against the next speaker's, its silhouette (Rousseeuw, 1987), says how sure that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, LocalVoice
from clipmill_scoring.domain.spans import merged

SAME_PERSON = 0.55
# What two strangers are apart: the silhouette of the only speaker.
STRANGERS = 1.0
# Of one stretch: further than any.
KEPT_APART = 2.0
# Mean over seconds of speech, below which nothing is to rest on it: two telephone speakers come to .45 to .56,
# synthetic voices to .72, meetings about one far microphone to .07 to .27.
SURE = 0.35
# Who says less in a whole video is noise, or a laugh.
SHORTEST_SPEAKER_S = 1.0
# Linkage takes 8 bytes for each pair, so it takes the voices of some six hours; beyond, those that speak the least
# alone join the nearest speaker.
MOST_LINKED = 4000
# A pause within one speaker's turn.
SHORTEST_PAUSE_S = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SpokenTurn:
    """`speaker` counts from 1, in the order in which they are first heard; `confidence` 0 to 1."""

    speaker: int
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Diarized:
    """Turns in order of their start; two overlap where two speak at once. `doubt`: why nothing is to rest on it, as a
    clause; empty when it is certain.
    """

    turns: tuple[SpokenTurn, ...]
    speakers: int
    overlaps: tuple[tuple[float, float], ...]
    confidence: float
    doubt: str


def diarize(parts: Sequence[AudioAnalysis], speakers: int = 0) -> Diarized | None:
    """Who speaks when, from the analyses of a video's parts in order; None where no voices were told apart.

    `speakers` is how many there are, 0 to find out.
    """
    voices = [voice for part in parts for voice in part.voices]
    if not voices:
        return None
    # Two parts count their stretches each from 0.
    stretches = np.array([(number, voice.stretch) for number, part in enumerate(parts) for voice in part.voices])
    embeddings = np.array([voice.embedding for voice in voices], dtype=np.float64)
    alone_s = np.array([voice.alone_s for voice in voices])
    seconds = np.array([sum(span.end_s - span.start_s for span in voice.ranges) for voice in voices])
    labels = _labels(embeddings, stretches, alone_s, seconds, speakers)
    sure = _silhouettes(embeddings, labels)
    confidence = float(np.average(sure, weights=seconds))
    turns = _turns(voices, _by_first_heard(voices, labels), sure)
    doubt = "" if confidence >= SURE else f"the voices are alike, few or mixed (confidence {confidence:.2f})"
    return Diarized(turns, len(set(labels.tolist())), _overlaps(turns), confidence, doubt)


def _labels(
    embeddings: Floats, stretches: NDArray[np.int64], alone_s: Floats, seconds: Floats, speakers: int
) -> NDArray[np.int64]:
    """A speaker for each voice, counted from 0 in no order."""
    # A voice that is never alone sounds like a mixture: it joins a speaker, and makes none.
    linked = np.argsort(-alone_s, kind="stable")[:MOST_LINKED]
    if alone_s.any():
        linked = linked[alone_s[linked] > 0]
    found = _linked(embeddings[linked], stretches[linked], speakers)
    totals = np.bincount(found, weights=seconds[linked])
    kept = [each for each in range(len(totals)) if totals[each] >= SHORTEST_SPEAKER_S] or [int(totals.argmax())]
    if speakers:
        kept = list(range(len(totals)))
    centres = np.array([embeddings[linked][found == each].mean(axis=0) for each in kept])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    labels = (embeddings @ centres.T).argmax(axis=1)
    for voice, each in zip(linked, found, strict=True):
        if each in kept:
            labels[voice] = kept.index(int(each))
    return np.asarray(labels, dtype=np.int64)


def _linked(embeddings: Floats, stretches: NDArray[np.int64], speakers: int) -> NDArray[np.int64]:
    # Late: not every video's voices are told apart.
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]

    if len(embeddings) == 1:
        return np.zeros(1, np.int64)
    distances = np.maximum(1 - embeddings @ embeddings.T, 0)
    numbers = np.unique(stretches, axis=0, return_inverse=True)[1].reshape(-1)
    distances[numbers[:, None] == numbers] = KEPT_APART
    tree = linkage(distances[np.triu_indices(len(distances), 1)], "average")
    found = fcluster(tree, speakers, "maxclust") if speakers else fcluster(tree, SAME_PERSON, "distance")
    return np.asarray(found, dtype=np.int64) - 1


def _silhouettes(embeddings: Floats, labels: NDArray[np.int64]) -> Floats:
    """How sure each voice's speaker is, 0 to 1; 0 for the only voice of its speaker."""
    count = int(labels.max()) + 1
    sums = np.array([embeddings[labels == each].sum(axis=0) for each in range(count)])
    sizes = np.bincount(labels, minlength=count)
    # The mean distance to a speaker's voices is that to their mean, as they all have length 1.
    apart = 1 - embeddings @ (sums / np.maximum(sizes, 1)[:, None]).T
    rows = np.arange(len(labels))
    own_size = sizes[labels]
    own = apart[rows, labels] * own_size / np.maximum(own_size - 1, 1)
    apart[rows, labels] = np.inf
    other = np.minimum(apart.min(axis=1), STRANGERS)
    sure = (other - own) / np.maximum(np.maximum(other, own), 1e-9)
    return np.where(own_size > 1, np.clip(sure, 0.0, 1.0), 0.0)


def _by_first_heard(voices: Sequence[LocalVoice], labels: NDArray[np.int64]) -> list[int]:
    order: dict[int, int] = {}
    starts_s = [min(span.start_s for span in voice.ranges) for voice in voices]
    for number in np.argsort(starts_s, kind="stable"):
        order.setdefault(int(labels[number]), len(order) + 1)
    return [order[int(label)] for label in labels]


def _turns(voices: Sequence[LocalVoice], speakers: Sequence[int], sure: Floats) -> tuple[SpokenTurn, ...]:
    pieces = sorted(
        (
            SpokenTurn(speaker, span.start_s, span.end_s, float(confidence))
            for voice, speaker, confidence in zip(voices, speakers, sure, strict=True)
            for span in voice.ranges
        ),
        key=lambda turn: (turn.speaker, turn.start_s),
    )
    turns: list[SpokenTurn] = []
    for piece in pieces:
        before = turns[-1] if turns else None
        if before and before.speaker == piece.speaker and piece.start_s - before.end_s < SHORTEST_PAUSE_S:
            end_s = max(before.end_s, piece.end_s)
            turns[-1] = SpokenTurn(piece.speaker, before.start_s, end_s, min(before.confidence, piece.confidence))
        else:
            turns.append(piece)
    return tuple(sorted(turns, key=lambda turn: (turn.start_s, turn.speaker)))


def _overlaps(turns: Sequence[SpokenTurn]) -> tuple[tuple[float, float], ...]:
    """Where two speak at once; `turns` in order of their start."""
    found: list[tuple[float, float]] = []
    until_s = -np.inf
    for turn in turns:
        if turn.start_s < until_s:
            found.append((turn.start_s, min(turn.end_s, until_s)))
        until_s = max(until_s, turn.end_s)
    return merged(found)
