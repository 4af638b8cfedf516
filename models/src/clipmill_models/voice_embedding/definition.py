"""pyannote's community-1, speaker embedding (WeSpeaker's ResNet34): whose voice is heard, as a direction.

H. Wang et al., WeSpeaker: A Research and Production Oriented Speaker Embedding Learning Toolkit (ICASSP 2023).
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

BANDS = 80
DIMENSIONS = 256
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    network = session(CARD.weights[0])

    def infer(inputs: Tensors) -> Tensors:
        rows = np.empty((len(inputs["bands"]), DIMENSIONS), np.float32)
        for number, bands in enumerate(inputs["bands"]):
            weights = np.ones((1, len(bands)), np.float32)
            (embedding,) = network.run(None, {"fbank": bands[None], "weights": weights})
            rows[number] = embedding[0] / np.linalg.norm(embedding[0])
        return {"embedding": rows}

    return infer


MODEL = Definition(
    name="voice_embedding",
    version="pyannote-community-1-moonshine-voice-0.1.0",
    signature=Signature(
        # Kaldi's log mel filterbank of 16 kHz, a frame each 10 ms, less its mean.
        inputs=(Tensor("bands", "FP32", (-1, BANDS)),),
        # Of length 1: a product is a cosine.
        outputs=(Tensor("embedding", "FP32", (DIMENSIONS,)),),
    ),
    reference="clipmill_models.voice_embedding.definition:MODEL",
    load=load,
    example=lambda: {"bands": np.random.default_rng(0).normal(size=(1, 50, BANDS)).astype(np.float32)},
    card=CARD,
    # Voices are heard for lengths of their own.
    batching=Batching(max_rows=1, max_waiting=64),
    placement=Placement(instances=2, memory_bytes=64 << 20),
)
