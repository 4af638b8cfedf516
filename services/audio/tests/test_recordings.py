"""Accuracy on real recordings, where they are at hand: they are not part of this repository."""

from __future__ import annotations

import re
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill_shared.compute import Children

from .sound_files import RATE_HZ, write_flac

MEDIA = Path(__file__).resolve().parents[3].parent / "shared" / "media"
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.media,
    pytest.mark.skipif(not MEDIA.is_dir(), reason="the recordings of ../shared/media are not here"),
]

JFK = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


def pcm(name: str) -> np.ndarray:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(MEDIA / name)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


async def hear(children: Children, path: Path, start_s: float, end_s: float) -> AudioAnalysis:
    heard = await children.run(Part(path, Span(start_s, end_s), [Reached(MOONSHINE)]))
    assert isinstance(heard, Heard)
    return heard.analysis


async def hear_all(children: Children, tmp_path: Path, name: str) -> AudioAnalysis:
    samples = pcm(name)
    return await hear(children, write_flac(tmp_path / "speech.flac", samples), 0, len(samples) / RATE_HZ)


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower().replace("-", " ")))


def written(analysis: AudioAnalysis) -> str:
    return " ".join(word.text for word in analysis.words)


def truth() -> list[tuple[float, float, str]]:
    """The sample's turns: start and end in seconds, and what is said."""
    turns = [line.split(None, 5) for line in (MEDIA / "sample.stm").read_text().splitlines() if line.strip()]
    return [(float(start), float(end), text) for _, _, _, start, end, text in turns]


async def test_a_clear_speaker_is_understood(children: Children, tmp_path: Path) -> None:
    analysis = await hear_all(children, tmp_path, "jfk.flac")
    # Measured 0 %; 5 % is one word.
    assert jiwer.wer(plain(JFK), plain(written(analysis))) <= 0.05
    assert [word.text for word in analysis.words if word.ends_sentence][-1] == "country."


async def test_a_telephone_conversation_is_mostly_understood(children: Children, tmp_path: Path) -> None:
    analysis = await hear_all(children, tmp_path, "sample.wav")
    # Measured 14.8 %; with the engine's own segmentation 19.8 to 21 %.
    assert jiwer.wer(plain(" ".join(text for _, _, text in truth())), plain(written(analysis))) <= 0.20


async def test_words_are_found_where_they_are_said(children: Children, tmp_path: Path) -> None:
    analysis = await hear_all(children, tmp_path, "sample.wav")
    starts, ends = [w.start_s for w in analysis.words], [w.end_s for w in analysis.words]
    errors = [min(abs(start - at) for at in starts) for start, _, _ in truth()]
    errors += [min(abs(end - at) for at in ends) for _, end, _ in truth()]
    # Each edge of a turn against the nearest word's. Measured: median 91 ms, 90 % within 209 ms.
    assert float(np.median(errors)) <= 0.12
    assert float(np.quantile(errors, 0.9)) <= 0.25


async def test_words_are_in_order_and_apart_and_inside_the_part(children: Children, tmp_path: Path) -> None:
    path = write_flac(tmp_path / "speech.flac", pcm("sample.wav"))
    analysis = await hear(children, path, 8.2, 21.7)
    edges = [8.2, *(edge for word in analysis.words for edge in (word.start_s, word.end_s)), 21.7]
    assert len(analysis.words) > 20
    assert edges == sorted(edges)


async def test_a_part_is_heard_the_same_whatever_was_heard_before(children: Children, tmp_path: Path) -> None:
    path = write_flac(tmp_path / "speech.flac", pcm("sample.wav"))
    first = await hear(children, path, 5, 30)
    await hear(children, path, 0, 12)
    assert await hear(children, path, 5, 30) == first
