"""Hears what is no word, window by window: silence and music. In the child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import SoundEvent
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.sound_events import LEAST_S, bridged, length_s
from clipmill_audio.domain import sounds as domain
from clipmill_audio.domain.timed import Span
from clipmill_audio.speech_file import RATE_HZ

if TYPE_CHECKING:
    from clipmill_audio.models.firered import MusicDetector

# An event this near to an edge of the part may go on in the next one, so a short piece of it is kept.
EDGE_S = 1.0
LEAST_PIECE_S = 0.3


class Sounds:
    """The events of one part, on the video's clock."""

    def __init__(self, part: Span, music: Sequence[domain.Music] = ()) -> None:
        self._part = part
        # On the video's clock.
        self._music = list(music)

    def heard(self, samples: NDArray[np.int16], at_s: float) -> None:
        """Take in a window of 16 kHz sound that begins `at_s` in the part."""
        begins_s = self._part.start_s + at_s
        for found in _music_in(samples.astype(np.float32) / np.float32(32768)):
            self._music.append(domain.Music(found.span.shifted(begins_s), found.probability))

    def events(self, levels_db: Sequence[float], speech: Sequence[Span]) -> list[SoundEvent]:
        """Once all windows are in: in order of their start. `levels_db` begin with the part."""
        start_s = self._part.start_s
        silences = (self._event(SoundEvent.KIND_SILENCE, span) for span in domain.silences(levels_db, start_s, speech))
        music = bridged(self._event(SoundEvent.KIND_MUSIC, m.span, m.probability) for m in self._music)
        moving = [
            event
            for event in music
            if not domain.is_steady(levels_db, start_s, Span(event.range.start_s, event.range.end_s), speech)
        ]
        return [event for event in bridged([*silences, *moving]) if self._is_kept(event)]

    def _event(self, kind: SoundEvent.Kind.ValueType, span: Span, confidence: float | None = None) -> SoundEvent:
        within = TimeRange(start_s=span.start_s, end_s=min(span.end_s, self._part.end_s))
        return SoundEvent(kind=kind, range=within, confidence=confidence)

    def _is_kept(self, event: SoundEvent) -> bool:
        at_edge = event.range.start_s < self._part.start_s + EDGE_S or event.range.end_s > self._part.end_s - EDGE_S
        return length_s(event.range) >= (LEAST_PIECE_S if at_edge else LEAST_S[event.kind])


def _music_in(sound: NDArray[np.float32]) -> Iterator[domain.Music]:
    """Where music is in a window, in seconds from its beginning."""
    length = len(sound) / RATE_HZ
    places = domain.probes(length)
    means = [float(_detector().probabilities(_cut(sound, place)).mean()) for place in places]
    for stretch in domain.worth_hearing(places, means, length):
        for found in domain.music(_detector().probabilities(_cut(sound, stretch)), _detector().step_s):
            yield domain.Music(found.span.shifted(stretch.start_s), found.probability)


def _cut(sound: NDArray[np.float32], span: Span) -> NDArray[np.float32]:
    return sound[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)]


@lru_cache(maxsize=1)
def _detector() -> MusicDetector:
    # Late: it brings a runtime of its own.
    from clipmill_audio.models.firered import MusicDetector

    return MusicDetector()
