"""Tells the voices of a part apart, window by window. In the child, where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import LocalVoice
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill_audio.domain.voices import stretches
from clipmill_audio.speech_file import RATE_HZ

if TYPE_CHECKING:
    from clipmill_audio.models.community import Voices


class Speakers:
    """The voices of one part that begins at `start_s` of the video's clock."""

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self._stretches = 0

    def heard(
        self, samples: NDArray[np.int16], at_s: float, probabilities: Sequence[float], step_s: float
    ) -> Iterator[LocalVoice]:
        """The voices in `samples` at 16 kHz, which begin `at_s` in the part; `probabilities` of speech each `step_s`.

        Errors: ClipmillError MODEL_LOAD_FAILED.
        """
        for stretch in stretches(probabilities, step_s):
            sound = samples[round(stretch.start_s * RATE_HZ) : round(stretch.end_s * RATE_HZ)]
            begins_s = self._start_s + at_s + stretch.start_s
            for voice, embedding in _voices().heard(sound):
                yield LocalVoice(
                    stretch=self._stretches,
                    ranges=[
                        TimeRange(start_s=begins_s + span.start_s, end_s=begins_s + span.end_s) for span in voice.spans
                    ],
                    alone_s=voice.alone_s,
                    embedding=embedding.tolist(),
                )
            self._stretches += 1


@lru_cache(maxsize=1)
def _voices() -> Voices:
    # Late: it brings a runtime of its own.
    from clipmill_audio.models.community import Voices

    return Voices()
