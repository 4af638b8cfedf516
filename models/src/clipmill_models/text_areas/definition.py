"""PP-OCRv4's mobile text detector: for each pixel how likely it lies within a line of text.

M. Liao et al., Real-time Scene Text Detection with Differentiable Binarization (AAAI 2020). What makes areas of the
answer is whoever's who looks for text.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipmill_models import onnx_file
from clipmill_models.embedded import session
from clipmill_models.lite import Network
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

# Sides that are no multiple are filled up with black.
MULTIPLE = 32
CARD = Card.read(Path(__file__).with_name("model.toml"))
# As PP-OCR trained it, channel by channel.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255


def load() -> Infer:
    network = session(CARD.weights[0])
    return _by(lambda image: network.run(None, {"x": image}))


def load_from(path: Path) -> Infer:
    """The smaller ONNX file that `make export` makes of the same weights, or another of the same input and output."""
    return _by(onnx_file.network(path, 1))


def _by(network: Network) -> Infer:
    def infer(inputs: Tensors) -> Tensors:
        _, height, width, _ = inputs["image"].shape
        (found,) = network(prepared(inputs["image"]))
        return {"text": np.ascontiguousarray(found[:, 0, :height, :width])}

    return infer


def prepared(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network is given of RGB rows: channels first, as it was trained."""
    rows, height, width, _ = images.shape
    tall, wide = (-(-side // MULTIPLE) * MULTIPLE for side in (height, width))
    image = np.zeros((rows, tall, wide, 3), np.float32)
    image[:, :height, :width] = images
    image -= _MEAN
    image /= _DEVIATION
    return np.ascontiguousarray(image.transpose(0, 3, 1, 2))


MODEL = Definition(
    name="text_areas",
    version="pp-ocr-v4-rapidocr-3.8.4",
    signature=Signature(
        # RGB, upright; letters should be about eight pixels high or more.
        inputs=(Tensor("image", "UINT8", (-1, -1, 3)),),
        # 0 to 1, a little inside of the lines' edges.
        outputs=(Tensor("text", "FP32", (-1, -1)),),
    ),
    reference="clipmill_models.text_areas.definition:MODEL",
    load=load,
    example=lambda: {"image": np.zeros((1, 96, 160, 3), np.uint8)},
    card=CARD,
    batching=Batching(max_rows=4, max_waiting=64),
    placement=Placement(instances=1, memory_bytes=128 << 20),
    load_from=load_from,
)
