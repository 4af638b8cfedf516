"""Transcription in about a hundred languages: Whisper by faster-whisper (the extra `whisper`), with its word times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span
from clipmill_audio.models.transcription import SaidWord


class Whisper:
    """A model from a folder of weights; on a GPU where there is one, else with 8-bit weights on one core."""

    def __init__(self, folder: Path, *, best: bool) -> None:
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(str(folder), device="auto", compute_type="default", cpu_threads=1)
        self._beam = 5 if best else 1

    def hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str] = ()) -> Sequence[SaidWord]:
        segments, _ = self._model.transcribe(
            samples,
            language=language,
            beam_size=self._beam,
            word_timestamps=True,
            # No sampling where it is unsure: the same sound would not give the same words.
            temperature=0.0,
            # An utterance is speech already, and must not depend on the one before.
            vad_filter=False,
            condition_on_previous_text=False,
            hotwords=", ".join(names) or None,
        )
        return [
            SaidWord(word.word.strip(), Span(float(word.start), float(word.end)), float(word.probability))
            for segment in segments
            for word in segment.words or ()
            if word.word.strip()
        ]

    def language(self, samples: NDArray[np.float32]) -> tuple[str, float]:
        """The language spoken in `samples` (the first 30 s count), ISO 639-1, and its probability."""
        language, probability, _ = self._model.detect_language(samples)
        return str(language), float(probability)
