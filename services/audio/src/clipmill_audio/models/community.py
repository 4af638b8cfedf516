"""Who speaks: segmentation and speaker embedding of pyannote's community-1 (CC-BY-4.0), quantised, which lie inside the
library of moonshine-voice 0.1.0; run by ONNX Runtime.

The library's own diarization listens as a stream and gives no embeddings, so that parts could not be joined: only its
weights are used, found by the names under which it exports them.
"""

from __future__ import annotations

import ctypes
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.filterbank import RATE_HZ, filterbank
from clipmill_audio.domain.voices import STRETCH_S, Bools, LocalVoice, voices_of
from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NAME = "pyannote-community-1"
_LENGTH = round(STRETCH_S * RATE_HZ)


@dataclass(frozen=True)
class Weights:
    """Bytes that the library exports under `symbol`."""

    symbol: str
    size_bytes: int
    sha256: str


_NAMESPACE = "_ZN9cppannote19embedded_community1"
SEGMENTATION = Weights(
    f"{_NAMESPACE}21segmentation_ort_dataE",
    1_594_080,
    "9715e3996ef181252aa1cc0c9398060f42b2c984c2fb65e3604262555e2efb1a",
)
EMBEDDING = Weights(
    f"{_NAMESPACE}18embedding_ort_dataE",
    6_975_920,
    "6e4af7d49562e6e7042672e444d6394935cb2c23c3a7dd4919da45922b91735b",
)


class Voices:
    """Tells voices apart. Raises ClipmillError MODEL_LOAD_FAILED where the library has other weights or none."""

    def __init__(self) -> None:
        self._segmentation = _session(SEGMENTATION)
        self._embedding = _session(EMBEDDING)

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
        padded = np.zeros((1, 1, _LENGTH), np.float32)
        padded[0, 0, : len(samples)] = samples / np.float32(32768)
        (active,) = self._segmentation.run(None, {"waveforms": padded})
        return np.asarray(active[0] > 0.5, dtype=np.bool_)

    def _embedded(self, bands: NDArray[np.float32]) -> NDArray[np.float32]:
        bands = bands - bands.mean(axis=0)
        weights = np.ones((1, len(bands)), np.float32)
        (embedding,) = self._embedding.run(None, {"fbank": bands[None], "weights": weights})
        return np.asarray(embedding[0] / np.linalg.norm(embedding[0]), dtype=np.float32)


def _session(weights: Weights) -> InferenceSession:
    # Only who asks who speaks needs it.
    import onnxruntime
    from moonshine_voice.moonshine_api import _MoonshineLib

    try:
        exported = (ctypes.c_ubyte * weights.size_bytes).in_dll(_MoonshineLib().lib, weights.symbol)
    except ValueError as error:
        raise _other_weights("they are not in it") from error
    content = bytes(exported)
    if hashlib.sha256(content).hexdigest() != weights.sha256:
        raise _other_weights("their checksum is another")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _other_weights(why: str) -> ClipmillError:
    return ClipmillError(
        "MODEL_LOAD_FAILED",
        f"The weights that tell speakers apart cannot be had from moonshine-voice: {why}.",
        "Install the version that Clipmill is made for (`make setup`), or say --speakers off.",
    )
