"""What was heard of an earlier video, on this one's clock: only where the sounds are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.timed import Span
from clipmill_audio.earlier import moved
from clipmill_audio.engines import Engines
from clipmill_audio.exchange import Earlier
from clipmill_audio.handlers import stage_work
from clipmill_audio.settings import AudioSettings

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask, LocalVoice, Phrase, SoundEvent, Word
from clipmill.common.v1.common_pb2 import BlobRef, TimeRange, Twin
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.media.v1.media_pb2 import MediaIngested, Recording
from clipmill.work.v1.work_pb2 import Answer, Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children, Report
from clipmill_shared.recordings import Recordings

from .sound_files import RATE_HZ, write_flac

SECONDS = 30
EARLIER = f"{1:032x}"


def sound(seed: int = 1) -> np.ndarray:
    """Noise that swells and fades."""
    random = np.random.default_rng(seed)
    swell = np.repeat(random.uniform(0.1, 1, SECONDS * 4), RATE_HZ // 4)
    return random.normal(0, 3000, SECONDS * RATE_HZ) * swell


def flac(path: Path, samples: np.ndarray) -> Path:
    return write_flac(path, np.clip(samples, -32768, 32767).astype(np.int16))


def span(start_s: float, end_s: float) -> TimeRange:
    return TimeRange(start_s=start_s, end_s=end_s)


def heard() -> AudioAnalysis:
    """Ten words, one each two seconds, in five phrases."""
    words = [Word(text=f"w{n}", start_s=2 * n + 1, end_s=2 * n + 1.5) for n in range(10)]
    return AudioAnalysis(
        part=span(0, SECONDS),
        language="en",
        words=words,
        speech=[span(0.5, 21)],
        phrases=[
            Phrase(range=span(words[n].start_s, words[n + 1].end_s), first_word=n, words=2, level_db=-1, pitch_hz=120)
            for n in range(0, 10, 2)
        ],
        voices=[LocalVoice(stretch=0, ranges=[span(0.5, 21)], alone_s=20.5, embedding=[1.0])],
        events=[SoundEvent(kind=SoundEvent.KIND_MUSIC, range=span(22, 29), confidence=0.9)],
    )


def asked(folder: Path, here: np.ndarray, offset_s: float) -> Earlier:
    other = flac(folder / "other.flac", sound())
    end_s = len(here) / RATE_HZ
    return Earlier(flac(folder / "speech.flac", here), Span(0, end_s), other, Span(0, SECONDS), offset_s, heard())


def test_times_are_moved_by_the_exact_offset(tmp_path: Path) -> None:
    cut = round(5.023 * RATE_HZ)

    found = moved(asked(tmp_path, sound()[cut:] * 0.3, -5.0))

    assert found is not None
    assert found.offset_s == pytest.approx(-cut / RATE_HZ, abs=1e-4)
    analysis = found.analysis
    assert [word.text for word in analysis.words] == [f"w{n}" for n in range(3, 10)]
    assert analysis.words[0].start_s == pytest.approx(7 - 5.023, abs=1e-3)
    # The phrase of w2 and w3 has lost a word.
    assert [(phrase.first_word, phrase.words) for phrase in analysis.phrases] == [(1, 2), (3, 2), (5, 2)]
    assert [event.range.start_s for event in analysis.events] == [pytest.approx(22 - 5.023, abs=1e-3)]
    assert analysis.voices[0].alone_s == pytest.approx(21 - 5.023, abs=1e-3)
    assert analysis.speech[0].start_s == 0


def test_levels_are_those_of_this_sound(tmp_path: Path) -> None:
    as_loud, quieter = (moved(asked(tmp_path, sound() * gain, 0.0)) for gain in (1.0, 0.1))

    assert as_loud is not None
    assert quieter is not None
    assert quieter.analysis.phrases[0].level_db == pytest.approx(as_loud.analysis.phrases[0].level_db - 20, abs=0.2)
    assert len(quieter.analysis.loudness.rms_db) == SECONDS * 10


@pytest.mark.parametrize(
    "other",
    [
        lambda: sound(2),
        # Some of it is the same.
        lambda: np.concatenate((sound()[: 12 * RATE_HZ], sound(2)[12 * RATE_HZ :])),
        # It runs away from the other.
        lambda: np.interp(np.arange(0, SECONDS * RATE_HZ, 1.004), np.arange(SECONDS * RATE_HZ), sound()),
        lambda: np.zeros(SECONDS * RATE_HZ),
    ],
    ids=["another", "half of it", "faster", "silence"],
)
def test_another_sound_has_nothing_of_it(tmp_path: Path, other) -> None:
    assert moved(asked(tmp_path, other(), 0.0)) is None


class HearingChildren(Children):
    """Compares as a child would, and refuses to hear."""

    def __init__(self) -> None:
        super().__init__("nowhere:nothing", slots=1)

    async def run(self, request: object, report: Report = lambda _: None) -> object:
        assert isinstance(request, Earlier)
        return moved(request)


async def shared(
    folder: Path,
    asr: str = "auto",
    warning: str = "LANGUAGE_ASSUMED",
    earlier_asr: str = "auto",
    *,
    corrected: bool = False,
):
    """A part of a re-encoded video, and what the stage makes of what is kept of the earlier one."""
    blobs = Blobs.in_folder(folder / "store", folder / "scratch")
    ingested = MediaIngested(
        video_id=EARLIER,
        speech=await blobs.put_file("ann", flac(folder / "other.flac", sound()), "audio/flac"),
        audio_parts=[span(0, SECONDS)],
    )
    await Recordings(blobs).keep("ann", Recording(ingested=ingested))
    if corrected:
        await Recordings(blobs).correct("ann", EARLIER)
    kept = AudioAnalyzed(
        answer=Answer(warnings=[Caution(code=warning)], compute_s=12),
        analysis=await blobs.put_message("ann", heard()),
        words=10,
        unknown_words=10,
        language="en",
        engine="moonshine",
    )
    questions: list[AudioTask] = []

    async def of(task: AudioTask) -> AudioAnalyzed | None:
        question = AudioTask()
        question.CopyFrom(task)
        questions.append(question)
        return kept if task.asr == earlier_asr else None

    task = AudioTask(
        task=Task(owner_id="ann", task_id="t"),
        speech=await blobs.put_file("ann", flac(folder / "speech.flac", sound()[5 * RATE_HZ :]), "audio/flac"),
        part=span(0, SECONDS - 5),
        language="en",
        asr=asr,
        vocabulary=["Clipmill"],
        video_id="v2",
        twin=Twin(video_id=EARLIER, name="talk.mp4", part=span(0, SECONDS), offset_s=-5.0),
    )
    share = stage_work(HearingChildren(), blobs, Engines(AudioSettings())).share
    assert share is not None
    return await share(task, of, lambda _: None), questions, ingested


async def test_the_earlier_videos_part_is_asked_for_the_same_way(tmp_path: Path) -> None:
    result, (question,), ingested = await shared(tmp_path)

    assert question.speech == ingested.speech
    assert (question.video_id, question.part, list(question.vocabulary)) == (EARLIER, span(0, SECONDS), ["Clipmill"])
    assert not question.HasField("twin")
    assert result is not None
    assert (result.video_id, result.words, result.unknown_words, result.engine) == ("v2", 8, 8, "moonshine")
    twin = result.answer.twin
    assert (twin.name, twin.saved_s) == ("talk.mp4", 12)
    assert twin.offset_s == pytest.approx(-5.0, abs=1e-4)
    # The noise is measured in this sound.
    assert [w.code for w in result.answer.warnings] == ["LANGUAGE_ASSUMED", "SOUND_NOISY"]


async def test_an_engine_that_is_named_may_have_answered_where_none_was(tmp_path: Path) -> None:
    result, questions, _ = await shared(tmp_path, "moonshine")

    assert result is not None
    assert [question.asr for question in questions] == ["moonshine", "auto"]


async def test_what_another_engine_heard_is_not_shared(tmp_path: Path) -> None:
    result, *_ = await shared(tmp_path, "whisper:small")

    assert result is None


async def test_a_result_with_a_doubt_is_not_shared(tmp_path: Path) -> None:
    result, *_ = await shared(tmp_path, warning="TRANSCRIPT_DOUBTFUL")

    assert result is None


async def test_what_the_user_corrected_is_not_shared(tmp_path: Path) -> None:
    result, questions, _ = await shared(tmp_path, corrected=True)

    assert result is None
    assert not questions


async def test_another_transcript_is_another_question(tmp_path: Path) -> None:
    stage = stage_work(HearingChildren(), Blobs.in_folder(tmp_path / "s", tmp_path / "t"), Engines(AudioSettings()))
    assert stage.content_key is not None

    keys = {
        await stage.content_key(AudioTask(language="en", transcript=transcript), lambda _: None)
        for transcript in (None, BlobRef(sha256="a"), BlobRef(sha256="b"))
    }

    assert len(keys) == 3
