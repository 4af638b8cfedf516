"""An earlier video's analysis on this one's clock, once the sounds have been compared. Runs in a child process.

Words, voices, music and pitch are the earlier one's; levels, silence and noise are measured in this sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, LocalVoice, Loudness, Phrase, SoundEvent, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_audio.domain import loudness
from clipmill_audio.domain.moved import REACH_S, Found, agreed, clipped, find, probes
from clipmill_audio.domain.noise import speech_above_rest_db
from clipmill_audio.domain.phrases import level_db
from clipmill_audio.domain.sounds import Music
from clipmill_audio.domain.timed import Span
from clipmill_audio.exchange import Earlier, Moved
from clipmill_audio.sounds import Sounds
from clipmill_audio.speech_file import RATE_HZ, blocks

LEVEL_STEP = round(loudness.STEP_S * RATE_HZ)
BLOCK = 64 * LEVEL_STEP
# A word that the beginning of a part cuts so little is whole.
WHOLE_S = 0.02


def moved(asked: Earlier) -> Moved | None:
    """None where the sounds differ. SPEECH_UNREADABLE."""
    offset_s = _offset(asked)
    if offset_s is None:
        return None
    analysis, part = asked.analysis, asked.range
    levels_db = [db for block in blocks(asked.speech, part, BLOCK) for db in loudness.rms_db(_full(block), LEVEL_STEP)]
    words, first = _words(analysis, offset_s, part)
    speech = _spans(analysis.speech, offset_s, part)
    music = [
        Music(span, event.confidence)
        for event in analysis.events
        if event.kind == SoundEvent.KIND_MUSIC
        and (span := clipped(event.range.start_s, event.range.end_s, offset_s, part)) is not None
    ]
    result = AudioAnalysis(
        part=_range(part),
        language=analysis.language,
        words=words,
        speech=[_range(span) for span in speech],
        loudness=Loudness(start_s=part.start_s, step_s=loudness.STEP_S, rms_db=levels_db),
        models=analysis.models,
        voices=_voices(analysis, offset_s, part),
        events=Sounds(part, music).events(levels_db, speech),
        phrases=_phrases(analysis, offset_s, (first, len(words)), levels_db, part),
    )
    return Moved(result, offset_s, speech_above_rest_db(levels_db, part.start_s, speech))


def _offset(asked: Earlier) -> float | None:
    """The exact offset; None where this sound is another one."""
    there = asked.other_range
    common = clipped(asked.range.start_s, asked.range.end_s, -asked.offset_s, there)
    if common is None:
        return None
    found = [_probe(asked, span) for span in probes([Span(s.start_s, s.end_s) for s in asked.analysis.speech], common)]
    lag_s = agreed(found)
    return None if lag_s is None else asked.offset_s + lag_s


def _probe(asked: Earlier, span: Span) -> Found:
    here = Span(span.start_s - REACH_S, span.end_s + REACH_S).shifted(asked.offset_s)
    return find(_sound(asked.other_speech, span), _sound(asked.speech, here), RATE_HZ)


def _sound(path: Path, span: Span) -> NDArray[np.float64]:
    pieces = [np.zeros(0, np.int16), *blocks(path, span, BLOCK)]
    return np.concatenate(pieces).astype(np.float64)


def _words(analysis: AudioAnalysis, by_s: float, part: Span) -> tuple[list[Word], int]:
    """Those that lie in the part, and the number of the first."""
    kept: list[Word] = []
    first = 0
    for number, word in enumerate(analysis.words):
        start_s, end_s = word.start_s + by_s, word.end_s + by_s
        if start_s < part.start_s - WHOLE_S or end_s > part.end_s + WHOLE_S:
            continue
        first = first if kept else number
        own = Word()
        own.CopyFrom(word)
        own.start_s, own.end_s = max(start_s, part.start_s), min(end_s, part.end_s)
        kept.append(own)
    return kept, first


def _phrases(
    analysis: AudioAnalysis, by_s: float, kept: tuple[int, int], levels_db: list[float], part: Span
) -> Iterator[Phrase]:
    """Those whose words are all kept; what was measured of more words says nothing of some."""
    first, words = kept
    for phrase in analysis.phrases:
        if phrase.first_word < first or phrase.first_word + phrase.words > first + words:
            continue
        span = clipped(phrase.range.start_s, phrase.range.end_s, by_s, part)
        level = level_db(levels_db, span, part.start_s) if span else None
        if span is None or level is None:
            continue
        own = Phrase()
        own.CopyFrom(phrase)
        own.range.CopyFrom(_range(span))
        own.first_word = phrase.first_word - first
        own.level_db = level
        yield own


def _voices(analysis: AudioAnalysis, by_s: float, part: Span) -> Iterator[LocalVoice]:
    for voice in analysis.voices:
        spans = _spans(voice.ranges, by_s, part)
        if spans:
            own = LocalVoice(stretch=voice.stretch, ranges=map(_range, spans), embedding=voice.embedding)
            own.alone_s = min(voice.alone_s, sum(span.length_s for span in spans))
            yield own


def _spans(ranges: Iterable[TimeRange], by_s: float, part: Span) -> list[Span]:
    moved_spans = (clipped(r.start_s, r.end_s, by_s, part) for r in ranges)
    return [span for span in moved_spans if span is not None]


def _range(span: Span) -> TimeRange:
    return TimeRange(start_s=span.start_s, end_s=span.end_s)


def _full(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)
