"""Transcription in about a hundred languages: Whisper by faster-whisper (the extra `whisper`), with its word times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span
from clipmill_audio.models.transcription import SaidWord
from clipmill_shared.inference.apart import fell_back

T = TypeVar("T")


class Whisper:
    """A model from a folder of weights: on a GPU where there is one, and on one core of the CPU where that one fails,
    which is said of each utterance that it costs.
    """

    def __init__(self, folder: Path, *, best: bool) -> None:
        from ctranslate2 import get_cuda_device_count

        self._folder = folder
        self._beam = 5 if best else 1
        # Why it is not on the GPU that there is.
        self._why = ""
        self._is_on_gpu = get_cuda_device_count() > 0
        try:
            self._model = self._load("cuda" if self._is_on_gpu else "cpu")
        except RuntimeError as error:
            self._leave_gpu(error)

    def _load(self, device: str) -> Any:
        from faster_whisper import WhisperModel

        return WhisperModel(str(self._folder), device=device, compute_type="default", cpu_threads=1)

    def _leave_gpu(self, error: RuntimeError) -> None:
        """Go on without it: its driver or libraries are missing or too old, or its memory is full."""
        if not self._is_on_gpu:
            raise error
        self._is_on_gpu = False
        self._why = f"Whisper heard on the CPU, because the GPU failed: {str(error)[:300]}."
        self._model = self._load("cpu")

    def _asked(self, ask: Callable[[], T]) -> T:
        """What the model answers. Libraries that are missing are missed by its first sound, not when it is loaded."""
        try:
            found = ask()
        except RuntimeError as error:
            self._leave_gpu(error)
            found = ask()
        if self._why:
            fell_back("whisper", "GPU_FAILED", self._why)
        return found

    def hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str] = ()) -> Sequence[SaidWord]:
        return self._asked(lambda: self._hear(samples, language, names))

    def _hear(self, samples: NDArray[np.float32], language: str, names: Sequence[str]) -> Sequence[SaidWord]:
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
        language, probability, _ = self._asked(lambda: self._model.detect_language(samples))
        return str(language), float(probability)
