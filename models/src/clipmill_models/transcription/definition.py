"""Moonshine tiny: what is said in an utterance, in English.

N. Jeffries et al., Moonshine: Speech Recognition for Live Transcription and Voice Commands (2024). A row is an
utterance and begins anew: the runtime's own stream, which goes on where it stopped, is not used.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import numpy as np

from clipmill_shared.inference.definition import (
    Batching,
    Card,
    Definition,
    Infer,
    Placement,
    Signature,
    Tensor,
    Tensors,
)

RATE_HZ = 16_000
CARD = Card.read(Path(__file__).with_name("model.toml"))
# No voice activity of its own: one call, one line. The longest is far from any utterance's.
_OPTIONS = {"vad_threshold": "0.0", "vad_max_segment_duration": "100", "return_audio_data": "false"}
# It takes the sound in hops of at most this many samples and forgets a last one that is not whole.
_HOP = 512


def load() -> Infer:
    folders = {weights.find().parent for weights in CARD.weights}
    # Its runtime else spins a thread a core: two children on two cores then take as long as one after the other
    # (2.67 s for 2 x 30 s of speech; 1.53 s with one thread each). Read when the model is loaded.
    os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"
    from moonshine_voice import ModelArch
    from moonshine_voice import Transcriber as Engine
    from moonshine_voice.errors import check_error
    from moonshine_voice.moonshine_api import TranscriptC

    engine = Engine(folders.pop(), ModelArch.TINY, options=_OPTIONS)

    def text_of(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> str:
        # The package's own method copies the sound into a list of Python floats first: 5 % of the whole time.
        sound = np.ascontiguousarray(np.pad(samples, (0, _HOP)), dtype=np.float32)
        transcript = ctypes.POINTER(TranscriptC)()
        check_error(
            engine._lib.moonshine_transcribe_without_streaming(
                engine._handle,
                sound.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                len(sound),
                RATE_HZ,
                0,
                ctypes.byref(transcript),
            )
        )
        return " ".join(line.text for line in engine._parse_transcript(transcript).lines)

    def infer(inputs: Tensors) -> Tensors:
        return {"text": np.array([[text_of(samples).encode()] for samples in inputs["samples"]], object)}

    return infer


MODEL = Definition(
    name="transcription",
    version="moonshine-tiny-en-0.1.0",
    signature=Signature(
        # 16 kHz, -1 to 1, without a constant offset; at most some 30 s.
        inputs=(Tensor("samples", "FP32", (-1,)),),
        # As written; empty for nothing.
        outputs=(Tensor("text", "BYTES", (1,)),),
    ),
    reference="clipmill_models.transcription.definition:MODEL",
    load=load,
    example=lambda: {"samples": np.zeros((1, RATE_HZ), np.float32)},
    card=CARD,
    # Utterances have lengths of their own.
    batching=Batching(max_rows=1, max_waiting=64),
    placement=Placement(instances=2, memory_bytes=192 << 20),
)
