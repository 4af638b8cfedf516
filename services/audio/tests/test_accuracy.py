"""What is heard of the sample, against its truth: the margins are those that a change may cost, no more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import av
import jiwer
import numpy as np
import pytest
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import MOONSHINE
from clipmill_audio.exchange import Heard, Part, Reached

from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill.sound_events import joined
from clipmill_shared.compute import Children

from .sound_files import RATE_HZ, write_flac

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower().replace("-", " ")))


async def test_the_sample_s_words_their_times_and_its_silence(children: Children, tmp_path: Path) -> None:
    truth = json.loads(SAMPLE.with_suffix(".truth.json").read_text())
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(SAMPLE)) as container:
        frames = [out.to_ndarray()[0] for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    pcm = np.concatenate(frames)
    speech = write_flac(tmp_path / "a.flac", pcm)
    heard = await children.run(Part(speech, Span(0, len(pcm) / RATE_HZ), [Reached(MOONSHINE)]))
    assert isinstance(heard, Heard)
    analysis = heard.analysis

    # Measured 4.7 %.
    words = plain(" ".join(word.text for word in analysis.words))
    assert jiwer.wer(plain(" ".join(word["text"] for word in truth["words"])), words) <= 0.065

    # Measured: median 51 ms, 90 % within 87.
    starts = np.array([word["start_s"] for word in truth["words"]])
    off_s = [float(np.abs(starts - word.start_s).min()) for word in analysis.words]
    assert np.median(off_s) <= 0.065 and np.quantile(off_s, 0.9) <= 0.12

    (silence,) = [event for event in joined(analysis.events) if event.kind == SoundEvent.KIND_SILENCE]
    (true,) = [event for event in truth["events"] if event["kind"] == "silence"]
    assert (silence.range.start_s, silence.range.end_s) == (
        pytest.approx(true["start_s"], abs=0.25),
        pytest.approx(true["end_s"], abs=0.25),
    )
    # Applause is no music.
    assert all(event.kind == SoundEvent.KIND_SILENCE for event in analysis.events)
