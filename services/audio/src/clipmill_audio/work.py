"""Hears one part of a video. Runs in a child process, whose models stay loaded between parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, LocalVoice, Loudness
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_audio.domain import loudness
from clipmill_audio.domain.activity import speech_ranges
from clipmill_audio.domain.doubt import Transcript, doubts, said_again, unknown_words
from clipmill_audio.domain.endings import certainties
from clipmill_audio.domain.engines import Choice, choose, listener
from clipmill_audio.domain.language import AUTO, ENGLISH
from clipmill_audio.domain.noise import speech_above_rest_db
from clipmill_audio.domain.placed import place_words
from clipmill_audio.domain.punctuation import pauses_s, repaired
from clipmill_audio.domain.seams import join, plain
from clipmill_audio.domain.timed import HeardWord, Line, Span, tidy
from clipmill_audio.domain.timing import time_words
from clipmill_audio.domain.utterances import utterances
from clipmill_audio.domain.vocabulary import terms, with_names
from clipmill_audio.domain.windows import cut
from clipmill_audio.exchange import Earlier, Heard, Moved, Part, Reached
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.models.sphinx import Aligner
from clipmill_audio.models.transcription import SaidWord, TellsLanguage, Transcription
from clipmill_audio.sounds import Sounds
from clipmill_audio.speakers import Speakers
from clipmill_audio.speech_file import RATE_HZ, blocks
from clipmill_audio.voice import Voice
from clipmill_audio.written import ending_sentences, written
from clipmill_shared.compute import Report
from clipmill_shared.inference.apart import with_models

STEP_S = STEP / RATE_HZ
LEVEL_STEP = round(loudness.STEP_S * RATE_HZ)
# As much speech as a model that tells languages listens to at a time; less says little.
LISTEN_S = 30.0
# Whole steps of both the voice activity and the loudness.
BLOCK = int(np.lcm(STEP, LEVEL_STEP))


@dataclass(frozen=True)
class Models:
    """What hears; see `models` for what each is asked."""

    activity: VoiceActivity
    aligner: Aligner
    load: Callable[[Reached, bool], Transcription]


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
        for block in blocks(self._part.speech, self._part.range.shifted(-self._part.speech_start_s), BLOCK):
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

    def speech(self) -> list[Span]:
        """Where somebody speaks, on the video's clock; once all windows are read."""
        offset_s = self._part.range.start_s
        until_s = min(self._part.range.end_s, offset_s + len(self.probabilities) * STEP_S)
        return [
            Span(span.start_s + offset_s, min(until_s, span.end_s + offset_s))
            for span in speech_ranges(self.probabilities, STEP_S)
        ]

    def above_rest_db(self) -> float | None:
        return speech_above_rest_db(self.levels_db, self._part.range.start_s, self.speech())


@with_models
def hear(part: Part | Earlier, report: Report) -> Heard | Moved | None:
    """Speech, words and levels of `part`, on the video's clock. ClipmillError SPEECH_UNREADABLE, ASR_*."""
    if isinstance(part, Earlier):
        # Late: hardly ever asked for.
        from clipmill_audio.earlier import moved

        return moved(part)
    return hear_with(_models(), part, report)


def voice_activity() -> VoiceActivity:
    """The one that is loaded; `begin` comes before its use."""
    return _models().activity


def hear_with(models: Models, part: Part, report: Report) -> Heard:
    """`hear`, with models of the caller's."""
    decided = _decide(models, part)
    engine = next(reached for reached in part.engines if reached.engine == decided.choice.engine)
    intake = _Intake(part, models.activity)
    lines: list[Line] = []
    speakers = Speakers(part.range.start_s)
    voices: list[LocalVoice] = []
    sounds, voice = Sounds(part.range), Voice(part.range)
    for window in intake.windows():
        lines += _lines(window, models, engine, decided.language, part)
        if part.voices:
            voices += speakers.heard(window.samples, window.start / RATE_HZ, window.probabilities, STEP_S)
        sounds.heard(window.samples, window.start / RATE_HZ)
        voice.heard(window.samples, window.start / RATE_HZ, speech_ranges(window.probabilities, STEP_S))
        report(min(1.0, (window.start + len(window.samples)) / RATE_HZ / part.range.length_s))
    words = tidy([_shifted(word, part.range.start_s) for word in join(lines)], part.range)
    speech = intake.speech()
    unfit: Sequence[str] | None = None
    if part.transcript is not None:
        words, unfit = _given(part, words, decided.language, models.aligner)
    elif decided.choice.engine.kind == "moonshine":
        # Measured with this engine only.
        words = repaired(words, speech)
        known = terms(part.vocabulary, models.aligner.sounds)
        words = with_names(words, known, models.aligner.sounds, models.aligner.knows) if known else words
    ends = ending_sentences(words)
    sure: Sequence[float | None] = [None] * len(words)
    if part.transcript is None and decided.choice.engine.kind == "moonshine":
        sure = certainties([word.text for word in words], ends, pauses_s(words, speech))
    transcript = _transcript(words, speech, models.aligner if decided.choice.engine.kind == "moonshine" else None)
    return Heard(
        AudioAnalysis(
            part=_range(part.range),
            words=written(words, ends, sure),
            speech=[_range(span) for span in speech],
            loudness=Loudness(start_s=part.range.start_s, step_s=loudness.STEP_S, rms_db=intake.levels_db),
            voices=voices,
            events=sounds.events(intake.levels_db, speech),
            phrases=voice.phrases(words, ends, intake.levels_db),
        ),
        doubts(transcript),
        intake.above_rest_db(),
        transcript.unknown,
        transcript.again,
        decided.choice,
        decided.language,
        decided.detected,
        unfit,
    )


def _given(
    part: Part, heard: Sequence[HeardWord], language: str, aligner: Aligner
) -> tuple[list[HeardWord], Sequence[str]]:
    """The given transcript's words where they are said, and what of it does not fit."""
    assert part.transcript is not None

    def align(texts: Sequence[str], span: Span) -> list[Span | None]:
        if language != ENGLISH:
            return [None] * len(texts)
        sound = np.concatenate([np.empty(0, np.int16), *blocks(part.speech, span, BLOCK)])
        return [found and found.shifted(span.start_s) for found in aligner.align(texts, sound)]

    placed = place_words(part.transcript, heard, part.range, align)
    return tidy(placed.words, part.range), placed.notes


@dataclass(frozen=True)
class _Decided:
    choice: Choice
    language: str
    # How sure the model is that told the language.
    detected: float | None = None


def _decide(models: Models, part: Part) -> _Decided:
    """Who hears the part, in which language. Listens to it before, if that makes a difference."""
    engines = [reached.engine for reached in part.engines]
    language, detected, above_rest_db = part.language, None, None
    if len(engines) > 1 or listener(engines, language):
        intake = _Intake(part, models.activity)
        sound = _speech_of(intake.windows())
        above_rest_db = intake.above_rest_db()
        teller = listener(engines, language)
        if teller and len(sound):
            model = models.load(next(reached for reached in part.engines if reached.engine == teller), part.best)
            assert isinstance(model, TellsLanguage)
            language, detected = model.language(_as_float(sound))
    choice = choose(engines, language, best=part.best, above_rest_db=above_rest_db)
    return _Decided(choice, ENGLISH if language in ("", AUTO) else language, detected)


def _speech_of(windows: Iterator[_Window]) -> NDArray[np.int16]:
    """The first LISTEN_S of speech, without what is between; the windows are read to their end."""
    pieces: list[NDArray[np.int16]] = []
    length = 0
    for window in windows:
        for span in speech_ranges(window.probabilities, STEP_S):
            if length < LISTEN_S * RATE_HZ:
                pieces.append(window.samples[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)])
                length += len(pieces[-1])
    return np.concatenate(pieces)[: round(LISTEN_S * RATE_HZ)] if pieces else np.empty(0, np.int16)


@lru_cache
def _models() -> Models:
    return Models(VoiceActivity(), Aligner(), _load)


# One, or one that tells the language and one that hears: more would not fit beside each other.
@lru_cache(maxsize=2)
def _load(reached: Reached, best: bool) -> Transcription:
    # Each brings a runtime of its own.
    if reached.folder is not None:
        from clipmill_audio.models.whisper import Whisper

        return Whisper(reached.folder, best=best)
    if reached.engine.kind == "openai":
        from clipmill_audio.models.openai import OpenAi

        return OpenAi(reached.url, reached.key, reached.engine.name, reached.timeout_s)
    from clipmill_audio.models.moonshine import Transcriber

    return Transcriber()


def _lines(window: _Window, models: Models, engine: Reached, language: str, part: Part) -> list[Line]:
    """What is said in a window, in seconds from the part's beginning; nothing where nobody speaks."""
    speech = speech_ranges(window.probabilities, STEP_S)
    if not speech:
        return []
    transcription = models.load(engine, part.best)
    lines: list[Line] = []
    for place in utterances(speech, window.probabilities, STEP_S):
        samples = window.samples[round(place.start_s * RATE_HZ) : round(place.end_s * RATE_HZ)]
        said = transcription.hear(_as_float(samples), language, part.vocabulary)
        by_s = place.start_s + window.start / RATE_HZ
        length_s = len(samples) / RATE_HZ
        words = _timed(said, samples, models.aligner, language)
        lines.append(Line(by_s, by_s + length_s, tuple(_shifted(word, by_s) for word in words)))
    return lines


def _timed(said: Sequence[SaidWord], samples: NDArray[np.int16], aligner: Aligner, language: str) -> list[HeardWord]:
    """The words with the engine's own times, else those of the aligner, which knows English only."""
    texts = [word.text for word in said]
    within = Span(0.0, len(samples) / RATE_HZ)
    own = [word.span for word in said]
    if any(own):
        words = time_words(texts, own, within)
    else:
        words = time_words(texts, aligner.align(texts, samples) if language == ENGLISH else own, within)
    return [replace(word, confidence=one.confidence) for word, one in zip(words, said, strict=True)]


def _transcript(words: Sequence[HeardWord], speech: Sequence[Span], aligner: Aligner | None) -> Transcript:
    """`aligner` has the dictionary of the engine's only language; None where it knows many."""
    said = [plain(word.text) for word in words]
    return Transcript(
        words=said,
        # Other languages are not aligned at all.
        not_found=sum(not word.aligned for word in words) if aligner else 0,
        speech_s=sum(span.length_s for span in speech),
        unknown=unknown_words([word.text for word in words], aligner.knows) if aligner else 0,
        again=said_again(said) if aligner else 0,
    )


def _range(span: Span) -> TimeRange:
    return TimeRange(start_s=span.start_s, end_s=span.end_s)


def _shifted(word: HeardWord, by_s: float) -> HeardWord:
    return replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)


def _as_float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)
