"""Transcription: Moonshine tiny (English), the model and its runtime in moonshine-voice 0.1.0."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.models.transcription import SaidWord

# Its runtime else spins a thread a core: two children on two cores then take as long as one after the other
# (2.67 s for 2 x 30 s of speech; 1.53 s with one thread each). Read when the model is loaded.
os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"

# No voice activity of its own (see domain.utterances): one call, one line. The longest is far from any utterance's.
_OPTIONS = {"vad_threshold": "0.0", "vad_max_segment_duration": "100", "return_audio_data": "false"}
# It takes the sound in hops of at most this many samples and forgets a last one that is not whole.
_HOP = 512
# Of full scale; speech alone comes to less.
OFFSET = 0.01


class Transcriber:
    """Text of one utterance at a time; what it heard before makes no difference."""

    def __init__(self) -> None:
        from moonshine_voice import ModelArch
        from moonshine_voice import Transcriber as Engine
        from moonshine_voice.utils import get_assets_path

        self._engine = Engine(Path(get_assets_path()) / "tiny-en", ModelArch.TINY, options=_OPTIONS)

    def hear(self, samples: NDArray[np.float32], language: str) -> Sequence[SaidWord]:
        """The words, without times; `language` is "en"."""
        return [SaidWord(text) for text in self.text(samples).split()]

    def text(self, samples: NDArray[np.float32]) -> str:
        """What is said in `samples` (16 kHz, -1..1, at most some 30 s), as written; "" for nothing."""
        from moonshine_voice.errors import check_error
        from moonshine_voice.moonshine_api import TranscriptC

        # The package's own method copies the sound into a list of Python floats first: 5 % of the whole time.
        sound = np.ascontiguousarray(np.pad(_centred(samples), (0, _HOP)), dtype=np.float32)
        transcript = ctypes.POINTER(TranscriptC)()
        check_error(
            self._engine._lib.moonshine_transcribe_without_streaming(
                self._engine._handle,
                sound.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                len(sound),
                16_000,
                0,
                ctypes.byref(transcript),
            )
        )
        return _tidy(" ".join(line.text for line in self._engine._parse_transcript(transcript).lines))


def _centred(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the constant that a bad input adds: at .4 of full scale it costs one word of seven."""
    offset = samples.mean() if len(samples) else np.float32(0)
    return samples - offset if abs(offset) > OFFSET else samples


def _tidy(text: str) -> str:
    """Blanks as one, and no comma twice (the engine writes "In short,, the")."""
    return re.sub(r",(\s*,)+", ",", " ".join(text.split()))
