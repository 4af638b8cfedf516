"""pyannote's community-1, segmentation: which of at most three voices speaks, every 17 ms of ten seconds.

H. Bredin, pyannote.audio 2.1 speaker diarization pipeline (2023). The library that carries it has a diarization of its
own, which gives no embeddings, so that parts could not be joined: only its weights are used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipmill_models.embedded import session
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

SAMPLES = 160_000
FRAMES = 589
VOICES = 3
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    network = session(CARD.weights[0])

    def infer(inputs: Tensors) -> Tensors:
        # A row at a time: the quantised network is made for one.
        rows = [network.run(None, {"waveforms": row[None, None]})[0][0] for row in inputs["samples"]]
        return {"activity": np.stack(rows).astype(np.float32, copy=False)}

    return infer


MODEL = Definition(
    name="voice_turns",
    version="pyannote-community-1-moonshine-voice-0.1.0",
    signature=Signature(
        # 16 kHz, -1 to 1; what is shorter is filled up with silence.
        inputs=(Tensor("samples", "FP32", (SAMPLES,)),),
        # Above .5 the voice speaks. Frame n is about .031 + n * .016875 s.
        outputs=(Tensor("activity", "FP32", (FRAMES, VOICES)),),
    ),
    reference="clipmill_models.voice_turns.definition:MODEL",
    load=load,
    example=lambda: {"samples": np.zeros((1, SAMPLES), np.float32)},
    card=CARD,
    batching=Batching(max_rows=4, max_waiting=64),
    placement=Placement(instances=2, memory_bytes=64 << 20),
)
