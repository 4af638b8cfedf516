"""Speech in another language than the engine's ends the job, once all of it was heard; a little of it does not."""

from __future__ import annotations

import pytest
from clipmill_ingest.domain import transitions as job
from clipmill_ingest.domain.plausible import language_fault
from clipmill_ingest.domain.record import JobRecord

from clipmill.audio.v1.audio_pb2 import AudioAnalyzed
from clipmill.jobs.v1.jobs_pb2 import JobState

from .test_transitions import AUDIO, result, task_of, until


def heard(*parts: tuple[int, int, int]) -> JobRecord:
    """A job with two parts of sound, of which these were heard: words, unknown, said again."""
    record = until(AUDIO)
    for number, (words, unknown, again) in enumerate(parts):
        said: AudioAnalyzed = result(task_of(record, AUDIO, number))
        said.words, said.unknown_words, said.repeated_words = words, unknown, again
        record = job.take_result(record, said, 3)
    return record


def test_speech_of_another_language_fails_the_job_with_what_to_do() -> None:
    record = heard((70, 9, 10), (62, 6, 6))
    assert record.state == JobState.JOB_STATE_FAILED
    assert record.error is not None
    assert (record.error.code, record.error.part) == ("LANGUAGE_IMPLAUSIBLE", "audio")
    assert "of 132 words 15 are not English, and 16 only repeat" in record.error.message
    assert record.error.remedy


@pytest.mark.parametrize(
    "parts",
    [
        ((200, 2, 12), (180, 1, 6)),
        # A quotation in another language.
        ((120, 35, 0), (400, 3, 10)),
        # Too few words to tell.
        ((10, 10, 0), (5, 5, 0)),
        ((0, 0, 0), (0, 0, 0)),
    ],
)
def test_english_goes_on(parts: tuple[tuple[int, int, int], ...]) -> None:
    assert heard(*parts).is_open


def test_nothing_is_decided_before_all_was_heard() -> None:
    assert heard((100, 50, 20)).is_open


def test_the_same_answer_whatever_the_parts() -> None:
    whole, cut = heard((132, 15, 16), (0, 0, 0)), heard((66, 7, 8), (66, 8, 8))
    assert language_fault(whole) == language_fault(cut) is not None
