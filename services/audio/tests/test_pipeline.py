"""Windows, utterances, seams and the video's clock together, with models that hear made-up speech without error.

A word of this speech is a level that lasts WORD_S; its text is the level. Any sound but zero is speech.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Part, Reached
from clipmill_audio.models.moonshine import Transcriber
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.models.sphinx import Aligner
from clipmill_audio.work import Models, hear_with
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from .sound_files import RATE_HZ, write_flac

WORD_S = 0.3
BETWEEN_S = 0.1
NOISE = 5
SPOKEN = 1000


class FakeActivity(VoiceActivity):
    def __init__(self) -> None: ...

    def begin(self) -> None: ...

    def probabilities(self, samples: NDArray[np.float32]) -> list[float]:
        return [0.9 if step.any() else 0.0 for step in samples.reshape(-1, STEP)]


def runs(samples: NDArray[np.int16]) -> list[tuple[str, Span]]:
    """The words, whole or torn, in a stretch of the speech."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], samples, [0])).astype(int)))
    return [
        (str(samples[start]), Span(start / RATE_HZ, stop / RATE_HZ))
        for start, stop in itertools.pairwise(edges)
        if samples[start] >= SPOKEN
    ]


class FakeTranscriber(Transcriber):
    def __init__(self) -> None: ...

    def text(self, samples: NDArray[np.float32]) -> str:
        words = runs(np.round(samples * 32768).astype(np.int16))
        return " ".join(text if span.length_s > 0.9 * WORD_S else "uh" for text, span in words)


class FakeAligner(Aligner):
    def __init__(self) -> None: ...

    def knows(self, word: str) -> bool:
        return True

    def align(self, texts: Sequence[str], samples: NDArray[np.int16]) -> list[Span | None]:
        places = [span for _, span in runs(samples)]
        assert len(places) == len(texts)
        return list(places)


def spoken(words: int, first: int = 0) -> NDArray[np.int16]:
    """So many words without a pause, each of another level than its neighbours."""
    word, between = np.ones(round(WORD_S * RATE_HZ)), np.full(round(BETWEEN_S * RATE_HZ), NOISE)
    levels = [SPOKEN + 10 * (number % 97) for number in range(first, first + words)]
    return np.concatenate([piece for level in levels for piece in (level * word, between)]).astype(np.int16)


def silence(length_s: float) -> NDArray[np.int16]:
    return np.zeros(round(length_s * RATE_HZ), np.int16)


SPEECHES = {
    "with pauses": np.concatenate([np.concatenate([spoken(9, 9 * n), silence(0.6)]) for n in range(30)]),
    "with long pauses": np.concatenate([np.concatenate([spoken(40, 40 * n), silence(12)]) for n in range(6)]),
    "without a pause": spoken(500),
}


@pytest.mark.parametrize("name", SPEECHES)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 300.0), (20.05, 111.1)])
def test_every_word_comes_once_and_where_it_is_said(tmp_path: Path, name: str, start_s: float, end_s: float) -> None:
    path = write_flac(tmp_path / "speech.flac", SPEECHES[name])
    shares: list[float] = []
    heard = hear_with(
        Models(FakeActivity(), FakeAligner(), lambda reached, best: FakeTranscriber()),
        Part(path, Span(start_s, end_s), [Reached(MOONSHINE)]),
        shares.append,
    )
    inside = [
        (text, round(span.start_s, 2))
        for text, span in runs(SPEECHES[name])
        if start_s <= span.start_s and span.end_s <= end_s
    ]
    words = [(word.text, round(word.start_s, 2)) for word in heard.analysis.words if word.text != "uh"]
    assert words == inside
    # At the part's own edges a word may be torn, nowhere else.
    assert sum(word.text == "uh" for word in heard.analysis.words) <= 2
    assert shares == sorted(shares)
    assert all(0 < share <= 1 for share in shares)
    for word in heard.analysis.words:
        place = Span(word.start_s, word.end_s)
        assert sum(place.shared_s(Span(s.start_s, s.end_s)) for s in heard.analysis.speech) > 0.9 * place.length_s


@st.composite
def talks(draw: st.DrawFn) -> tuple[NDArray[np.int16], list[float]]:
    """A speech with pauses, and where it is cut: in the middle of some of them."""
    pieces, cuts, length, said = [silence(0.4)], [], round(0.4 * RATE_HZ), 0
    for _ in range(draw(st.integers(2, 6))):
        phrase = spoken(draw(st.integers(1, 60)), said)
        pause = silence(draw(st.floats(0.3, 3)))
        said += len(phrase)
        pieces += [phrase, pause]
        length += len(phrase) + len(pause)
        if draw(st.booleans()):
            cuts.append((length - len(pause) / 2) / RATE_HZ)
    return np.concatenate(pieces), cuts


def heard_in(path: Path, start_s: float, end_s: float) -> list[tuple[str, float, float]]:
    models = Models(FakeActivity(), FakeAligner(), lambda reached, best: FakeTranscriber())
    heard = hear_with(models, Part(path, Span(start_s, end_s), [Reached(MOONSHINE)]), lambda _: None)
    return [(word.text, round(word.start_s, 2), round(word.end_s, 2)) for word in heard.analysis.words]


@settings(max_examples=25, deadline=None)
@given(talks())
def test_parts_cut_at_any_silences_give_the_words_of_the_whole(talk: tuple[NDArray[np.int16], list[float]]) -> None:
    sound, cuts_s = talk
    edges_s = [0.0, *cuts_s, len(sound) / RATE_HZ]
    with tempfile.TemporaryDirectory() as folder:
        path = write_flac(Path(folder) / "speech.flac", sound)
        whole = heard_in(path, 0.0, edges_s[-1])
        parts = [word for span in itertools.pairwise(edges_s) for word in heard_in(path, *span)]
    assert parts == whole
    assert [text for text, _, _ in whole] == [text for text, _ in runs(sound)]
