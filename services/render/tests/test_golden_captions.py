"""The caption files of one short talk, whole: a change of them is seen. `CLIPMILL_GOLDEN=write` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clipmill_render.captioning import Scenery, burn, spoken, write_subtitles
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.placing import ShownFace
from clipmill_render.editing import kept_of
from clipmill_render.exchange import Request

from clipmill.audio.v1 import audio_pb2 as audio
from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange

GOLDEN = Path(__file__).parent / "golden"
SAID = "Why, um, does the other line always move faster? Bullshit, she said. مرحبا بكم 今日は。"


@pytest.mark.parametrize("suffix", ["srt", "vtt", "ass"])
def test_caption_files_are_as_they_were(suffix: str, tmp_path: Path):
    texts = SAID.split()
    words = [
        audio.Word(text=text, start_s=10 + 0.4 * n, end_s=10.35 + 0.4 * n, ends_sentence=text[-1] in "?.。")
        for n, text in enumerate(texts)
    ]
    turns = [
        audio.SpeakerTurn(speaker=1, range=TimeRange(start_s=10, end_s=13.8)),
        audio.SpeakerTurn(speaker=2, range=TimeRange(start_s=13.8, end_s=20)),
    ]
    task = clips.RenderTask(
        clip=clips.ClipHead(clip_id="c", range=TimeRange(start_s=10, end_s=16.4)),
        captions=clips.CAPTION_STYLE_KARAOKE,
        finish=clips.Finish(
            look=clips.CaptionLook(name="bold", keyword_colour="#ffb000"),
            masking=clips.MASKING_TEXT,
            cut_fillers=True,
        ),
    )
    request = Request(
        Path("source.mp4"), tmp_path, task, (audio.AudioAnalysis(words=words, language="en"),), (), 1,
        diarization=audio.Diarization(turns=turns, speakers=2), keywords=("other line",),
    )  # fmt: skip
    kept = kept_of(request)
    told = spoken(request, kept.words)
    layout = layout_for(clips.ASPECT_9_16, PROFILE_FAST, 1280, 720)
    length_s = kept.timeline.duration_s
    # In the second shot a face is where captions usually stand.
    face = [ShownFace(t / 2, 200, 700, 500, 1000) for t in range(6, 12)]
    notes = burn(task, told, Scenery(layout, [Shot(0, 3), Shot(3, length_s)], face, length_s), tmp_path).notes
    made = {path.suffix[1:]: path for path in write_subtitles(told, length_s, tmp_path)}[suffix]
    golden = GOLDEN / f"captions.{suffix}"
    if os.environ.get("CLIPMILL_GOLDEN") == "write":
        golden.write_bytes(made.read_bytes())
    assert notes == []
    assert made.read_text("utf-8") == golden.read_text("utf-8")
