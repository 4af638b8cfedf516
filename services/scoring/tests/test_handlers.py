"""A scoring task through the worker: blobs in, a blob of clips and an event out."""

import time
from dataclasses import dataclass, field

from clipmill_scoring.service import build
from clipmill_scoring.settings import ScoringSettings
from scoring_talks import talk

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Phrase, SoundEvent, Word
from clipmill.clips.v1.clips_pb2 import ClipsScored, Genre, Masking, ScoredClips, ScoringTask
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.media.v1.media_pb2 import MediaInfo
from clipmill.vision.v1.vision_pb2 import Shot, TextAreas, VisionAnalysis
from clipmill.work.v1.work_pb2 import STAGE_SCORING, Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.events import Event
from clipmill_shared.platform import Platform


@dataclass
class RecordingBus:
    published: list[Event] = field(default_factory=list)

    async def publish(self, *events: Event) -> None:
        self.published.extend(events)


async def scored(tmp_path, task: ScoringTask, blobs: Blobs, settings: ScoringSettings | None = None) -> ClipsScored:
    platform = Platform(RecordingBus(), blobs, "", tmp_path, "test")  # type: ignore[arg-type]
    service = build(settings or ScoringSettings(), platform)
    task.task.lease_until.FromSeconds(int(time.time()) + 60)
    try:
        (result,) = await service.subscriptions[0].handler(Event(topics.SCORING_TASKS, task, "e", "ann", "/test"))
    finally:
        await service.stop()
    assert result.topic is topics.CLIPS_SCORED, result.message
    return result.message


LINES = ("Why is it so slow?", "I asked, and she said you never know.", "It stopped in the end.")


async def task_of(blobs: Blobs, lines: tuple[str, ...] = LINES, **ask) -> ScoringTask:
    told = talk(*lines)
    words = [Word(text=w.text, start_s=w.start_s, end_s=w.end_s, ends_sentence=w.ends_sentence) for w in told.words]
    end_s = told.duration_s
    shots = [Shot(range=TimeRange(start_s=0, end_s=end_s), sharpness=100, text_areas=TextAreas(share=0))]
    sounds = [SoundEvent(kind=SoundEvent.KIND_MUSIC, range=TimeRange(start_s=0, end_s=7))]
    phrases = [
        Phrase(range=TimeRange(start_s=t, end_s=t + 2.5), words_per_s=2 + t / 9, pitch_low_hz=90, pitch_high_hz=140 + t)
        for t in range(0, int(end_s), 3)
    ]
    return ScoringTask(
        task=Task(owner_id="ann", job_id="j", task_id="t", stage=STAGE_SCORING, attempt=1),
        video_id="v",
        info=MediaInfo(duration_s=end_s),
        audio=[
            await blobs.put_message("ann", AudioAnalysis(language="en", words=words, events=sounds, phrases=phrases))
        ],
        vision=[await blobs.put_message("ann", VisionAnalysis(shots=shots))],
        **ask,
    )


async def test_a_task_is_answered_with_ranked_clips_and_a_blob_that_explains_them(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")

    result = await scored(tmp_path, await task_of(blobs, clips=2, min_s=2, max_s=6), blobs)

    explained = await blobs.get_message(result.scored, ScoredClips)
    assert [head.rank for head in result.clips] == [1, 2]
    assert [clip.head for clip in explained.clips] == list(result.clips)
    for clip in explained.clips:
        score = clip.base
        for feature in clip.features:
            score += feature.added
        assert clip.head.score == score
        assert all(feature.unit and feature.version for feature in clip.features)
        assert clip.reason.endswith(".")
    assert not result.shortages
    assert not result.answer.warnings


async def test_clips_that_say_the_same_in_other_words_are_not_chosen_twice_and_the_model_is_named(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    lines = (
        "Most people think that talent is what makes the difference between winning and losing in the end.",
        "I asked my boss, and she said that nobody in this building has ever answered the red telephone.",
        "Most people believe that it is talent that makes the difference between winning and losing in the end.",
        "Well, most people think it is just talent that makes the difference between winning and losing in the end.",
    )

    result = await scored(tmp_path, await task_of(blobs, lines, clips=4, min_s=5, max_s=9), blobs)

    explained = await blobs.get_message(result.scored, ScoredClips)
    assert sum("talent" in clip.text for clip in explained.clips) == 1
    assert [model.task for model in result.answer.models] == ["scoring", "sentences"]
    assert [shortage.code for shortage in result.shortages] == ["NO_ROOM_WITHOUT_REPEATS"]


async def test_a_genre_moves_the_score_and_nothing_else(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")

    async def scores(genre):
        result = await scored(tmp_path, await task_of(blobs, clips=1, min_s=9, max_s=60, genre=genre), blobs)
        (clip,) = (await blobs.get_message(result.scored, ScoredClips)).clips
        return clip.head.score, [(feature.name, feature.value) for feature in clip.features]

    plain, values = await scores(Genre.GENRE_UNSPECIFIED)
    funny, same = await scores(Genre.GENRE_COMEDY)

    assert plain != funny
    assert values == same


async def test_no_clip_is_a_result_with_its_reason(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")

    result = await scored(tmp_path, await task_of(blobs, clips=1, min_s=50, max_s=60), blobs)

    assert not result.clips
    assert [(s.code, s.remedy) for s in result.shortages] == [("VIDEO_TOO_SHORT", "--min 10")]


async def test_the_same_task_is_answered_from_the_cache_with_the_same_result(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    task = await task_of(blobs, clips=2, min_s=2, max_s=6)

    first = await scored(tmp_path, task, blobs)
    task.task.task_id = "another"
    second = await scored(tmp_path, task, blobs)

    assert second.answer.cached
    assert (first.scored, first.clips) == (second.scored, second.clips)


async def test_coarse_words_are_covered_where_it_is_asked_for_and_are_no_keywords(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "blobs", tmp_path / "scratch")
    lines = ("Why is this damn shit so slow?", "That shit never works, and Anna said so.", "Shit and Anna again.")
    task = await task_of(blobs, lines, clips=1, min_s=2, max_s=20, masking=Masking.MASKING_TEXT)

    result = await scored(tmp_path, task, blobs)

    (clip,) = (await blobs.get_message(result.scored, ScoredClips)).clips
    shown = " ".join((clip.head.title, clip.text, *clip.keywords, *clip.hashtags)).casefold()
    assert "shit" not in shown and "s***" in shown
    assert list(clip.keywords) == ["Anna"] and list(clip.hashtags) == ["#Anna"]
