"""Hears how it is said: the pitch, window by window, and then each phrase's manner. In the child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import Phrase
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_audio.domain.phrases import phrases
from clipmill_audio.domain.pitch import FRAME_S, STEP_S, pitches_hz
from clipmill_audio.domain.timed import HeardWord, Span
from clipmill_audio.speech_file import RATE_HZ

# Half the samples tell the pitch as well, at half the cost.
EVERY = 2
_HALVED = np.array([0.25, 0.5, 0.25], np.float32)


class Voice:
    """The pitch of one part, each STEP_S from its beginning; NaN where nobody speaks or there is no voice."""

    def __init__(self, part: Span) -> None:
        self._part = part
        self._pitches = np.full(int(part.length_s / STEP_S) + 1, np.nan, np.float32)

    def heard(self, samples: NDArray[np.int16], at_s: float, speech: Sequence[Span]) -> None:
        """Take in a window of 16 kHz sound that begins `at_s` in the part; `speech` is in seconds of the window."""
        for span in speech:
            sound = samples[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)]
            halved = np.convolve(sound.astype(np.float32) / np.float32(32768), _HALVED, "same")[::EVERY]
            found = pitches_hz(halved, RATE_HZ // EVERY)
            first = round((at_s + span.start_s + FRAME_S / 2) / STEP_S)
            self._pitches[first : first + len(found)] = found[: max(0, len(self._pitches) - first)]

    def phrases(self, words: Sequence[HeardWord], ends: Sequence[bool], levels_db: Sequence[float]) -> Iterator[Phrase]:
        """Once all windows are in. `ends`: the words that a sentence ends with; `levels_db` begin with the part."""
        for phrase in phrases(words, ends, levels_db, self._pitches, self._part.start_s):
            yield Phrase(
                range=TimeRange(start_s=phrase.span.start_s, end_s=phrase.span.end_s),
                first_word=phrase.first_word,
                words=phrase.words,
                level_db=phrase.level_db,
                pitch_hz=phrase.pitch.median_hz if phrase.pitch else None,
                pitch_low_hz=phrase.pitch.low_hz if phrase.pitch else None,
                pitch_high_hz=phrase.pitch.high_hz if phrase.pitch else None,
                words_per_s=phrase.words / phrase.span.length_s,
            )
