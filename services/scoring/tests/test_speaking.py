"""Who speaks when, in the stage's result: a blob of the video, turns in each clip, a warning where it is doubtful."""

from __future__ import annotations

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization
from clipmill.clips.v1.clips_pb2 import ScoredClips
from clipmill_shared.blobs import Blobs

from .test_diarization import talk
from .test_handlers import scored, task_of


async def result_of(tmp_path, speakers: int, *order: int):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    task = await task_of(blobs, clips=2, min_s=2, max_s=6, speakers=speakers)
    part = await blobs.get_message(task.audio[0], AudioAnalysis)
    part.voices.extend(talk(*order).voices)
    task.audio[0].CopyFrom(await blobs.put_message("ann", part))
    return blobs, await scored(tmp_path, task, blobs)


async def test_the_result_refers_to_who_speaks_and_each_clip_has_its_turns(tmp_path):
    blobs, result = await result_of(tmp_path, 0, 0, 1, 0, 1)

    diarization = await blobs.get_message(result.diarization, Diarization)
    assert (diarization.speakers, diarization.speakers_given, diarization.doubt) == (2, False, "")
    assert [turn.speaker for turn in diarization.turns] == [1, 2, 1, 2]
    for clip in (await blobs.get_message(result.scored, ScoredClips)).clips:
        span = clip.head.range
        assert clip.turns
        assert all(turn.range.start_s < span.end_s and turn.range.end_s > span.start_s for turn in clip.turns)
    assert "speakers through the video" in [model.task for model in result.answer.models]
    assert not result.answer.warnings


async def test_what_is_doubtful_is_a_warning(tmp_path):
    blobs, result = await result_of(tmp_path, 2, 0, 1)

    assert (await blobs.get_message(result.diarization, Diarization)).speakers_given
    assert [warning.code for warning in result.answer.warnings] == ["SPEAKERS_UNCERTAIN"]


async def test_where_no_voices_were_told_apart_there_is_nothing_of_it(tmp_path):
    blobs, result = await result_of(tmp_path, 0)

    assert not result.HasField("diarization")
    assert not any(clip.turns for clip in (await blobs.get_message(result.scored, ScoredClips)).clips)
