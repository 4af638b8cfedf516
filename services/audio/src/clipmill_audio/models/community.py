"""Who speaks: pyannote's community-1, segmentation and speaker embedding, by the models that models/ defines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.filterbank import RATE_HZ, filterbank
from clipmill_audio.domain.voices import STRETCH_S, Bools, LocalVoice, voices_of
from clipmill_models.voice_embedding import definition as embedding
from clipmill_models.voice_turns import definition as turns
from clipmill_shared.inference.apart import infer

assert round(STRETCH_S * RATE_HZ) == turns.SAMPLES


class Voices:
    """Tells voices apart. Raises ClipmillError MODEL_LOAD_FAILED where the library has other weights or none."""

    def heard(self, samples: NDArray[np.int16]) -> list[tuple[LocalVoice, NDArray[np.float32]]]:
        """The voices in at most STRETCH_S of sound at 16 kHz, each with its embedding (256, of length 1)."""
        active = self._active(samples)
        voices = voices_of(active, len(samples) / RATE_HZ)
        if not voices:
            return []
        bands = filterbank(samples)
        return [(voice, self._embedded(bands[voice.frames])) for voice in voices]

    def _active(self, samples: NDArray[np.int16]) -> Bools:
        """Which of three voices speaks in which frame: frames x 3."""
        padded = np.zeros((1, turns.SAMPLES), np.float32)
        padded[0, : len(samples)] = samples / np.float32(32768)
        active = infer(turns.MODEL, {"samples": padded})["activity"][0]
        return np.asarray(active > 0.5, dtype=np.bool_)

    def _embedded(self, bands: NDArray[np.float32]) -> NDArray[np.float32]:
        known_by: NDArray[np.float32] = infer(embedding.MODEL, {"bands": (bands - bands.mean(axis=0))[None]})[
            "embedding"
        ][0]
        return known_by
