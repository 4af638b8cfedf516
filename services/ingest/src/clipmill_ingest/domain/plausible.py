"""Whether what was heard can be what was said. Only the whole job tells: parts are cut by length, and a part may be a
song or a quotation in another language."""

from __future__ import annotations

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.common.v1.common_pb2 import Failure
from clipmill.work.v1.work_pb2 import Stage
from clipmill_ingest.domain.record import JobRecord

# The figures are those of the part audio (its domain/doubt.py), which asks the same of a part, and only warns.
ENOUGH_WORDS = 30


def language_fault(record: JobRecord) -> Failure | None:
    """Why the job cannot go on: its words are not of the language that they were heard as; None while that is open."""
    heard = [task.result for task in record.of(Stage.STAGE_AUDIO) if isinstance(task.result, AudioAnalyzed)]
    if not heard or len(heard) < len(record.of(Stage.STAGE_AUDIO)):
        return None
    words = sum(part.words for part in heard)
    unknown = sum(part.unknown_words for part in heard)
    again = sum(part.repeated_words for part in heard)
    if words < ENOUGH_WORDS or 2 * unknown + again <= 0.2 * words + 10:
        return None
    return Failure(
        code="LANGUAGE_IMPLAUSIBLE",
        message=f"The speech was heard as English and is probably not: of {words} words {unknown} are not English, "
        f"and {again} only repeat.",
        remedy="The engine that heard it knows English only; docs/transcription.md has others: --asr whisper, openai.",
        part="audio",
    )
