"""Hears one part of a video. Runs in a child process, whose models stay loaded between parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Loudness, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_audio.domain import loudness
from clipmill_audio.domain.activity import speech_ranges
from clipmill_audio.domain.doubt import Transcript, doubts, said_again, unknown_words
from clipmill_audio.domain.noise import speech_above_rest_db
from clipmill_audio.domain.seams import join, plain
from clipmill_audio.domain.sentences import sentence_ends
from clipmill_audio.domain.timed import HeardWord, Line, Span, tidy
from clipmill_audio.domain.timing import time_words
from clipmill_audio.domain.utterances import utterances
from clipmill_audio.domain.windows import cut
from clipmill_audio.exchange import Heard, Part
from clipmill_audio.models.moonshine import Transcriber
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.models.sphinx import Aligner
from clipmill_audio.speech_file import RATE_HZ, blocks
from clipmill_shared.compute import Report

STEP_S = STEP / RATE_HZ
LEVEL_STEP = round(loudness.STEP_S * RATE_HZ)
# Whole steps of both the voice activity and the loudness.
BLOCK = int(np.lcm(STEP, LEVEL_STEP))


@dataclass(frozen=True)
class Models:
    """What hears; see `models` for what each is asked."""

    activity: VoiceActivity
    transcriber: Transcriber
    aligner: Aligner


@dataclass(frozen=True)
class _Window:
    """A stretch of the part: its place in samples, and the probability of speech in each STEP of it."""

    start: int
    samples: NDArray[np.int16]
    probabilities: Sequence[float]


class _Intake:
    """Reads the part once: level and voice activity all along, and windows for the recogniser."""

    def __init__(self, part: Part, activity: VoiceActivity) -> None:
        self._part = part
        self._activity = activity
        self.levels_db: list[float] = []
        self.probabilities: list[float] = []

    def windows(self) -> Iterator[_Window]:
        self._activity.begin()
        start, held, probabilities = 0, np.empty(0, np.int16), list[float]()
        for block in blocks(self._part.speech, self._part.range, BLOCK):
            sound = _as_float(block)
            self.levels_db += loudness.rms_db(sound, LEVEL_STEP)
            new = self._activity.probabilities(np.pad(sound, (0, -len(sound) % STEP)))
            self.probabilities += new
            probabilities += new
            held = np.concatenate((held, block))
            if (at := cut(probabilities, STEP_S)) is not None:
                yield _Window(start, held[: at.end * STEP], probabilities[: at.end])
                start += at.next_start * STEP
                held, probabilities = held[at.next_start * STEP :], probabilities[at.next_start :]
        if len(held):
            yield _Window(start, held, probabilities)


def hear(part: Part, report: Report) -> Heard:
    """Speech, words and levels of `part`, on the video's clock. Raises SpeechUnreadableError."""
    return hear_with(_models(), part, report)


def hear_with(models: Models, part: Part, report: Report) -> Heard:
    """`hear`, with models of the caller's."""
    intake = _Intake(part, models.activity)
    lines: list[Line] = []
    for window in intake.windows():
        lines += _lines(window, models)
        report(min(1.0, (window.start + len(window.samples)) / RATE_HZ / part.range.length_s))
    offset_s = part.range.start_s
    words = tidy([_shifted(word, offset_s) for word in join(lines)], part.range)
    heard_until_s = min(part.range.end_s, offset_s + len(intake.probabilities) * STEP_S)
    speech = [
        Span(span.start_s + offset_s, min(heard_until_s, span.end_s + offset_s))
        for span in speech_ranges(intake.probabilities, STEP_S)
    ]
    transcript = _transcript(words, speech, models.aligner)
    return Heard(
        _analysis(part.range, words, speech, intake.levels_db),
        doubts(transcript),
        speech_above_rest_db(intake.levels_db, offset_s, speech),
        transcript.unknown,
        transcript.again,
    )


@cache
def _models() -> Models:
    return Models(VoiceActivity(), Transcriber(), Aligner())


def _lines(window: _Window, models: Models) -> list[Line]:
    """What is said in a window, in seconds from the part's beginning; nothing where nobody speaks."""
    speech = speech_ranges(window.probabilities, STEP_S)
    if not speech:
        return []
    lines: list[Line] = []
    for place in utterances(speech, window.probabilities, STEP_S):
        samples = window.samples[round(place.start_s * RATE_HZ) : round(place.end_s * RATE_HZ)]
        texts = models.transcriber.text(_as_float(samples)).split()
        by_s = place.start_s + window.start / RATE_HZ
        length_s = len(samples) / RATE_HZ
        words = time_words(texts, models.aligner.align(texts, samples), Span(0.0, length_s))
        lines.append(Line(by_s, by_s + length_s, tuple(_shifted(word, by_s) for word in words)))
    return lines


def _analysis(part: Span, words: Sequence[HeardWord], speech: Sequence[Span], levels_db: list[float]) -> AudioAnalysis:
    ends = sentence_ends([word.text for word in words])
    return AudioAnalysis(
        part=_range(part),
        words=[
            Word(
                text=word.text,
                start_s=word.start_s,
                end_s=word.end_s,
                timing=Word.TIMING_ALIGNED if word.aligned else Word.TIMING_INTERPOLATED,
                ends_sentence=end and not word.cut_after,
            )
            for word, end in zip(words, ends, strict=True)
        ],
        speech=[_range(span) for span in speech],
        loudness=Loudness(start_s=part.start_s, step_s=loudness.STEP_S, rms_db=levels_db),
    )


def _transcript(words: Sequence[HeardWord], speech: Sequence[Span], aligner: Aligner) -> Transcript:
    said = [plain(word.text) for word in words]
    return Transcript(
        words=said,
        not_found=sum(not word.aligned for word in words),
        speech_s=sum(span.length_s for span in speech),
        unknown=unknown_words([word.text for word in words], aligner.knows),
        again=said_again(said),
    )


def _range(span: Span) -> TimeRange:
    return TimeRange(start_s=span.start_s, end_s=span.end_s)


def _shifted(word: HeardWord, by_s: float) -> HeardWord:
    return replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)


def _as_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)
