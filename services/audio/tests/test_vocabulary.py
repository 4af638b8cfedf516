"""Names of a vocabulary, written as given."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_audio.domain.timed import HeardWord, Span
from clipmill_audio.domain.vocabulary import terms, with_names
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached
from clipmill_audio.models.sphinx import Aligner

from clipmill_shared.compute import Children

from .sound_files import write_flac

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"
NAMES = ("Clipmill", "Nairobi", "Kubernetes", "Grafana", "Raskolnikov", "Bjorn Borg", "Oaxaca", "Ng")


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    return Aligner()


def mended(aligner: Aligner, text: str) -> str:
    words = [HeardWord(n, n + 0.5, word) for n, word in enumerate(text.split())]
    found = with_names(words, terms(NAMES, aligner.sounds), aligner.sounds, aligner.knows)
    edges = [0.0, *(edge for word in found for edge in (word.start_s, word.end_s)), len(words)]
    assert edges == sorted(edges)
    return " ".join(word.text for word in found)


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("We made clip mill, in a week.", "We made Clipmill, in a week."),
        ("What I like about grafana's plots.", "What I like about Grafana's plots."),
        ("I first heard of Rascal Nekov from a friend.", "I first heard of Raskolnikov from a friend."),
        ("What I like about Oksaka is that", "What I like about Oaxaca is that"),
        ("about Bjornborg is", "about Bjorn Borg is"),
        ("You should talk to Kubernetes about that.", "You should talk to Kubernetes about that."),
    ],
)
def test_what_sounds_like_a_name_is_written_so(aligner: Aligner, heard: str, written: str) -> None:
    assert mended(aligner, heard) == written


@pytest.mark.parametrize(
    "said",
    [
        "The clip of the mill was nice.",
        "We clip, mill and grind.",
        "Robots, 10 -- or an hour ago -- were there.",
        "Nobody sings.",
        "",
    ],
)
def test_other_words_stay(aligner: Aligner, said: str) -> None:
    assert mended(aligner, said) == said


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_in_the_sample_is_written_as_given_and_nothing_else_changes(
    children: Children, tmp_path: Path
) -> None:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
    with av.open(str(SAMPLE)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])[: 12 * 16_000]
    speech = write_flac(tmp_path / "a.flac", pcm)

    async def words(*names: str) -> str:
        heard = await children.run(Part(speech, Span(0, 12), [Reached(MOONSHINE)], vocabulary=names))
        assert isinstance(heard, Heard)
        return " ".join(word.text for word in heard.analysis.words)

    plain = await words()
    assert "supermarket" in plain
    assert await words("SuperMarket", *NAMES) == re.sub("supermarket", "SuperMarket", plain)
